// Power cut at every flash operation, in three torn models; and histories of many cuts.

import { noFindings, prepared, recordings, tryCuts } from '../support/power-cuts.ts'
import { createRandom } from '../support/random.ts'
import { tornModels } from '../support/sim-flash.ts'
import type { Bench, Row } from './row.ts'

const firstDay = 20000

export const powerCuts: Bench = async (note) => {
  const rows: Row[] = []
  const report = (name: string, found: ReturnType<typeof noFindings>) => {
    for (const [what, value] of Object.entries(found)) {
      rows.push({ bench: 'power-cuts', name: `${name}: ${what}`, value, unit: '' })
    }
  }
  for (const pageBytes of [1024, 4096]) {
    const list = recordings(7, firstDay * 48, 30 * 48)
    const count = list.findIndex((entry) => entry.halfHour >= (firstDay + 27) * 48)
    const ground = prepared(pageBytes, list, count)
    for (const model of tornModels) {
      const found = noFindings()
      for (let cut = 0; tryCuts(ground, list, count, [cut], model, cut + 1, found); cut++);
      report(`every operation of three days, ${pageBytes}-byte pages, ${model}`, found)
    }
    note(`${pageBytes}-byte pages done`)
  }
  const found = noFindings()
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed)
    const list = recordings(seed, firstDay * 48, 14 * 48)
    const cuts = Array.from({ length: 30 }, () => random.below(60))
    tryCuts(prepared(seed % 2 ? 1024 : 4096, list, 0), list, 0, cuts, tornModels[seed % 3]!, seed, found)
  }
  report('forty fortnights of random cuts', found)
  return rows
}

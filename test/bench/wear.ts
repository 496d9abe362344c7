// Erases of each page in a year, against what flash is rated for.

import { flashMap, flashMapPages, pageBytes } from '../../firmware/flash-map.ts'
import { openProfileLog } from '../../firmware/profile-log.ts'
import { householdWh } from '../../hardware/household.ts'
import { createRandom } from '../support/random.ts'
import { createSimFlash } from '../support/sim-flash.ts'
import type { Bench } from './row.ts'

/** Erase cycles that NOR flash is commonly rated for. */
const ratedCycles = 10000
const years = 2

export const wear: Bench = async () => {
  const flash = createSimFlash(pageBytes, flashMapPages, createRandom(1))
  let register = 0
  const first = 20000 * 48
  // One start a day, as a bench on a desk has it.
  for (let day = 0; day < years * 365; day++) {
    const log = openProfileLog(flash)
    for (let i = 0; i < 48; i++) {
      const wh = householdWh(1, first + day * 48 + i)
      register += wh
      log.record(first + day * 48 + i, wh, false, register)
    }
  }
  const perYear = (from: number, pages: number) => Math.max(...flash.erases.slice(from, from + pages)) / years
  const journal = perYear(flashMap.journalAt, flashMap.journalPages)
  const ring = perYear(flashMap.importAt, flashMap.importPages)
  const row = (name: string, value: number, unit: string) => ({ bench: 'wear', name, value, unit })
  return [
    row('journal: erases of a page in a year, one start a day', journal, ''),
    row('day blocks: erases of a page in a year', ring, ''),
    row('years until the most erased page has its rated 10,000', ratedCycles / Math.max(journal, ring), 'years'),
  ]
}

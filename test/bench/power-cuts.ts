// Power cut at every flash operation, in three torn models; twice in a row; and lives with many cuts, each from a seed.
//
// npm run bench -- power-cuts: everything, for half an hour on two cores. POWER_CUTS=one-deep (or two-deep, fortnights,
// years, any-years) does that part alone; POWER_CUTS_SEED=N plays the life with that seed again and nothing else.

import { fork } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Tally } from '../support/power-cuts.ts'
import { addTally, noTally } from '../support/power-cuts.ts'
import { findingKinds } from '../support/read-back.ts'
import type { Order } from './power-cut-part.ts'
import type { Bench, Row } from './row.ts'

/** What is tried: its name, what it is for people, and into how many orders it is cut for the cores to share. */
const trials: { name: Order['trial']; title: string; parts: number; seeds: boolean }[] = [
  {
    name: 'one-deep',
    title: 'every operation of thirty days in which a page of every log turns',
    parts: 48,
    seeds: false,
  },
  { name: 'two-deep', title: 'every pair of operations of a day', parts: 48, seeds: false },
  { name: 'fortnights', title: '1,000 random fortnights', parts: 1000, seeds: true },
  { name: 'years', title: '20 random years', parts: 20, seeds: true },
  { name: 'any-years', title: '20 random years in which anything happens', parts: 20, seeds: true },
]

function runPart(order: Order): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./power-cut-part.ts', import.meta.url)), { execArgv: process.execArgv })
    child.once('message', (tally: Tally) => {
      resolve(tally)
      child.disconnect()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${JSON.stringify(order)} ended with code ${code}`)))
    child.send(order)
  })
}

export const powerCuts: Bench = async (note) => {
  const { POWER_CUTS, POWER_CUTS_SEED } = process.env
  const rows: Row[] = []
  for (const { name, title, parts, seeds } of trials) {
    if (POWER_CUTS !== undefined && POWER_CUTS !== name) continue
    if (POWER_CUTS_SEED !== undefined && !seeds) continue
    const total = noTally()
    const orders = Array.from({ length: parts }, (_, part): Order => ({ trial: name, part, parts }))
    const left = POWER_CUTS_SEED === undefined ? orders : [{ trial: name, part: Number(POWER_CUTS_SEED) - 1, parts }]
    const all = left.length
    let done = 0
    const worker = async () => {
      for (let order = left.shift(); order !== undefined; order = left.shift()) {
        addTally(total, await runPart(order))
        done += 1
        if (done === all || done % Math.ceil(all / 10) === 0) note(`${name}: ${done} of ${all}, ${total.cuts} cuts`)
      }
    }
    await Promise.all(Array.from({ length: cpus().length }, worker))
    const row = (what: string, value: number, unit = '') =>
      rows.push({ bench: 'power-cuts', name: `${title}: ${what}`, value, unit })
    row('cuts', total.cuts)
    for (const kind of findingKinds) row(kind, total[kind])
    row('most energy lost on a channel beyond what the interrupted step counted', total.beyondActWh, 'Wh')
    for (const line of total.first) note(`FOUND ${line}`)
    if (findingKinds.some((kind) => total[kind] > 0)) process.exitCode = 1
  }
  return rows
}

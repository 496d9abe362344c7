// Power cut at every flash operation, in three torn models; twice in a row; and lives with many cuts, each from a seed.
//
// npm run bench -- power-cuts: everything, on every core. POWER_CUTS=one-deep (or one-deep-on, two-deep, fortnights, years,
// any-years) does that part alone; with POWER_CUTS_SEED=N beside it only the life with that seed.

import { addTally, noTally, type Tally } from '../support/model/cut-trials.ts'
import { findingKinds } from '../support/model/read-back.ts'
import type { Done, LifeName, Task } from './power-cut-part.ts'
import type { Bench, Row } from './row.ts'
import { share } from './share.ts'

const part = new URL('./power-cut-part.js', import.meta.url)

interface Trial {
  title: string
  tasks: Task[]
}

function spans(span: 'month' | 'day', depth: number, ahead: number, parts: number): Task[] {
  return Array.from({ length: parts }, (_, part) => ({ span, depth, ahead, part, parts }))
}

/** `count` lives, `each` to a task; or the one with this seed. */
function lives(life: LifeName, count: number, each: number, seed: number | undefined): Task[] {
  if (seed !== undefined) return [{ life, from: seed, to: seed }]
  return Array.from({ length: count / each }, (_, i) => ({ life, from: i * each + 1, to: (i + 1) * each }))
}

function trials(seed: number | undefined): { [name: string]: Trial } {
  return {
    'one-deep': { title: 'every operation of thirty days', tasks: spans('month', 1, 3, 16) },
    'one-deep-on': { title: 'every operation of a day, lived on for a day', tasks: spans('day', 1, 100, 4) },
    'two-deep': { title: 'every pair of operations of a day', tasks: spans('day', 2, 2, 32) },
    fortnights: { title: '1,000 fortnights of many cuts', tasks: lives('fortnights', 1000, 25, seed) },
    years: { title: '20 years of many cuts', tasks: lives('years', 20, 1, seed) },
    'any-years': { title: '40 years of cuts, clocks and settings', tasks: lives('any-years', 40, 2, seed) },
  }
}

function chosen(): [string, Trial][] {
  const { POWER_CUTS, POWER_CUTS_SEED } = process.env
  if (POWER_CUTS_SEED !== undefined && !/^\d+$/.test(POWER_CUTS_SEED))
    throw new Error('POWER_CUTS_SEED is a whole number')
  const all = trials(POWER_CUTS_SEED === undefined ? undefined : Number(POWER_CUTS_SEED))
  if (POWER_CUTS === undefined) return Object.entries(all)
  const trial = all[POWER_CUTS]
  if (trial === undefined) throw new Error(`POWER_CUTS is one of ${Object.keys(all).join(', ')}, not "${POWER_CUTS}"`)
  return [[POWER_CUTS, trial]]
}

function rowsOf(title: string, tally: Tally): Row[] {
  const row = (name: string, value: number, unit = '') => ({ bench: 'power-cuts', name: title + name, value, unit })
  return [
    row('cuts', tally.cuts),
    ...findingKinds.map((kind) => row(kind, tally[kind])),
    row('most programs of a word between two erases', tally.programs),
    row('most energy lost on a channel', tally.lostWh, 'Wh'),
    row('most energy lost beyond what the interrupted step counted, as a share of its bound', tally.shareOfBound, ''),
  ]
}

export const powerCuts: Bench = async (note) => {
  const rows: Row[] = []
  const total = noTally()
  for (const [name, { title, tasks }] of chosen()) {
    const tally = noTally()
    const startMs = performance.now()
    let ready = 0
    let turned = Number.POSITIVE_INFINITY
    await share(part, tasks, (outcome: Done) => {
      ready += 1
      addTally(tally, outcome)
      turned = Math.min(turned, outcome.pagesTurned)
      const seconds = Math.round((performance.now() - startMs) / 1000)
      if (ready % Math.ceil(tasks.length / 8) === 0)
        note(`${name}: ${ready} of ${tasks.length}, ${tally.cuts} cuts, ${seconds} s`)
      for (const what of outcome.first) note(`FOUND ${what}`)
      for (const seed of outcome.seeds)
        note(`again: POWER_CUTS=${name} POWER_CUTS_SEED=${seed} npm run bench -- power-cuts`)
    })
    rows.push(...rowsOf(`${title}: `, tally))
    if (name === 'one-deep') {
      rows.push({ bench: 'power-cuts', name: `${title}: pages turned, of each log at least`, value: turned, unit: '' })
    }
    addTally(total, tally)
  }
  if (findingKinds.some((kind) => total[kind] > 0)) process.exitCode = 1
  return [...rows, ...rowsOf('', total)]
}

// Power cuts around the midnight of a billing date, when most records are written.

import { createJob, ground, pagesTurned, type Tally, tryCuts } from './cut-trials.ts'
import type { Act } from './life-acts.ts'
import { live } from './meter-life.ts'
import { halfHourMs } from './plain-meter.ts'
import { type PlainSettings, plainSettings } from './plain-settings.ts'

const firstMs = Date.UTC(2026, 2, 2)
/** A billing date begins at the end of the first day. */
const settings: PlainSettings = { ...plainSettings, billingDay: 3, checkpointWh: 10 }

/** Half-hours with 100, 50, 20 and 10 pulses, a step at the end of each; `from` and `to` in hours after the first day began. */
export function halfHourSteps(from: number, to: number): Act[] {
  const acts: Act[] = []
  for (let half = from * 2 + 1; half <= to * 2; half++) {
    acts.push({ do: 'step', atMs: firstMs + half * halfHourMs, pulses: [100, 50, 20, 10] })
  }
  return acts
}

export function startAt(hour: number): Act {
  return { do: 'start', atMs: firstMs + hour * 2 * halfHourMs }
}

/** Up to the last half-hour before that midnight, with so many records in the journal during it. */
function beforeMidnight(records: number): Act[] {
  const acts = [startAt(-20), ...halfHourSteps(-20, 23.5)]
  for (let i = 1; i <= records; i++) {
    acts.push({ do: 'step', atMs: firstMs + 23.5 * 2 * halfHourMs + i * 2000, pulses: [10, 0, 0, 0] })
  }
  return acts
}

/** Numbers of records with which the journal's page turns while that midnight is written. */
function turningAt(): number[] {
  const found: number[] = []
  for (let records = 150; records < 170; records++) {
    const job = createJob({ pageBytes: 4096, pages: 25, ahead: 0 }, 0)
    const life = ground(job, settings, beforeMidnight(records), 0)
    const before = pagesTurned(life.flash)
    for (const act of halfHourSteps(23.5, 24)) live(life, act)
    if (pagesTurned(life.flash).journal! > before.journal!) found.push(records)
  }
  return found
}

/** Cuts power in that midnight, and again in the start after it: at one in so many operations. */
export function cutMidnightTwice(parts: number): Tally {
  const job = createJob({ pageBytes: 4096, pages: 25, ahead: 3, parts }, 2)
  const life = ground(job, settings, beforeMidnight(5), 0)
  tryCuts(job, life, halfHourSteps(23.5, 24.5).slice(0, 1), 2)
  return job.tally
}

/** Cuts power in that midnight for each place where the journal's page can turn, and once more later, so often for each. */
export function cutWhereJournalTurns(times: number): Tally[] {
  const acts = [...halfHourSteps(23.5, 24), startAt(25), startAt(26), ...halfHourSteps(26, 27)]
  return turningAt().flatMap((records, place) =>
    Array.from({ length: times }, (_, again) => {
      const job = createJob({ pageBytes: 4096, pages: 25, ahead: 3, models: ['weak'] }, 1)
      const life = ground(job, settings, beforeMidnight(records), 0)
      tryCuts(job, life, acts, 1, [], place * 100 + again + 1)
      return job.tally
    }),
  )
}

// How much of each day settlement had by each of its runs.

import { runsOf } from '../../host/catalogue/settlement-timetable.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import type { Measures } from './measures.ts'
import type { Scenario } from './scenario.ts'

export interface CompletenessRow {
  kind: 'utc' | 'settlement'
  day: string
  channel: 'import' | 'export'
  /** Half-hours wanted, and delivered by the end of the rehearsal. */
  wanted: number
  delivered: number
  /** By run of settlement: its date, and the share that had been delivered by then. Absent where the rehearsal ended before. */
  runs: { name: string; date: string; share?: number }[]
}

/** Rows by kind of day, day and channel. A run has what was delivered before its date. */
export function completenessRows(scenario: Scenario, { completeness, hours }: Measures): CompletenessRow[] {
  const endDay = Math.floor((Date.parse(scenario.start) + hours * 3_600_000) / dayMs)
  return [...completeness]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { expected, delivered }]) => {
      const [kind, day = '', channel] = key.split(' ')
      const by = (date: number) => [...delivered].reduce((sum, [at, count]) => (at < date ? sum + count : sum), 0)
      const total = by(Number.POSITIVE_INFINITY)
      return {
        kind: kind === 'utc' ? 'utc' : 'settlement',
        day,
        channel: channel === 'export' ? 'export' : 'import',
        wanted: expected,
        delivered: total,
        runs: runsOf(scenario.timetable, day).map(({ name, date }) => {
          const runDay = Date.parse(date) / dayMs
          return { name, date, ...(runDay <= endDay && { share: Number((by(runDay) / expected).toFixed(6)) }) }
        }),
      }
    })
}

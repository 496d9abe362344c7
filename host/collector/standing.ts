// How a collector stands by the timetable of settlement: of the Settlement Days of each run, how many are complete.

import { dayBefore, settlementDayOf } from '../access/settlement-day.ts'
import { runsOf, type SettlementTimetableName } from '../catalogue/settlement-timetable.ts'
import type { DayValues } from './values.ts'

export interface RunStanding {
  /** Of the timetable: SF, R1, … */
  run: string
  /** Settlement Days (of one MPAN each) whose run is past, and how many of them are complete. */
  past: number
  pastComplete: number
  /** Those whose run is still to come. */
  ahead: number
  aheadComplete: number
  /** The date of the next run, and its Settlement Day. */
  next?: { date: string; settlementDay: string }
}

/** A day is complete when each period of the agreement has a value. */
export const isComplete = ({ values }: Pick<DayValues, 'values'>) => values.every(({ wh }) => wh !== null)

/** Counts days by the runs of a timetable. */
export function standingOf(
  days: Iterable<DayValues>,
  timetable: SettlementTimetableName,
  nowMs: number,
): RunStanding[] {
  const today = settlementDayOf(nowMs)
  const standings = new Map<string, RunStanding>()
  for (const day of days) {
    for (const { name, date } of runsOf(timetable, day.date)) {
      const standing = standings.get(name) ?? { run: name, past: 0, pastComplete: 0, ahead: 0, aheadComplete: 0 }
      standings.set(name, standing)
      const complete = isComplete(day) ? 1 : 0
      if (date <= dayBefore(today)) {
        standing.past += 1
        standing.pastComplete += complete
        continue
      }
      standing.ahead += 1
      standing.aheadComplete += complete
      if (standing.next === undefined || date < standing.next.date) standing.next = { date, settlementDay: day.date }
    }
  }
  return [...standings.values()]
}

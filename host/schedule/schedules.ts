// When a DCC schedule runs, and which window each run asks for. Pure date arithmetic in UTC: days are counted from
// 1970-01-01, summer time does not exist here (schedules are UTC all year, DUGIDS annex 5).
//
// Runs repeat from the start date. Monthly, quarterly, half-yearly and yearly ones keep its day of the month; where a
// month is too short, its last day (an assumption). A schedule of the 31st runs on 28 February and on 31 March again.

import { dayMs } from '../../protocol/half-hour.ts'
import type { Frequency, ScheduleDetails } from '../duis/non-device-fields.ts'
import type { Period } from '../duis/request.ts'

type Recurrence = Pick<ScheduleDetails, 'frequency' | 'startDay' | 'endDay'>

/** Every so many days, or every so many months. */
const steps: { readonly [frequency in Frequency]: { days: number } | { months: number } } = {
  Daily: { days: 1 },
  Weekly: { days: 7 },
  Monthly: { months: 1 },
  Quarterly: { months: 3 },
  'Half-Yearly': { months: 6 },
  Yearly: { months: 12 },
}

/** The last day that a schedule may name or run on, 9999-12-31: later ones cannot be written as xs:date. */
export const lastDay = Date.UTC(9999, 11, 31) / dayMs

/** The day on which a schedule runs for the `index`th time, counted from 0. */
function runDay({ frequency, startDay }: Recurrence, index: number): number {
  const step = steps[frequency]
  if ('days' in step) return startDay + index * step.days
  const start = new Date(startDay * dayMs)
  // The last day of a month is day 0 of the next. setUTCFullYear, because Date.UTC reads years 0 to 99 as 1900 to 1999.
  const month = start.getUTCMonth() + index * step.months
  const date = new Date(0)
  date.setUTCFullYear(start.getUTCFullYear(), month + 1, 0)
  date.setUTCDate(Math.min(start.getUTCDate(), date.getUTCDate()))
  return date.getTime() / dayMs
}

/** The index of the first run on `fromDay` or later, or one before it. */
function indexNear({ frequency, startDay }: Recurrence, fromDay: number): number {
  const step = steps[frequency]
  if ('days' in step) return Math.floor((fromDay - startDay) / step.days)
  const [start, from] = [new Date(startDay * dayMs), new Date(fromDay * dayMs)]
  const years = from.getUTCFullYear() - start.getUTCFullYear()
  return Math.floor((years * 12 + from.getUTCMonth() - start.getUTCMonth()) / step.months)
}

/** The first day of a run on `fromDay` or later; undefined when the schedule has ended by then. */
export function nextRunDay(schedule: Recurrence, fromDay: number): number | undefined {
  let index = Math.max(0, indexNear(schedule, fromDay))
  while (runDay(schedule, index) < fromDay) index += 1
  const day = runDay(schedule, index)
  return day <= Math.min(schedule.endDay ?? lastDay, lastDay) ? day : undefined
}

/** The window that the run of a day asks for; undefined for a schedule of registers. */
export function periodOfRun({ period }: Pick<ScheduleDetails, 'period'>, day: number): Period | undefined {
  if (period === undefined) return undefined
  return {
    startMs: (day + period.startDays) * dayMs + period.startTimeMs,
    endMs: (day + period.endDays) * dayMs + period.endTimeMs,
  }
}

/** True when a period offset begins before it ends. */
export function isForward(period: NonNullable<ScheduleDetails['period']>): boolean {
  return period.startDays * dayMs + period.startTimeMs < period.endDays * dayMs + period.endTimeMs
}

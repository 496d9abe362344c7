// xs:date and xs:time of DCC schedules, in both directions. Days are counted from 1970-01-01, times of day are
// milliseconds. Schedules are in UTC (DUGIDS): a zone other than UTC is refused, not converted, because converting a date
// and a time apart from each other can move them by a day.

import { dayMs } from '../../protocol/half-hour.ts'
import { parseDateTime } from './date-time.ts'

/** Days since 1970-01-01 of an xs:date in UTC (`2026-12-01`, `2026-12-01Z`), or undefined. Years 0001 to 9999. */
export function parseUtcDate(text: string): number | undefined {
  const date = /^(\d{4}-\d\d-\d\d)(?:Z|[+-]00:00)?$/.exec(text)?.[1]
  const atMs = date === undefined ? undefined : parseDateTime(`${date}T00:00:00Z`)
  return atMs === undefined ? undefined : atMs / dayMs
}

/**
 * Milliseconds of an xs:time in UTC (`01:00:00Z`, without a zone too), or undefined. `24:00:00` is none: as a time of day
 * XML Schema takes it for 00:00:00 of the same day, and the writer means the next.
 */
export function parseUtcTime(text: string): number | undefined {
  const time = /^(\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|[+-]00:00)?$/.exec(text)?.[1]
  return time === undefined || time.startsWith('24') ? undefined : parseDateTime(`1970-01-01T${time}Z`)
}

/** `2026-12-01`. Years 0001 to 9999. */
export function formatUtcDate(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

/** `01:00:00Z`; `01:00:00.500Z` where there are milliseconds. */
export function formatUtcTime(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11).replace('.000Z', 'Z')
}

import { dayMs } from '../../protocol/half-hour.ts'

// xs:dateTime in both directions. All times are milliseconds since 1970-01-01T00:00:00Z.

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|([+-])(\d\d):(\d\d))?$/

/**
 * Milliseconds of an xs:dateTime (XML Schema Part 2, 3.2.7), or undefined for anything else. Years 0001 to 9999;
 * `24:00:00` is the next midnight; a fraction is truncated to milliseconds; offsets up to 14:00.
 *
 * A missing zone is taken as UTC: SMETS1 device time is UTC, and the schema makes the zone optional.
 */
export function parseDateTime(text: string): number | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = ''] = match
  const dayStartMs = dayOf(Number(year), Number(month), Number(day))
  if (dayStartMs === undefined) return undefined
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'))
  const timeMs = Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000 + ms
  const midnight = timeMs === dayMs && hour === '24' && !/[1-9]/.test(fraction)
  if (!midnight && (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)) return undefined
  const [, , , , , , , , , sign, offsetHour = '0', offsetMinute = '0'] = match
  const offsetMinutes = Number(offsetHour) * 60 + Number(offsetMinute)
  if (Number(offsetMinute) > 59 || offsetMinutes > 840) return undefined
  return dayStartMs + timeMs - (sign === '-' ? -offsetMinutes : offsetMinutes) * 60_000
}

function dayOf(year: number, month: number, day: number): number | undefined {
  if (year === 0) return undefined
  // Date.UTC reads years 0 to 99 as 1900 to 1999; setUTCFullYear does not.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined
}

let dayCached = Number.NaN
let dayCachedText = ''

/**
 * `2026-11-22T00:00:00Z` for a time in the years 0001 to 9999; milliseconds are truncated. The date part is cached
 * from one call to the next, because a profile response has hundreds of stamps of few days (five times faster).
 */
export function formatDateTime(timeMs: number): string {
  const day = Math.floor(timeMs / dayMs)
  if (day !== dayCached) {
    dayCachedText = new Date(day * dayMs).toISOString().slice(0, 11)
    dayCached = day
  }
  const seconds = Math.floor((timeMs - day * dayMs) / 1_000)
  const hour = Math.floor(seconds / 3_600)
  const minute = Math.floor(seconds / 60) % 60
  return `${dayCachedText}${two(hour)}:${two(minute)}:${two(seconds % 60)}Z`
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}

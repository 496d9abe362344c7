// The only calendar arithmetic on the line and in the meter: half-hours and days of UTC, counted since 1970.

import { halfHoursPerDay } from './limits.ts'

/** Milliseconds of a half-hour. */
export const halfHourMs = 1800000

/** Milliseconds of a UTC day. */
export const dayMs = halfHourMs * halfHoursPerDay

/**
 * Number of the half-hour that contains the instant: half-hour `n` runs from `n * 30 min` (included) to
 * `(n + 1) * 30 min` (excluded) after 1970-01-01T00:00Z.
 */
export function halfHourOf(atMs: number): number {
  return Math.floor(atMs / halfHourMs)
}

/** The instant, in milliseconds UTC, at which a half-hour begins. */
export function startOfHalfHour(halfHour: number): number {
  return halfHour * halfHourMs
}

/**
 * The instant with which a half-hour is stamped: its end. An assumption (profile capture in GBCS and DLMS stamps the
 * end; the SMETS1 text was not read), stated to users and kept in this one place.
 */
export function stampOfHalfHour(halfHour: number): number {
  return (halfHour + 1) * halfHourMs
}

/** Number of the UTC day to which a half-hour belongs. */
export function dayOfHalfHour(halfHour: number): number {
  return Math.floor(halfHour / halfHoursPerDay)
}

/** The first half-hour of a UTC day. */
export function firstHalfHourOfDay(day: number): number {
  return day * halfHoursPerDay
}

/** A day of UTC as people write it. `month` and `day` count from 1. */
export interface CivilDate {
  year: number
  month: number
  day: number
}

/**
 * Year, month and day of a day number, 0 or more. By whole numbers, with years that begin in March (Howard Hinnant,
 * "chrono-compatible low-level date algorithms"): no release of Espruino has `Date.UTC` or the `getUTC` methods.
 */
export function dateOfDay(day: number): CivilDate {
  const shifted = day + 719468
  const era = Math.floor(shifted / 146097)
  const ofEra = shifted - era * 146097
  const leapDays = Math.floor(ofEra / 1460) - Math.floor(ofEra / 36524) + Math.floor(ofEra / 146096)
  const yearOfEra = Math.floor((ofEra - leapDays) / 365)
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const fromMarch = Math.floor((5 * ofYear + 2) / 153)
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
  return {
    year: era * 400 + yearOfEra + (month > 2 ? 0 : 1),
    month: month,
    day: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  }
}

/** Number of a day of UTC, the inverse of `dateOfDay`. `month` and `day` count from 1. */
export function dayOfDate(year: number, month: number, day: number): number {
  const fromMarch = month > 2 ? month - 3 : month + 9
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const ofEra = shifted - era * 400
  const ofYear = Math.floor((153 * fromMarch + 2) / 5) + day - 1
  return era * 146097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719468
}

/** Weekday of a day number: 0 is Sunday, 6 Saturday. */
export function weekdayOfDay(day: number): number {
  return (day + 4) % 7
}

/** Number of the last Sunday of a month of 31 days. */
function lastSunday(year: number, month: number): number {
  const last = dayOfDate(year, month, 31)
  return last - weekdayOfDay(last)
}

/** Milliseconds that British local time is ahead of UTC: an hour from 01:00 UTC on the last Sunday of March to that of October. */
export function localAheadMs(atMs: number): number {
  const year = dateOfDay(Math.floor(atMs / dayMs)).year
  const hourMs = 2 * halfHourMs
  const from = lastSunday(year, 3) * dayMs + hourMs
  const to = lastSunday(year, 10) * dayMs + hourMs
  return atMs >= from && atMs < to ? hourMs : 0
}

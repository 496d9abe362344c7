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

/**
 * The half-hours whose stamps lie in a read window: start < stamp <= end, so that 00:00Z to the next 00:00Z is the 48
 * half-hours of one day. Whether real S1SPs include the start is not known: an assumption, stated to users.
 * `count` is 0 for an empty or reversed window.
 */
export function halfHoursInWindow(startMs: number, endMs: number): { first: number; count: number } {
  const first = Math.floor(startMs / halfHourMs)
  const last = Math.floor(endMs / halfHourMs) - 1
  return { first: first, count: last >= first ? last - first + 1 : 0 }
}

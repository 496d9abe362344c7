// Settlement Days: days of British local time, written `YYYY-MM-DD`, which sort as text.
//
// A change of Registration takes effect at 00:00 on a Settlement Day (SECMP0162 preliminary impact assessment,
// requirement 1). That this is local midnight is inferred from the Settlement Period, which is always local time
// (Elexon). Meters keep UTC all year, so a Settlement Day in summer runs from 23:00Z to 23:00Z.
//
// Summer time is by the rule in force since 1996: from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last
// Sunday of October. Earlier years had other dates and are not supported: the functions apply today's rule to them, which
// is wrong for some days. No registration may begin before 1996.

import { dayMs, halfHourMs, localAheadMs } from '../../protocol/half-hour.ts'

/** Most Settlement Days in one call: over 13 months, more than any profile log holds. */
export const settlementDaysMax = 500

// Instants outside are clamped, so that every year has four digits and days sort as text.
const earliestMs = Date.parse('0001-01-01T00:00Z')
const latestMs = Date.parse('9999-12-31T00:00Z')

/** The Settlement Day in which an instant (milliseconds UTC) lies, from 0001-01-01 to 9999-12-31 whatever the instant. */
export function settlementDayOf(atMs: number): string {
  const insideMs = Math.min(Math.max(atMs, earliestMs), latestMs)
  return dateOf(insideMs + localAheadMs(insideMs))
}

/**
 * When a Settlement Day begins (included) and ends (excluded), milliseconds UTC. Throws RangeError for text that is not a date,
 * and for 9999-12-31.
 */
export function settlementDayBounds(day: string): { startMs: number; endMs: number } {
  return { startMs: localMidnightMs(day), endMs: localMidnightMs(dayAfter(day)) }
}

/** Settlement Periods (half-hours) of a Settlement Day: 48, or 46 in March and 50 in October when clocks change. */
export function periodsOf(day: string): number {
  const { startMs, endMs } = settlementDayBounds(day)
  return (endMs - startMs) / halfHourMs
}

/** True for a date of the calendar written `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && dateOf(Date.parse(text)) === text
}

export function dayAfter(day: string): string {
  return dateOf(utcMidnightMs(day) + dayMs)
}

export function dayBefore(day: string): string {
  return dateOf(utcMidnightMs(day) - dayMs)
}

// Clocks change at 01:00 UTC and local midnight is 23:00Z or 00:00Z, so the offset at 00:00Z is that of local midnight.
function localMidnightMs(day: string): number {
  const midnightMs = utcMidnightMs(day)
  return midnightMs - localAheadMs(midnightMs)
}

function utcMidnightMs(day: string): number {
  if (!isDate(day)) throw new RangeError(`no date: ${day}`)
  return Date.parse(day)
}

/** Dates by day since 1970. A request asks for those of the same few days again and again. */
const dates = new Map<number, string>()
const datesMax = 1000

function dateOf(atMs: number): string {
  const day = Math.floor(atMs / dayMs)
  const known = dates.get(day)
  if (known !== undefined) return known
  const date = new Date(atMs).toISOString().slice(0, 10)
  if (dates.size >= datesMax) dates.clear()
  dates.set(day, date)
  return date
}

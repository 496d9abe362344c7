// Scheduling windows: the part of the day in which scheduled requests go out, and where in it each one goes.
//
// The DCC's window is "circa midnight to 6am"; each S1SP, and the MDRs, can be given one of their own (SECMP0162
// preliminary impact assessment, 4.1 and the DSP solution). Lengths discussed there: 7 to 20 h, 8 h and 12 h outside
// the existing window, and 24 h.

import { dayMs } from '../../protocol/half-hour.ts'
import type { ScheduleDetails } from '../duis/non-device-fields.ts'

/** From `startMs` of the UTC day on; may reach into the next day. */
export type Window = { startMs: number; lengthMs: number }

const hourMs = 3_600_000
const minuteMs = 60_000

/** Windows by name. That those of 8 and 12 hours begin when the existing one ends is an assumption. */
const namedWindows: { readonly [name: string]: string } = {
  '6h': '00:00-06:00',
  '8h': '06:00-14:00',
  '12h': '06:00-18:00',
  '13h': '07:00-20:00',
  '24h': '00:00-24:00',
}

/** A window written `22:00-04:00`, or by one of the names `6h 8h 12h 13h 24h`; undefined for anything else. */
export function parseWindow(text: string): Window | undefined {
  const written = Object.hasOwn(namedWindows, text) ? namedWindows[text]! : text
  const match = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(written)
  if (match === null) return undefined
  const [, startHour, startMinute, endHour, endMinute] = match.map(Number) as [number, number, number, number, number]
  const startMs = startHour * hourMs + startMinute * minuteMs
  const endMs = endHour * hourMs + endMinute * minuteMs
  if (startMs >= dayMs || endMs > dayMs || startMs === endMs) return undefined
  return { startMs, lengthMs: endMs > startMs ? endMs - startMs : endMs + dayMs - startMs }
}

/**
 * Where in its window a schedule goes, from 0 to 1 (excluded). Numbers that follow each other are spread as evenly as
 * any numbers can be (multiples of the golden ratio, modulo 1), so there is no spike however many there are; `seed`
 * turns the whole arrangement. Worked in 32 bits, so that the result is the same everywhere.
 */
export function placeInWindow(scheduleId: number, seed: number): number {
  const goldenRatio = 0x9e3779b9
  return (Math.imul((scheduleId + seed * 40_503) >>> 0, goldenRatio) >>> 0) / 0x100000000
}

/**
 * When the run of a day goes out, milliseconds UTC. `exact`: at the time that the User gave, spread over the window when
 * none was given. `window`: always in the window; a time given is then the earliest.
 */
export function dueMsOf(
  { executionTimeMs }: Pick<ScheduleDetails, 'executionTimeMs'>,
  day: number,
  window: Window,
  place: number,
  startTimes: 'exact' | 'window',
): number {
  if (executionTimeMs !== undefined && startTimes === 'exact') return day * dayMs + executionTimeMs
  const inDayMs = window.startMs + Math.floor(place * window.lengthMs)
  const later = executionTimeMs !== undefined && inDayMs < executionTimeMs
  return day * dayMs + inDayMs + (later ? dayMs : 0)
}

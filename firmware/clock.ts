// When a half-hour ends, and whether it was whole. A pure state machine: the meter tells it the time and the register.

import { halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'

/** The half-hour that is running. */
export interface Running {
  halfHour: number
  /** Register at its start, in Wh. */
  startWh: number
  /** True when it did not begin on time, undisturbed. */
  marked: boolean
}

/** A half-hour that has ended. */
export interface Ended {
  halfHour: number
  wh: number
  marked: boolean
}

/** The half-hour in which a meter starts: marked unless it starts exactly with it. */
export function startClock(nowMs: number, importWh: number): Running {
  const halfHour = halfHourOf(nowMs)
  return { halfHour: halfHour, startWh: importWh, marked: startOfHalfHour(halfHour) !== nowMs }
}

/**
 * The half-hour that ends at `nowMs`, if one does. `whBefore` is the register as the last call saw it, `whNow` as it is.
 *
 * - Time moved into the next half-hour: the running one has ended, with all that was counted.
 * - Time jumped over one or more half-hours: the running one ends marked, with what was counted up to the last call;
 *   what came in between belongs to no half-hour (the register has it), and those jumped over stay missing.
 * - Time went back: the running one is given up; nothing is invented for it.
 */
export function endedAt(running: Running, nowMs: number, whBefore: number, whNow: number): Ended | undefined {
  const passed = halfHourOf(nowMs) - running.halfHour
  if (passed <= 0) return undefined
  if (passed === 1) return { halfHour: running.halfHour, wh: whNow - running.startWh, marked: running.marked }
  return { halfHour: running.halfHour, wh: whBefore - running.startWh, marked: true }
}

/** The half-hour that runs after `nowMs`. */
export function nextRunning(running: Running, nowMs: number, whNow: number): Running {
  const halfHour = halfHourOf(nowMs)
  if (halfHour === running.halfHour) return running
  // A step of the meter comes at most moments after the boundary; after a jump nobody knows when it began.
  return { halfHour: halfHour, startWh: whNow, marked: halfHour !== running.halfHour + 1 }
}

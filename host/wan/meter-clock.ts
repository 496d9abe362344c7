// Compares a meter's clock with this machine's, and sets it.

import { type EventEntry, eventCode } from '../../protocol/event-entry.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { ask } from './ask.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'
import type { Timing } from './serial-line.ts'

export interface MeterClock {
  /**
   * Milliseconds by which the meter's clock is ahead of this machine's, assuming that the ask and the answer take equal
   * time; `undefined` while the meter has lost the time.
   */
  aheadMs: number | undefined
  /** Drift that the meter estimated when its clock was last set, parts per million; positive when it runs fast. */
  driftPpm: number
}

/** @throws ReadError */
export async function readClock(conversation: Conversation, timing: Timing): Promise<MeterClock> {
  const sentMs = timing.steadyMs()
  const { utcMs, status, driftPpm } = await ask(conversation, 'readClock', {})
  // This machine's clock may have been set since the ask: only its time now counts.
  const halfWayMs = timing.nowMs() - (timing.steadyMs() - sentMs) / 2
  return { aheadMs: status === 1 ? undefined : Math.round(utcMs - halfWayMs), driftPpm }
}

/**
 * Sets the meter's clock to this machine's time when it was lost or is more than `limitMs` off. A meter refuses to be set by
 * more than a day ahead unless that is `confirmed`. Returns the clock before and after, the same value when it was not set.
 * @throws ReadError
 */
export async function setClockIfOff(
  conversation: Conversation,
  timing: Timing,
  limitMs: number,
  confirmed: boolean,
): Promise<{ before: MeterClock; now: MeterClock }> {
  const before = await readClock(conversation, timing)
  const { aheadMs } = before
  if (aheadMs !== undefined && Math.abs(aheadMs) <= limitMs) return { before, now: before }
  if (!confirmed && aheadMs !== undefined && aheadMs < -dayMs) {
    const days = (-aheadMs / dayMs).toFixed(1)
    const text = `its clock is ${days} days behind this machine's; setting it by more than a day ahead needs confirmation`
    throw new ReadError('refused', `${text} (--confirm-clock, confirmClock)`)
  }
  await ask(conversation, 'setClock', { utcMs: Math.round(timing.nowMs()), confirmed: confirmed ? 1 : 0 })
  return { before, now: await readClock(conversation, timing) }
}

/** When the S1SP sets a meter's clock: never, when the meter reports it lost, or also when it is this many seconds off. */
export type SetClock = 'off' | 'lost' | number

export interface ClockKeeperParts {
  mode: SetClock
  timing: Timing
  /** Whether a clock may be set by more than a day ahead. */
  confirmed: boolean
  /** Called when a clock was set, before anything else is read from the meter. */
  wasSet(eui: string, before: MeterClock, now: MeterClock): Promise<void>
  notSet(eui: string, problem: string): void
}

/**
 * Sets clocks during sessions: of a meter whose alerts report a lost clock, and, when `mode` is a number, of every meter in
 * its first session of a UTC day. False when a lost clock could not be set: the alert is then not to be acknowledged, so
 * that the meter repeats it.
 */
export function createClockKeeper(parts: ClockKeeperParts) {
  const { mode, timing } = parts
  const limitMs = typeof mode === 'number' ? mode * 1000 : Number.POSITIVE_INFINITY
  /** By meter: the UTC day of the last check. */
  const checkedOn = new Map<string, number>()

  return async (eui: string, conversation: Conversation, alerts: readonly EventEntry[]): Promise<boolean> => {
    const day = Math.floor(timing.nowMs() / dayMs)
    const isLost = alerts.some(({ code }) => code === eventCode.clockLost)
    if (mode === 'off' || !(isLost || (mode !== 'lost' && checkedOn.get(eui) !== day))) return true
    try {
      const { before, now } = await setClockIfOff(conversation, timing, limitMs, parts.confirmed)
      if (now !== before) await parts.wasSet(eui, before, now)
      checkedOn.set(eui, day)
      return true
    } catch (error) {
      parts.notSet(eui, (error as Error).message)
      return !isLost
    }
  }
}

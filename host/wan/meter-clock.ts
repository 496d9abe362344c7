// A meter's clock beside this machine's.

import { type EventEntry, eventCode } from '../../protocol/event-entry.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { ask } from './ask.ts'
import type { Conversation } from './conversation.ts'
import type { Timing } from './line.ts'

export interface MeterClock {
  /**
   * Milliseconds by which the meter's clock is ahead of this machine's (half of the time that the answer took is taken to
   * be the way there); `undefined` while the meter has lost the time.
   */
  aheadMs: number | undefined
  /** As the meter estimated it when it was last set, parts per million; positive when its clock runs fast. */
  driftPpm: number
}

/** @throws ReadError */
export async function readClock(talk: Conversation, timing: Timing): Promise<MeterClock> {
  const sentMs = timing.nowMs()
  const { utcMs, status, driftPpm } = await ask(talk, 'readClock', {})
  return { aheadMs: status === 1 ? undefined : Math.round(utcMs - (sentMs + timing.nowMs()) / 2), driftPpm }
}

/**
 * Sets the clock by this machine's if it was lost, or more than `limitMs` off. @returns the clock before and now, the same
 * when it was left alone. @throws ReadError
 */
export async function setClockIfOff(
  talk: Conversation,
  timing: Timing,
  limitMs: number,
): Promise<{ before: MeterClock; now: MeterClock }> {
  const before = await readClock(talk, timing)
  const { aheadMs } = before
  if (aheadMs !== undefined && Math.abs(aheadMs) <= limitMs) return { before, now: before }
  await ask(talk, 'setClock', { utcMs: Math.round(timing.nowMs()) })
  return { before, now: await readClock(talk, timing) }
}

/** When the S1SP sets a meter's clock: never, when the meter says that it is lost, or also when it is so many seconds off. */
export type SetClock = 'off' | 'lost' | number

export interface ClockKeeperParts {
  mode: SetClock
  timing: Timing
  /** Told of a clock that was set, before anything else is asked of the meter. */
  wasSet(eui: string, before: MeterClock, now: MeterClock): Promise<void>
  notSet(eui: string, problem: string): void
}

/**
 * Keeps the clocks of meters in their sessions: of one whose alerts say that it is lost, and with a number of seconds of
 * every meter in its first session of a UTC day. False when a lost clock could not be set: the alert is then not to be
 * acknowledged, so that the meter says so again.
 */
export function createClockKeeper(parts: ClockKeeperParts) {
  const { mode, timing } = parts
  const limitMs = typeof mode === 'number' ? mode * 1000 : Number.POSITIVE_INFINITY
  /** By meter: the UTC day on which its clock was last looked at. */
  const lookedAt = new Map<string, number>()

  return async (eui: string, talk: Conversation, alerts: readonly EventEntry[]): Promise<boolean> => {
    const day = Math.floor(timing.nowMs() / dayMs)
    const isLost = alerts.some(({ code }) => code === eventCode.clockLost)
    if (mode === 'off' || !(isLost || (mode !== 'lost' && lookedAt.get(eui) !== day))) return true
    try {
      const { before, now } = await setClockIfOff(talk, timing, limitMs)
      if (now !== before) await parts.wasSet(eui, before, now)
      lookedAt.set(eui, day)
      return true
    } catch (error) {
      parts.notSet(eui, (error as Error).message)
      return !isLost
    }
  }
}

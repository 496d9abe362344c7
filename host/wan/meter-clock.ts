// A meter's clock beside this machine's.

import { ask } from './ask.ts'
import type { Conversation } from './conversation.ts'
import type { Timing } from './line.ts'

/**
 * Milliseconds by which a meter's clock is ahead of this machine's (half of the time that the answer took is taken to be the
 * way there); `undefined` while the meter has lost the time. @throws ReadError
 */
export async function clockAheadMs(talk: Conversation, timing: Timing): Promise<number | undefined> {
  const sentMs = timing.nowMs()
  const { utcMs, status } = await ask(talk, 'readClock', {})
  return status === 1 ? undefined : Math.round(utcMs - (sentMs + timing.nowMs()) / 2)
}

/** As `clockAheadMs`, after setting the clock by this machine's if it was lost, or more than `limitMs` off. @throws ReadError */
export async function setClockIfOff(talk: Conversation, timing: Timing, limitMs: number): Promise<number | undefined> {
  const aheadMs = await clockAheadMs(talk, timing)
  if (aheadMs !== undefined && Math.abs(aheadMs) <= limitMs) return aheadMs
  await ask(talk, 'setClock', { utcMs: Math.round(timing.nowMs()) })
  return clockAheadMs(talk, timing)
}

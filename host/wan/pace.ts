// How quickly a meter answers. An emulated one takes milliseconds, a board seconds: whoever waits for a frame that was lost
// waits too long by the pace of the slowest, and asks too often by the pace of the fastest.

import { type LineLimits, threeFramesMs } from './limits.ts'

/** The longest that a meter has taken lately, milliseconds: for its awake, for a frame of an answer that opened. */
export interface Pace {
  awakeMs?: number
  blockMs?: number
}

/** What a long answer leaves of itself with each shorter one that follows. */
const fading = 3 / 4

/** Takes in how long the meter has taken once more. */
export function learn(pace: Pace, what: keyof Pace, tookMs: number): void {
  pace[what] = Math.max(tookMs, (pace[what] ?? 0) * fading)
}

/** The first wait for an awake or a frame, milliseconds. Further tries double it. */
export function firstWaitMs(pace: Pace, what: keyof Pace, limits: LineLimits): number {
  const learnt = pace[what]
  return (learnt === undefined ? limits[what] : limits.graceMs + 2 * learnt) + threeFramesMs(limits.baud)
}

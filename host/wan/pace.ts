// The response time of a meter. An emulated meter takes milliseconds, a board seconds. With one fixed time-out, a lost frame
// would be waited for too long, or a slow meter asked too often.

import { type LineLimits, threeFramesMs } from './line-limits.ts'

/** The longest recent response times, milliseconds: to a wake, and for a frame of an answer that opened. */
export interface Pace {
  awakeMs?: number
  blockMs?: number
}

/** Factor by which a long response time decays with each shorter one that follows. */
const fading = 3 / 4

/** Records another response time. */
export function learn(pace: Pace, what: keyof Pace, tookMs: number): void {
  pace[what] = Math.max(tookMs, (pace[what] ?? 0) * fading)
}

/** The first wait for an awake or a frame, milliseconds. Further tries double it. */
export function firstWaitMs(pace: Pace, what: keyof Pace, limits: LineLimits): number {
  const learnt = pace[what]
  return (learnt === undefined ? limits[what] : limits.graceMs + 2 * learnt) + threeFramesMs(limits.baud)
}

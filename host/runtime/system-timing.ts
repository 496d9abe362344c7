// The clock and the timers of this machine.

import type { Timing } from '../wan/timing.ts'

/** Node's clock and timers, as far as they are used. */
export interface Clock {
  /** UTC, ms since 1970; it may be set. */
  wallMs(): number
  /** Milliseconds since some beginning; nobody sets it. */
  steadyMs(): number
  /** Calls back after at most 2^31 - 1 ms of running time; a suspended machine does not count it. */
  setTimer(call: () => void, ms: number): { cancel(): void }
}

/** The longest time without a look at the clock: a suspend, or a clock that was set, is noticed after it. */
const lookMs = 60_000

/**
 * Timers that end when their time has run, or when the clock shows it, whichever comes first. So a wait ends within a
 * minute after a suspend; and a clock that is set back does not make a wait longer. What waits for an instant must look at
 * the clock when it is called, and wait again if it is early.
 */
export function createTiming({ wallMs, steadyMs, setTimer }: Clock): Timing {
  return {
    nowMs: wallMs,
    steadyMs,
    after(ms, call) {
      const dueMs = wallMs() + ms
      let timer: { cancel(): void } | undefined

      function wait(leftMs: number): void {
        const stepMs = Math.min(leftMs, lookMs)
        timer = setTimer(() => {
          if (leftMs <= stepMs || wallMs() >= dueMs) call()
          else wait(leftMs - stepMs)
        }, stepMs)
      }

      wait(Math.max(0, ms))
      return { cancel: () => timer?.cancel() }
    },
  }
}

export const systemTiming: Timing = createTiming({
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  setTimer(call, ms) {
    const timer = setTimeout(call, ms)
    return { cancel: () => clearTimeout(timer) }
  },
})

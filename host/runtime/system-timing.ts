import type { Timing } from '../wan/timing.ts'

/** The clock and the timers of this machine. */
export const systemTiming: Timing = {
  nowMs: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, 0x7fffffff))
    return { cancel: () => clearTimeout(timer) }
  },
}

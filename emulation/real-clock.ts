// The clock of a bench in real time: it shows the time that it was set to, and continues from there.

import type { Timing } from '../host/wan/timing.ts'
import type { VirtualClock } from './virtual-clock.ts'

export function createRealClock(timing: Timing): VirtualClock {
  let aheadMs = 0
  return {
    nowMs: () => timing.nowMs() + aheadMs,
    after: timing.after,
    run: (promise) => promise,
    pass: (ms) => new Promise((resolve) => timing.after(ms, resolve)),
    hold: (promise) => promise,
    set(ms) {
      aheadMs = ms - timing.nowMs()
    },
  }
}

// The clock of a bench in real time: it shows the time that it was set to, and continues from there.

import { CommandError, exitCode } from '../host/state/errors.ts'
import type { Timing } from '../host/wan/timing.ts'
import type { BenchClock, ClockState } from './bench-api.ts'
import { durationMs, instantMs } from './instants.ts'
import type { VirtualClock } from './virtual-clock.ts'

export function createRealClock(timing: Timing): VirtualClock {
  let aheadMs = 0
  return {
    nowMs: () => timing.nowMs() + aheadMs,
    steadyMs: timing.steadyMs,
    after: timing.after,
    run: (promise) => promise,
    pass: (ms) => new Promise((resolve) => timing.after(ms, resolve)),
    hold: (promise) => promise,
    set(ms) {
      aheadMs = ms - timing.nowMs()
    },
  }
}

/** What the user of a bench in real time may do with its clock: wait. */
export function createRealBenchClock(clock: VirtualClock): BenchClock {
  const { nowMs } = clock
  const state = (): ClockState => ({
    clock: 'real',
    now: new Date(nowMs()).toISOString(),
    scale: 1,
    waitsFor: [],
  })
  const refuse = (): never => {
    throw new CommandError(exitCode.usage, 'real time runs as it does: scale and stop are for a bench on virtual time')
  }
  async function pass(ms: number): Promise<ClockState> {
    await clock.pass(ms)
    return state()
  }
  return {
    nowMs,
    state,
    advance: async (duration) => pass(durationMs(duration, 'the time to advance')),
    to: async (instant) =>
      pass(durationMs(instantMs(instant, 'the time to advance to') - nowMs(), 'the time up to that instant')),
    scale: refuse,
    stop: refuse,
  }
}

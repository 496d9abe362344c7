// The clock of an emulated meter: the machine's, or faster by a factor.

export interface MachineClocks {
  /** Milliseconds of UTC since 1970. May jump. */
  wallMs(): number
  /** Milliseconds since any moment. Never jumps; on most machines it stands still while they sleep. */
  steadyMs(): number
}

export const systemClocks: MachineClocks = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
}

export interface ScaledClock {
  /** As of the last `update`: UTC since 1970 in whole milliseconds, and a clock that never jumps. */
  nowMs: number
  upMs: number
  /** Reads the machine's clocks: time since the last update counts `scale` times, a jump of the wall clock once. */
  update(scale: number): void
}

/** A clock that shows `startMs` now. */
export function createScaledClock(machine: MachineClocks, startMs: number): ScaledClock {
  let steadyMs = machine.steadyMs()
  let aheadMs = machine.wallMs() - steadyMs
  let exactMs = startMs
  const clock: ScaledClock = {
    nowMs: startMs,
    upMs: 0,
    update(scale) {
      const nextMs = machine.steadyMs()
      const nextAheadMs = machine.wallMs() - nextMs
      const passedMs = (nextMs - steadyMs) * scale
      clock.upMs += passedMs
      // The wall clock counts whole milliseconds. Only its jumps, which are not passed time, are added unscaled.
      exactMs += passedMs + nextAheadMs - aheadMs
      clock.nowMs = Math.round(exactMs)
      steadyMs = nextMs
      aheadMs = nextAheadMs
    },
  }
  return clock
}

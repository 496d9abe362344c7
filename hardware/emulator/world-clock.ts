// The time in which an emulated meter lives: the machine's own, or so many times as fast.

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

export interface WorldClock {
  /** As of the last `read`: UTC since 1970 in whole milliseconds, and a clock that never jumps. */
  nowMs: number
  upMs: number
  /** Looks at the machine's clocks: the time since the last look counts `scale` times, a jump of the wall clock once. */
  read(scale: number): void
}

/** A clock that shows `startMs` now. */
export function createWorldClock(machine: MachineClocks, startMs: number): WorldClock {
  let steadyMs = machine.steadyMs()
  let aheadMs = machine.wallMs() - steadyMs
  let exactMs = startMs
  const world: WorldClock = {
    nowMs: startMs,
    upMs: 0,
    read(scale) {
      const nextMs = machine.steadyMs()
      const nextAheadMs = machine.wallMs() - nextMs
      const passedMs = (nextMs - steadyMs) * scale
      world.upMs += passedMs
      // The wall clock counts whole milliseconds: only what it gains on the other may not be multiplied.
      exactMs += passedMs + nextAheadMs - aheadMs
      world.nowMs = Math.round(exactMs)
      steadyMs = nextMs
      aheadMs = nextAheadMs
    },
  }
  return world
}

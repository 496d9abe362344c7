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
  /** As of the last `read`: UTC since 1970, and a clock that never jumps. */
  nowMs: number
  upMs: number
  /** Looks at the machine's clocks: what has passed since the last time, by either, counts `scale` times. */
  read(scale: number): void
}

/** A clock that shows `startMs` now. */
export function createWorldClock(machine: MachineClocks, startMs: number): WorldClock {
  let wallMs = machine.wallMs()
  let steadyMs = machine.steadyMs()
  const world: WorldClock = {
    nowMs: startMs,
    upMs: 0,
    read(scale) {
      const nextWallMs = machine.wallMs()
      const nextSteadyMs = machine.steadyMs()
      world.nowMs += (nextWallMs - wallMs) * scale
      world.upMs += (nextSteadyMs - steadyMs) * scale
      wallMs = nextWallMs
      steadyMs = nextSteadyMs
    },
  }
  return world
}

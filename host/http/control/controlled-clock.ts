// The clock of a bench on virtual time. The library's declarations refer to it: it needs no types of Node.

export interface ClockState {
  clock: 'virtual' | 'real'
  /** ISO 8601, UTC. */
  now: string
  /** How many times as fast as real time it runs; 0: it stands. */
  scale: number
  /** What keeps time from passing now: exchanges over HTTP that are open. */
  waitsFor: string[]
  /** Where an advance that is under way ends, ISO 8601. */
  movingTo?: string
  /** Why the last advance ended before its end. */
  problem?: string
}

/** The clock of a bench on virtual time, as its user moves it. */
export interface ControlledClock {
  state(): ClockState
  /** @throws CommandError */
  advance(duration: string): Promise<ClockState>
  /** @throws CommandError */
  to(instant: string): Promise<ClockState>
  /** @throws CommandError */
  scale(factor: number): ClockState
  stop(): ClockState
}

/** The clocks and timers. */
export interface Timing {
  /** UTC, ms since 1970. It may be set, also back: for what waits for an instant, and for stamps. */
  nowMs(): number
  /** Milliseconds since some beginning, which go on evenly when the clock is set: for waits and durations. */
  steadyMs(): number
  /** Calls back after `ms`, unless cancelled. */
  after(ms: number, call: () => void): { cancel(): void }
}

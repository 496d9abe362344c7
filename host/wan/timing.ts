/** The clock and timers. */
export interface Timing {
  nowMs(): number
  /** Calls back after `ms`, unless cancelled. */
  after(ms: number, call: () => void): { cancel(): void }
}

// What is known of a line, for readiness and metrics.

export interface LineState {
  /** URL of its port. */
  line: string
  isOpen: boolean
  /** Why it is not open, once that is known. */
  problem?: string
  /** Requests that wait for their turn on it. */
  waiting: number
}

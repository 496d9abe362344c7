// Waits and tries on the line, in one place (protocol/SPEC.md section 6).

export interface LineLimits {
  /** Bits a second, for the time that frames themselves take. */
  baud: number
  /** First wait for an awake, and for a frame of an answer, of a meter that has not answered yet. */
  awakeMs: number
  blockMs: number
  /** First wait for either of a meter that has: this, and twice the longest that it has taken lately. */
  graceMs: number
  /** Asks in a row that bring nothing before the meter is woken again: it may have restarted, or fallen asleep. */
  asksPerSession: number
  /** A meter that says nothing for so long is given up. */
  silenceMs: number
  /** Wait for a port to open; one that was lost is waited for as long. */
  openMs: number
  /** Between tries to open a port that is gone, and between looks whether an open one is still there. */
  reopenMs: number
  watchMs: number
}

export const defaultLineLimits: LineLimits = {
  baud: 115200,
  awakeMs: 1000,
  blockMs: 1500,
  graceMs: 200,
  asksPerSession: 2,
  silenceMs: 15000,
  openMs: 2000,
  reopenMs: 250,
  watchMs: 1000,
}

/** Zeros ahead of a wake frame, which a sleeping receiver may miss. */
export const wakePreambleBytes = 2

/** Milliseconds that three of the longest frames take at a baud rate, 10 bits a byte. */
export function threeFramesMs(baud: number): number {
  return Math.ceil((3 * 256 * 10 * 1000) / baud)
}

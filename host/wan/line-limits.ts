// Time-outs and retries on the line (protocol/SPEC.md section 6).

export interface LineLimits {
  /** Bits per second; determines how long a frame takes. */
  baud: number
  /** First wait for an awake, and for a frame of an answer, while the meter's response time is not known. */
  awakeMs: number
  blockMs: number
  /** First wait when it is known: this, plus twice the longest recent response time. */
  graceMs: number
  /** Consecutive asks without an answer before the meter is woken again: it may have restarted or fallen asleep. */
  asksPerSession: number
  /** A meter that is silent for so long is given up. */
  silenceMs: number
  /** Wait for a port to open, or to be open again after it was lost. */
  openMs: number
  /** Between attempts to reopen a lost port, and between checks that an open one still exists. */
  reopenMs: number
  watchMs: number
  /** What a model of the WAN adds at most: until a wake reaches the meter, and there and back for one frame. */
  wanWakeMs: number
  wanRoundTripMs: number
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
  wanWakeMs: 0,
  wanRoundTripMs: 0,
}

/** Zeros sent before a wake frame; a sleeping receiver may miss the first bytes. */
export const wakePreambleBytes = 2

/** Milliseconds that three frames of the maximum length take at a baud rate, 10 bits per byte. */
export function threeFramesMs(baud: number): number {
  return Math.ceil((3 * 256 * 10 * 1000) / baud)
}

// Waits and tries on the line, in one place (protocol/SPEC.md section 6).

export interface LineLimits {
  /** Bits a second, for the time that frames themselves take. */
  baud: number
  /** First wait for an awake; each further try waits twice as long. */
  awakeMs: number
  wakeTries: number
  /** First wait for a block of an answer; doubles with each try that brought nothing. */
  blockMs: number
  askTries: number
  /** Wait for a port to open. */
  openMs: number
}

export const defaultLineLimits: LineLimits = {
  baud: 115200,
  awakeMs: 1000,
  wakeTries: 4,
  blockMs: 1500,
  askTries: 4,
  openMs: 2000,
}

/** Zeros ahead of a wake frame, which a sleeping receiver may miss. */
export const wakePreambleBytes = 2

/** Milliseconds that three of the longest frames take at a baud rate, 10 bits a byte. */
export function threeFramesMs(baud: number): number {
  return Math.ceil((3 * 256 * 10 * 1000) / baud)
}

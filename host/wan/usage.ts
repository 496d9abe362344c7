// The cost of reads to the WAN and the DCO: the figures that section 5.4.1 of the SECMP0162 preliminary impact assessment
// asks for.

export interface Usage {
  /** Wake frames sent: mobile-terminated SMS. */
  wakeUps: number
  /** Sessions a meter opened: PDP contexts. */
  sessions: number
  /** Asks sent, retries included. */
  asks: number
  /** Bytes on the line towards the meter and from it. */
  bytesOut: number
  bytesIn: number
  dcoCalls: number
  /** Longest DCO call, and calls over the budget of 4 s. */
  dcoMsMax: number
  dcoSlow: number
  /** Damaged frames and other bytes: noise, a wrong baud rate, a console. */
  framesDropped: number
  /**
   * Good frames that were not expected: repeated, late, of another session, meter or version, or echoed (RS-485 on two
   * wires).
   */
  framesRefused: number
  /** Answers that were expected and did not open. */
  notOpened: number
}

export function noUsage(): Usage {
  return {
    wakeUps: 0,
    sessions: 0,
    asks: 0,
    bytesOut: 0,
    bytesIn: 0,
    dcoCalls: 0,
    dcoMsMax: 0,
    dcoSlow: 0,
    framesDropped: 0,
    framesRefused: 0,
    notOpened: 0,
  }
}

/** Adds `more` to `total`; the longest DCO call stays the longest. Older records lack counts that were added since. */
export function addUsage(total: Usage, more: Usage): void {
  for (const name of Object.keys(total) as (keyof Usage)[]) {
    const one = more[name] ?? 0
    total[name] = name === 'dcoMsMax' ? Math.max(total[name], one) : total[name] + one
  }
}

// What reads cost the WAN and the DCO: the questions of section 5.4.1 of the SECMP0162 preliminary impact assessment.

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
  /** What came that was no frame: noise, a wrong speed, a console. */
  framesDropped: number
  /** Good frames that nobody waited for: repeated, late, of another session, meter or version, or sent back, as on a pair of wires. */
  framesRefused: number
  /** Answers in their place that did not open. */
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

/** Adds `more` to `total`; the longest DCO call stays the longest. Older records lack what was not counted then. */
export function addUsage(total: Usage, more: Usage): void {
  for (const name of Object.keys(total) as (keyof Usage)[]) {
    const one = more[name] ?? 0
    total[name] = name === 'dcoMsMax' ? Math.max(total[name], one) : total[name] + one
  }
}

// What protective monitoring is told of (SECMP0162 preliminary impact assessment, section 6.1): attempts that the bridge has
// refused, and rates above a bound. No reading and no MPAN is in an event.

export const securityEventNames = [
  /** A signature that is missing, wrong, of another party, or of a certificate that is not trusted or not valid now. */
  'bad signature',
  /** A RequestID that was used before, or is too old. */
  'replay',
  /** A User asks for what it has no right to. */
  'access refused',
  'unknown user',
  'unknown device',
  /** No XML, not of the schema, or not HTTP. */
  'malformed request',
  'request too large',
  /** A request that was not complete in time. */
  'request too slow',
  /** A peer with more connections than it may have, or a bridge with more than it can have. */
  'too many connections',
  /** A TLS handshake that failed: no certificate, or one of another authority. */
  'TLS refused',
  /** Requests that were answered with 503 because others were waiting already. */
  'overload',
  /** Calls for another host, or without a token that is valid (metrics and control port). */
  'call refused',
] as const

export type SecurityEventName = (typeof securityEventNames)[number]

export interface SecurityEvent {
  event: SecurityEventName
  /** EUI-64 of the originator that a request names, else the address of the peer. A request without a good signature only claims it. */
  who: string
  /** The response code, the rule, or the reason, of a small set. */
  what?: string
}

/** Takes one event. It may be called thousands of times a second. */
export type ReportSecurity = (event: SecurityEvent) => void

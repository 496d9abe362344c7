// The events of the bridge's log, with their fields. Times are added by the log; MPANs and keys are removed by it.

/** A request and its acknowledgement: code, why, and for an accepted request details of the decision. */
interface Acknowledged {
  requestId: string | undefined
  srv: string | undefined
  code: string
  reason: string
  [detail: string]: unknown
}

/** A device, and where it is on the WAN. */
type AtPlace = {
  device: string
  cohort: string
  csp: string
}

/** Fields by event. Many of these are also events of the audit trail (audit/audit-record.ts), under the same names. */
export interface LogEvents {
  // Requests. Those that cannot be read have no RequestID.
  accepted: Acknowledged
  'answered directly': Acknowledged
  refused: Acknowledged
  answered: { requestId: string; [detail: string]: unknown }
  'answer failed': { requestId: string; problem: string }
  dropped: { requestId: string; reason: string }
  waiting: { requestId: string; srv: string; until: string; why: string }
  'own message is not valid': { requestId: string; problem: string }
  // Delivery
  delivered: { requestId: string; tries: number }
  'not delivered': { requestId: string; url: string; tries: number; problem: string; state: string }
  'delivery failed': { problem: string }
  /** An operator asked for it beside the bridge: `retry/ID`, `discard/ID`, `confirm-clock`. */
  order: { order: string; done: boolean }
  'clock jumped': { hours: number; note: string }
  /** The store or a file of keys cannot be written, or can be again. */
  disk: { problem: string }
  // Meters
  'device alert': {
    device: string
    code: number
    sequence: number
    at: string
    description: string
    /** EUI-64 of the User, and the ResponseID. */
    to?: string
    responseId?: string
    problem?: string
  }
  'device alerts not taken': { device: string; problem: string }
  'clock set': { device: string; aheadMs: number | undefined; driftPpm: number }
  'clock not set': { device: string; problem: string }
  'key rotated': { device: string; note: string }
  'key not rotated': { device: string; problem: string }
  'cache emptied': { device: string; why: string }
  'cache not emptied': { device: string; problem: string }
  // Lines
  'line open': { line: string }
  'line lost': { line: string; problem: string }
  'line unavailable': { line: string; problem: string }
  // The model of the WAN: what it delays, loses and holds back
  'wan sms delayed': AtPlace & { ms: number }
  'wan sms lost': AtPlace
  'wan unreachable': AtPlace
  'wan held back': AtPlace & { ms: number; by: string }
  // The model of the DCO: calls of more than 4 s, and calls that it did not take
  'dco late': { device: string; ms: number }
  'dco refused': { device: string }
  // Schedules
  'schedule failed': { scheduleId: number; problem: string }
  'schedule ended': { scheduleId: number }
  'schedule removed': { scheduleId: number; [detail: string]: unknown }
  'scheduled request failed': { scheduleId: number; day: number; tries: number; detail: string; usage: object }
  'scheduled request given up': { scheduleId: number; day: number; because: string }
  'schedules not checked': { problem: string }
  // The bridge
  ready: {
    version: string
    url: string
    metricsUrl: string | undefined
    consoleUrl: string | undefined
    line: string | undefined
    /** What the times of the log are by, where it is not this machine's clock. */
    clock?: 'virtual'
  }
  'bench reset': { reset: number; tookMs: number }
  registry: { sha256: string; users: number; devices: number }
  /** Devices that were added, altered and removed, and MPANs whose registrations changed. */
  'registry changed': { from: string; added: number; altered: number; removed: number; mpans: number }
  'registry refused': { problem: string }
  schema: { directory: string | undefined; versions: readonly string[] }
  'signing tool': { path: string | undefined; certificates: number; dsp: string; serial: string }
  audit: { problem: string }
  cache: { problem: string }
  recording: { problem: string }
  /** A syslog server cannot be reached. */
  syslog: { problem: string }
  fault: { problem: string | undefined }
  /** A line of output of the emulated meter that `smets1 up` runs. */
  meter: { text: string }
}

export type LogEventName = keyof LogEvents

/** Writes one event to the log. */
export type Log = <Name extends LogEventName>(event: Name, fields: LogEvents[Name]) => void

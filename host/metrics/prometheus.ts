// Totals in the text format of Prometheus (0.0.4). The totals exist anyway for `smets1 stats`; a metrics library would count
// a second time and add a tenth of a second to the start.

import type { LineState } from '../wan/line-state.ts'
import type { WanCount } from '../wan/wan-counts.ts'
import { type Counts, savedOf, type Times, type Totals, timeBoundsMs } from './event-totals.ts'
import type { SecurityCounts } from './security-monitor.ts'

/** Values that are read at the time of the request. */
export interface Gauges {
  /** Requests accepted and not answered; responses not delivered. */
  unanswered: number
  pending: number
  auditRecords: number
  startedMs: number
  memoryBytes: number
  cpuSeconds: number
  version: string
  nodeVersion: string
  /** Why the bridge should be sent no requests; undefined when it should. */
  notReady: string | undefined
  /** Whether the store and the audit trail can be written. */
  isWritable: boolean
  lines: readonly LineState[]
  wan: readonly WanCount[]
  /** Requests turned away with 503, and those that wait for their acknowledgement. */
  shed: number
  acknowledging: number
  security: readonly SecurityCounts[]
}

/** What is true now: the build, readiness, lines and load. */
function stateMetrics({ head, value, one }: Exposition, gauges: Gauges): void {
  head('smets1_build_info', 'gauge', 'Version of the program; the value is 1.')
  value('smets1_build_info', 1, { version: gauges.version, node: gauges.nodeVersion })
  one('smets1_ready', 'gauge', '1 when /readyz answers 200.', gauges.notReady === undefined ? 1 : 0)
  const writable = '1 when the store and the audit trail can be written.'
  one('smets1_store_writable', 'gauge', writable, gauges.isWritable ? 1 : 0)
  head('smets1_line_open', 'gauge', '1 when the port of the line is open.')
  for (const { line, isOpen } of gauges.lines) value('smets1_line_open', isOpen ? 1 : 0, { line })
  head('smets1_line_waiting', 'gauge', 'Requests that wait for their turn on the line.')
  for (const { line, waiting } of gauges.lines) value('smets1_line_waiting', waiting, { line })
  one('smets1_requests_shed_total', 'counter', 'Requests turned away with HTTP 503.', gauges.shed)
  one('smets1_acknowledging_requests', 'gauge', 'Requests that wait for their acknowledgement.', gauges.acknowledging)
}

/** Traffic by CSP and cohort. */
function wanMetrics({ head, value }: Exposition, counts: readonly WanCount[]): void {
  const all: [string, 'counter' | 'gauge', string, (count: WanCount) => number][] = [
    ['sessions_total', 'counter', 'Sessions begun.', (one) => one.sessions],
    ['sessions_under_way', 'gauge', 'Sessions under way.', (one) => one.underWay],
    ['sms_delayed_total', 'counter', 'Wake-up SMS that the model of the WAN delayed.', (one) => one.smsDelayed],
    ['sms_lost_total', 'counter', 'Wake-up SMS that the model of the WAN lost.', (one) => one.smsLost],
    [
      'unreachable_total',
      'counter',
      'Wake-up SMS to meters that the model has out of reach.',
      (one) => one.unreachable,
    ],
    ['held_back_total', 'counter', 'Sessions that waited for a rate or for a context.', (one) => one.heldBack],
    ['held_back_seconds_total', 'counter', 'How long they waited.', (one) => one.heldBackMs / 1000],
  ]
  for (const [name, type, help, of] of all) {
    head(`smets1_wan_${name}`, type, help)
    for (const one of counts) value(`smets1_wan_${name}`, of(one), { csp: one.csp, cohort: one.cohort })
  }
}

/** Protective monitoring. */
function securityMetrics({ head, value }: Exposition, security: readonly SecurityCounts[]): void {
  head('smets1_security_events_total', 'counter', 'Security events.')
  for (const { event, total } of security) value('smets1_security_events_total', total, { event })
  head('smets1_security_threshold', 'gauge', 'Events a minute from which there is an alert.')
  for (const { event, threshold } of security) value('smets1_security_threshold', threshold, { event })
  head(
    'smets1_security_threshold_reached',
    'gauge',
    '1 when the threshold was reached in this minute or the one before.',
  )
  for (const { event, isReached } of security) {
    value('smets1_security_threshold_reached', isReached ? 1 : 0, { event })
  }
}

type Labels = { [name: string]: string }

function labelsOf(labels: Labels): string {
  const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
  const list = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return list.length === 0 ? '' : `{${list.join(',')}}`
}

/** The text of an exposition, written metric by metric. */
function createExposition() {
  const lines: string[] = []
  const head = (name: string, type: string, help: string) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }
  const value = (name: string, number: number, labels: Labels = {}) => {
    lines.push(`${name}${labelsOf(labels)} ${number}`)
  }
  const one = (name: string, type: 'counter' | 'gauge', help: string, number: number) => {
    head(name, type, help)
    value(name, number)
  }
  const counts = (name: string, help: string, found: Counts, labels: readonly string[]) => {
    head(name, 'counter', help)
    for (const [names, number] of Object.entries(found)) {
      const [first = '', ...rest] = names.split(' ')
      const values = labels.length === 1 ? [names] : [first, rest.join(' ')]
      value(name, number, Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])))
    }
  }
  const histogram = (name: string, times: Times, labels: Labels = {}) => {
    let sum = 0
    times.counts.forEach((number, i) => {
      sum += number
      const bound = timeBoundsMs[i]
      const le = bound === undefined ? '+Inf' : String(bound / 1000)
      value(`${name}_bucket`, sum, { ...labels, le })
    })
    value(`${name}_sum`, times.sumMs / 1000, labels)
    value(`${name}_count`, times.count, labels)
  }
  return { head, value, one, counts, histogram, text: () => `${lines.join('\n')}\n` }
}

type Exposition = ReturnType<typeof createExposition>

export function prometheusText(totals: Totals, acknowledged: Times, gauges: Gauges): string {
  const exposition = createExposition()
  const { head, value, one, counts, histogram, text } = exposition
  counts('smets1_requests_total', 'Requests by the code of their acknowledgement.', totals.requests, ['srv', 'code'])
  counts('smets1_answers_total', 'Final answers by code.', totals.answers, ['srv', 'code'])
  counts('smets1_answers_late_total', 'Answers after their Target Response Time.', totals.late, ['srv'])
  head('smets1_acknowledgement_seconds', 'histogram', 'From a request to its acknowledgement.')
  histogram('smets1_acknowledgement_seconds', acknowledged)
  head('smets1_answer_seconds', 'histogram', 'From a request to its final answer.')
  for (const [srv, times] of Object.entries(totals.answerTimes)) histogram('smets1_answer_seconds', times, { srv })
  counts('smets1_reads_failed_total', 'Reads that failed, by fault.', totals.failures, ['fault'])
  const halfHours =
    'Half-hours sent: from the meter, the cache, a read for another request (shared), or not recorded (none).'
  counts('smets1_half_hours_total', halfHours, totals.halfHours, ['channel', 'source'])
  counts('smets1_deliveries_total', 'Attempts to deliver a response.', totals.deliveries, ['result'])
  one('smets1_dropped_total', 'counter', 'Accepted requests whose User is no longer in the registry.', totals.dropped)

  const { usage } = totals
  one('smets1_device_reads_total', 'counter', 'Responses for which a meter was read.', totals.deviceReads)
  one('smets1_wake_ups_total', 'counter', 'Wake frames sent (SMS).', usage.wakeUps)
  one('smets1_sessions_total', 'counter', 'Sessions that meters opened (PDP contexts).', usage.sessions)
  one('smets1_asks_total', 'counter', 'Asks sent to meters.', usage.asks)
  head('smets1_line_bytes_total', 'counter', 'Bytes on the line.')
  value('smets1_line_bytes_total', usage.bytesOut, { direction: 'to_meter' })
  value('smets1_line_bytes_total', usage.bytesIn, { direction: 'from_meter' })
  one('smets1_frames_dropped_total', 'counter', 'Damaged frames and other bytes from meters.', usage.framesDropped)
  one('smets1_frames_refused_total', 'counter', 'Good frames that were not expected.', usage.framesRefused)
  one('smets1_answers_not_opened_total', 'counter', 'Answers of meters that could not be opened.', usage.notOpened)
  one('smets1_dco_calls_total', 'counter', 'Calls of the DCO.', usage.dcoCalls)
  one('smets1_dco_slow_total', 'counter', 'Calls of the DCO that took longer than 4 seconds.', usage.dcoSlow)
  one('smets1_dco_call_seconds_max', 'gauge', 'The longest call of the DCO.', usage.dcoMsMax / 1000)

  one('smets1_device_reads_saved_total', 'counter', 'Responses without a read of the meter.', totals.readsSaved)
  head('smets1_saved', 'gauge', 'Estimated cost of the saved reads, from the mean cost of the others.')
  for (const [what, number] of Object.entries(savedOf(totals) ?? {})) value('smets1_saved', number, { what })

  one('smets1_unanswered_requests', 'gauge', 'Requests accepted and not answered yet.', gauges.unanswered)
  one('smets1_pending_responses', 'gauge', 'Responses that have not been delivered.', gauges.pending)
  one('smets1_audit_records', 'gauge', 'Records in the audit trail.', gauges.auditRecords)
  one('process_start_time_seconds', 'gauge', 'Start of the process, since 1970.', gauges.startedMs / 1000)
  one('process_resident_memory_bytes', 'gauge', 'Resident memory.', gauges.memoryBytes)
  one('process_cpu_seconds_total', 'counter', 'Processor time.', gauges.cpuSeconds)
  stateMetrics(exposition, gauges)
  wanMetrics(exposition, gauges.wan)
  securityMetrics(exposition, gauges.security)
  return text()
}

// Protective monitoring: turns security events into a stream of records that an attack cannot flood.
//
// The first event of a kind, a sender and a reason is a record at once. Those that follow in the same minute are counted, and make
// one record when the minute is over. Senders beyond a number are counted together. So the stream has a bounded number
// of records a minute, and none of the events is lost from its counts.

import {
  type ReportSecurity,
  type SecurityEvent,
  type SecurityEventName,
  securityEventNames,
} from '../state/security-event.ts'
import type { Timing } from '../wan/timing.ts'

export interface SecurityRecord extends SecurityEvent {
  /** `notice`: an attempt, or several. `alert`: an event has reached its threshold in this minute. */
  severity: 'notice' | 'alert'
  /** Events that this record stands for, and the time of the first and the last of them, ms since 1970. */
  count: number
  fromMs: number
  toMs: number
}

/** From how many events a minute on there is an alert. Assumptions: no source gives figures. */
export type SecurityThresholds = { readonly [event in SecurityEventName]: number }

export const defaultThresholds: SecurityThresholds = {
  'bad signature': 10,
  replay: 30,
  'access refused': 60,
  'unknown user': 10,
  'unknown device': 30,
  'malformed request': 30,
  'request too large': 30,
  'request too slow': 30,
  'too many connections': 100,
  'TLS refused': 30,
  overload: 1000,
  'call refused': 10,
}

export interface SecurityCounts {
  event: SecurityEventName
  /** Since the start. */
  total: number
  threshold: number
  /** Whether the threshold was reached in this minute or the one before. */
  isReached: boolean
}

export interface SecurityMonitor {
  report: ReportSecurity
  counts(): SecurityCounts[]
  /** Writes what has been counted so far. */
  flush(): void
}

const minuteMs = 60_000

/** Senders and reasons that have records of their own in one minute. */
export const sendersMax = 100

/** The events of one minute that are not in a record yet. */
function createMinute(emit: (record: SecurityRecord) => void) {
  const open = new Map<string, SecurityRecord>()
  return {
    add(one: SecurityEvent, nowMs: number): void {
      const { event, who, what = '' } = one
      const own = `${event}|${who}|${what}`
      const isNew = !open.has(own)
      const key = isNew && open.size >= sendersMax ? `${event}|others` : own
      const known = open.get(key)
      if (known !== undefined) {
        if (known.count === 0) known.fromMs = nowMs
        known.count += 1
        known.toMs = nowMs
        return
      }
      const record: SecurityRecord = { ...one, severity: 'notice', count: 1, fromMs: nowMs, toMs: nowMs }
      if (key === own) {
        emit(record)
        open.set(key, { ...record, count: 0 })
      } else open.set(key, { event, who: 'others', severity: 'notice', count: 1, fromMs: nowMs, toMs: nowMs })
    },
    /** Writes the records of the minute, and begins the next. */
    end(): void {
      for (const record of open.values()) if (record.count > 0) emit(record)
      open.clear()
    },
  }
}

export function createSecurityMonitor(
  { nowMs, after }: Timing,
  thresholds: SecurityThresholds,
  emit: (record: SecurityRecord) => void,
): SecurityMonitor {
  const totals = new Map<SecurityEventName, number>()
  const minute = createMinute(emit)
  let counts = new Map<SecurityEventName, number>()
  let before = new Map<SecurityEventName, number>()
  let sinceMs = 0
  let timer: { cancel(): void } | undefined

  const isReached = (of: typeof counts, event: SecurityEventName) => (of.get(event) ?? 0) >= thresholds[event]

  function endMinute(): void {
    timer = undefined
    minute.end()
    before = counts
    counts = new Map()
    // One more minute without events, so that what was reached ends.
    if (before.size > 0) begin()
  }

  function begin(): void {
    if (timer !== undefined) return
    sinceMs = nowMs()
    timer = after(minuteMs, endMinute)
  }

  return {
    report(one) {
      const { event } = one
      begin()
      const count = (counts.get(event) ?? 0) + 1
      counts.set(event, count)
      totals.set(event, (totals.get(event) ?? 0) + 1)
      const now = nowMs()
      minute.add(one, now)
      if (count !== thresholds[event]) return
      emit({ event, who: 'all', what: 'threshold', severity: 'alert', count, fromMs: sinceMs, toMs: now })
    },
    counts: () =>
      securityEventNames.map((event) => ({
        event,
        total: totals.get(event) ?? 0,
        threshold: thresholds[event],
        isReached: isReached(counts, event) || isReached(before, event),
      })),
    flush() {
      timer?.cancel()
      timer = undefined
      minute.end()
    },
  }
}

/** Thresholds that differ from the defaults, as config.json has them. */
export function readThresholds(
  given: unknown,
): { ok: true; thresholds: SecurityThresholds } | { ok: false; detail: string } {
  if (given === undefined) return { ok: true, thresholds: defaultThresholds }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return { ok: false, detail: 'expected an object of events a minute, as in { "bad signature": 5 }' }
  }
  const thresholds: { [event in SecurityEventName]: number } = { ...defaultThresholds }
  for (const [name, value] of Object.entries(given)) {
    const event = securityEventNames.find((one) => one === name)
    if (event === undefined) {
      return { ok: false, detail: `there is no event "${name}"; there are ${securityEventNames.join(', ')}` }
    }
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 1e9) {
      return { ok: false, detail: `"${name}" must be a whole number of events a minute from 1 on` }
    }
    thresholds[event] = value
  }
  return { ok: true, thresholds }
}

// Totals of the events in the audit trail: counted by a running bridge, or added up from the trail.

import type { AuditEvent } from '../audit/audit-record.ts'
import { addUsage, noUsage, type Usage } from '../wan/usage.ts'

/** Upper bounds of the histogram, milliseconds. Targets are 16 s on demand, a day for MHHS and schedules. */
export const timeBoundsMs = [
  ...[5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 16_000, 30_000],
  ...[60_000, 600_000, 3_600_000, 86_400_000],
]

export interface Times {
  /** Count of each class (not cumulative); the last class has no upper bound. */
  counts: number[]
  count: number
  sumMs: number
  maxMs: number
}

/** Counts by names joined with a space: `4.8.1 I99`. */
export type Counts = { [names: string]: number }

export interface Totals {
  /** Acknowledgements, by variant (or `unknown`) and code. */
  requests: Counts
  /** Final responses by variant and code, and their response times by variant. */
  answers: Counts
  answerTimes: { [srv: string]: Times }
  late: Counts
  /** Reads that failed, by fault. */
  failures: Counts
  /** Half-hours sent, by channel and source: `meter`, `cache`, `shared`, `none` (the meter has no record). */
  halfHours: Counts
  deviceReads: number
  usage: Usage
  /** Responses without a read of the meter. */
  readsSaved: number
  /** Attempts to deliver: `delivered`, `waiting` (to be retried), `refused`, `given up`. */
  deliveries: Counts
  dropped: number
  /** Requests with a recorded device read and no response yet. */
  reading: Set<string>
}

export function noTotals(): Totals {
  return {
    requests: {},
    answers: {},
    answerTimes: {},
    late: {},
    failures: {},
    halfHours: {},
    deviceReads: 0,
    usage: noUsage(),
    readsSaved: 0,
    deliveries: {},
    dropped: 0,
    reading: new Set(),
  }
}

export function noTimes(): Times {
  return { counts: new Array(timeBoundsMs.length + 1).fill(0), count: 0, sumMs: 0, maxMs: 0 }
}

export function addTime(times: Times, ms: number): void {
  const found = timeBoundsMs.findIndex((bound) => ms <= bound)
  const place = found < 0 ? timeBoundsMs.length : found
  times.counts[place] = (times.counts[place] ?? 0) + 1
  times.count += 1
  times.sumMs += ms
  times.maxMs = Math.max(times.maxMs, ms)
}

function count(counts: Counts, names: string, more = 1): void {
  counts[names] = (counts[names] ?? 0) + more
}

const sources = { m: 'meter', c: 'cache', s: 'shared', n: 'none' } as const

/** Adds one event. */
export function addEvent(totals: Totals, event: AuditEvent): void {
  // A run of a schedule is not a request of a User.
  if (event.event === 'accepted' && !event.resumed && event.scheduleId === undefined)
    count(totals.requests, `${event.srv} ${event.code}`)
  else if (event.event === 'answered directly') count(totals.requests, `${event.srv} ${event.code}`)
  else if (event.event === 'refused') count(totals.requests, `${event.srv ?? 'unknown'} ${event.code}`)
  else if (event.event === 'refusals not listed') count(totals.requests, 'unknown unlisted', event.count)
  else if (event.event === 'device read') {
    totals.deviceReads += 1
    totals.reading.add(event.requestId)
    addUsage(totals.usage, event)
  } else if (event.event === 'answered') addAnswer(totals, event)
  else if (event.event === 'delivered') count(totals.deliveries, 'delivered')
  else if (event.event === 'not delivered') count(totals.deliveries, event.state)
  else if (event.event === 'dropped') totals.dropped += 1
}

function addAnswer(totals: Totals, event: Extract<AuditEvent, { event: 'answered' }>): void {
  const { srv, code, requestId, tookMs, late, fault, served = [] } = event
  count(totals.answers, `${srv} ${code}`)
  const times = totals.answerTimes[srv] ?? noTimes()
  totals.answerTimes[srv] = times
  addTime(times, tookMs)
  if (late) count(totals.late, srv)
  if (fault !== undefined) count(totals.failures, fault)
  for (const { channel, what } of served) {
    for (const [, digits, letter] of what.matchAll(/(\d+)([mcsn])/g))
      count(totals.halfHours, `${channel} ${sources[letter as keyof typeof sources]}`, Number(digits))
  }
  const wasRead = totals.reading.delete(requestId)
  if (served.length > 0 && !wasRead) totals.readsSaved += 1
}

/**
 * Estimated cost of the saved reads: their number times the mean cost of the other reads. Undefined before the first of
 * those.
 */
export function savedOf(
  totals: Totals,
): { wakeUps: number; sessions: number; dcoCalls: number; bytes: number } | undefined {
  const { deviceReads, readsSaved, usage } = totals
  if (deviceReads === 0) return undefined
  const times = (total: number) => (total / deviceReads) * readsSaved
  return {
    wakeUps: times(usage.wakeUps),
    sessions: times(usage.sessions),
    dcoCalls: times(usage.dcoCalls),
    bytes: times(usage.bytesOut + usage.bytesIn),
  }
}

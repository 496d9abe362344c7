// Where the data of a response came from, for the log: from the cache or from the meter, how old, and what that saved.

import type { Served } from '../audit/audit-record.ts'
import type { ReadingSource } from '../cache/single-flight.ts'
import { formatDateTime } from '../duis/date-time.ts'
import type { Usage } from '../wan/usage.ts'

/** One reading of a response, by its stamp. */
export interface SourcedStamp {
  stampMs: number
  from: ReadingSource
  /** How long ago it was retrieved from the meter. */
  ageMs: number
  /** False when the meter has no record of it. */
  recorded: boolean
}

/** Consecutive readings with the same origin and retrieval time. */
export interface SourceGroup {
  /** A channel of the profile data log, or `daily-reads`. */
  of: string
  from: ReadingSource
  /** Stamps of the first and the last, as in the response. */
  first: string
  last: string
  count: number
  ageMs: number
}

export interface Provenance {
  fromCache: number
  fromMeter: number
  /** Retrieved by a read that was under way for another request. */
  shared: number
  /** Requested readings of which the meter has no record. */
  notRecorded: number
  /** Age of the oldest cached reading, milliseconds; 0 when none was cached. */
  oldestMs: number
  groups: SourceGroup[]
  /** The half-hours of the response one by one, by channel, for the audit trail. */
  served: Served[]
  /** What this response would have cost without the cache: readings to transfer, and a device read if it cost none. */
  saved: { readings: number; deviceReads: number }
}

/** Groups that are listed of one response, so that a cache with gaps makes no longer lines. */
const groupsMax = 20

export function noProvenance(): Provenance {
  return {
    fromCache: 0,
    fromMeter: 0,
    shared: 0,
    notRecorded: 0,
    oldestMs: 0,
    groups: [],
    served: [],
    saved: { readings: 0, deviceReads: 0 },
  }
}

/** Adds what was read of one channel, or of the daily reads, in the order of stamps. */
export function addProvenance(provenance: Provenance, of: string, stamps: readonly SourcedStamp[]): void {
  let group: SourceGroup | undefined
  let lastMs = 0
  const endGroup = () => {
    if (group !== undefined) group.last = formatDateTime(lastMs)
  }
  for (const { stampMs, from, ageMs, recorded } of stamps) {
    if (from === 'cache') {
      provenance.fromCache += 1
      provenance.oldestMs = Math.max(provenance.oldestMs, ageMs)
    } else if (from === 'shared') provenance.shared += 1
    else provenance.fromMeter += 1
    if (!recorded) provenance.notRecorded += 1
    if (group?.from === from && group.ageMs === ageMs) group.count += 1
    else {
      endGroup()
      group = { of, from, first: formatDateTime(stampMs), last: '', count: 1, ageMs }
      if (provenance.groups.length < groupsMax) provenance.groups.push(group)
    }
    lastMs = stampMs
  }
  endGroup()
  const unread = provenance.fromCache + provenance.shared
  provenance.saved = { readings: unread, deviceReads: unread > 0 && provenance.fromMeter === 0 ? 1 : 0 }
}

const letters = { cache: 'c', meter: 'm', shared: 's' } as const

/**
 * Where each reading came from, in one line: `sources: active-import 2026-11-20T23:30:00.000Z 49m`. For each channel the
 * start of its first half-hour and runs (m meter, c cache, s shared with another request, n not recorded); for `daily-reads` the
 * first midnight.
 */
export function provenanceText({ groups, served }: Provenance): string {
  const days = groups.filter(({ of }) => of === 'daily-reads')
  const runs = served.map(({ channel, from, what }) => `${channel} ${from} ${what}`)
  const [first] = days
  if (first !== undefined) {
    runs.push(`daily-reads ${first.first} ${days.map(({ count, from }) => `${count}${letters[from]}`).join('')}`)
  }
  return runs.length === 0 ? '' : `sources: ${runs.join('; ')}`
}

/**
 * For the log: without the half-hours one by one, which are in the audit trail, and with the cost of the device read that
 * was saved, the mean of the sessions in `total`; that is left out before the first session.
 */
export function serializedProvenance({ served: _, ...provenance }: Provenance, total: Usage) {
  const { deviceReads } = provenance.saved
  const { wakeUps, sessions, dcoCalls, bytesOut, bytesIn } = total
  if (sessions === 0) return provenance
  const mean = (sum: number) => Math.round((sum / sessions) * deviceReads)
  const cost = {
    wakeUps: mean(wakeUps),
    sessions: deviceReads,
    dcoCalls: mean(dcoCalls),
    bytes: mean(bytesOut + bytesIn),
  }
  return { ...provenance, saved: { ...provenance.saved, ...cost } }
}

// Where the data of a response came from, for the log: from the cache or from the meter, how old, and what that saved.

import type { Served } from '../audit/audit-record.ts'
import type { ReadingSource } from '../cache/single-flight.ts'
import { formatDateTime } from '../duis/date-time.ts'
import type { Usage } from '../wan/usage.ts'

/** One reading of a response, by its stamp. */
export interface SourcedStamp {
  stampMs: number
  from: ReadingSource
  /** How long ago the meter was asked for it. */
  ageMs: number
  /** False when the meter has no record of it. */
  recorded: boolean
}

/** Readings that follow each other and came by the same way at the same time. */
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

export interface Sources {
  fromCache: number
  fromMeter: number
  /** Brought by a read that was under way for somebody else. */
  shared: number
  /** Readings asked for of which the meter has no record. */
  notRecorded: number
  /** Age of the oldest cached reading, milliseconds; 0 when none was cached. */
  oldestMs: number
  groups: SourceGroup[]
  /** The half-hours of the answer one by one, by channel, for the record. */
  served: Served[]
  /** What this response would have cost the meter besides: readings to carry, and a device read if it cost none. */
  saved: { readings: number; deviceReads: number }
}

/** Groups of one response that are listed; a meter with holes in its cache makes no longer lines than that. */
const groupsMax = 20

export function noSources(): Sources {
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
export function addSources(sources: Sources, of: string, stamps: readonly SourcedStamp[]): void {
  let group: SourceGroup | undefined
  let lastMs = 0
  const endGroup = () => {
    if (group !== undefined) group.last = formatDateTime(lastMs)
  }
  for (const { stampMs, from, ageMs, recorded } of stamps) {
    if (from === 'cache') {
      sources.fromCache += 1
      sources.oldestMs = Math.max(sources.oldestMs, ageMs)
    } else if (from === 'shared') sources.shared += 1
    else sources.fromMeter += 1
    if (!recorded) sources.notRecorded += 1
    if (group?.from === from && group.ageMs === ageMs) group.count += 1
    else {
      endGroup()
      group = { of, from, first: formatDateTime(stampMs), last: '', count: 1, ageMs }
      if (sources.groups.length < groupsMax) sources.groups.push(group)
    }
    lastMs = stampMs
  }
  endGroup()
  const unread = sources.fromCache + sources.shared
  sources.saved = { readings: unread, deviceReads: unread > 0 && sources.fromMeter === 0 ? 1 : 0 }
}

const letters = { cache: 'c', meter: 'm', shared: 's' } as const

/**
 * Where each reading came from, in one line: `sources: active-import 2026-11-20T23:30:00.000Z 49m`. For each channel the
 * start of its first half-hour and runs (m meter, c cache, s a read for somebody else, n not recorded); for `daily-reads` the
 * first midnight.
 */
export function sourcesText({ groups, served }: Sources): string {
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
 * was saved, the mean of the sessions in `total`; nothing is said of that before the first.
 */
export function serializedSources({ served: _, ...sources }: Sources, total: Usage) {
  const { deviceReads } = sources.saved
  const { wakeUps, sessions, dcoCalls, bytesOut, bytesIn } = total
  if (sessions === 0) return sources
  const mean = (sum: number) => Math.round((sum / sessions) * deviceReads)
  const cost = {
    wakeUps: mean(wakeUps),
    sessions: deviceReads,
    dcoCalls: mean(dcoCalls),
    bytes: mean(bytesOut + bytesIn),
  }
  return { ...sources, saved: { ...sources.saved, ...cost } }
}

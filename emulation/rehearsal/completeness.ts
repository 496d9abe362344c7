// Which half-hours of each day were delivered, and when: what settlement has by each of its runs.

import { dayMs, firstHalfHourOfDay, halfHourMs } from '../../protocol/half-hour.ts'

/** Half-hours of one kind of day (UTC or Settlement Day) and channel: by day, then by date of delivery. */
export interface DayCounts {
  expected: number
  /** By day since 1970 on which they were delivered for the first time. */
  delivered: Map<number, number>
}

/** `utc 2026-11-22 import` → counts. */
export type Completeness = Map<string, DayCounts>

export type DayKind = 'utc' | 'settlement'
export type Channel = 'import' | 'export'

export const dayKey = (kind: DayKind, day: string, channel: Channel) => `${kind} ${day} ${channel}`

/** Adds what another process counted. */
export function addCompleteness(to: Completeness, from: Completeness): void {
  for (const [key, { expected, delivered }] of from) {
    const counts = to.get(key) ?? { expected: 0, delivered: new Map<number, number>() }
    counts.expected += expected
    for (const [date, count] of delivered) counts.delivered.set(date, (counts.delivered.get(date) ?? 0) + count)
    to.set(key, counts)
  }
}

/** Settlement Days of local time are given by the caller, so that this file knows no time zone. */
type DayOf = (halfHour: number) => string

/** The counts that each half-hour from `first` until `end` belongs to: of its UTC day, and of its Settlement Day. */
function countsByHalfHour(counts: Completeness, first: number, end: number, channel: Channel, settlementDayOf: DayOf) {
  const utcDayOf: DayOf = (halfHour) => new Date(halfHour * halfHourMs).toISOString().slice(0, 10)
  // A Settlement Day that is not wholly inside is left out.
  const cut = [settlementDayOf(first - 1), settlementDayOf(end)]
  function countsOf(kind: DayKind, day: string): DayCounts {
    const key = dayKey(kind, day, channel)
    const found = counts.get(key) ?? { expected: 0, delivered: new Map<number, number>() }
    counts.set(key, found)
    return found
  }
  return Array.from({ length: end - first }, (_, i): DayCounts[] => {
    const settlementDay = settlementDayOf(first + i)
    const utc = countsOf('utc', utcDayOf(first + i))
    return cut.includes(settlementDay) ? [utc] : [utc, countsOf('settlement', settlementDay)]
  })
}

/** Follows the half-hours of the UTC days `firstDay` to `lastDay` (since 1970, both included). */
export function createCompleteness(firstDay: number, lastDay: number, settlementDayOf: DayOf) {
  const first = firstHalfHourOfDay(firstDay)
  const end = firstHalfHourOfDay(lastDay + 1)
  const counts: Completeness = new Map()
  const byChannel = new Map<Channel, DayCounts[][]>()
  /** By meter and channel, a bit for each half-hour that was delivered. */
  const wanted = new Map<string, Uint8Array>()

  function countsOfChannel(channel: Channel): DayCounts[][] {
    const found = byChannel.get(channel) ?? countsByHalfHour(counts, first, end, channel, settlementDayOf)
    byChannel.set(channel, found)
    return found
  }

  return {
    counts,
    /** Settlement wants a channel of a meter. */
    want(meter: number, channel: Channel): void {
      const key = `${meter} ${channel}`
      if (wanted.has(key)) return
      wanted.set(key, new Uint8Array(Math.ceil((end - first) / 8)))
      for (const both of countsOfChannel(channel)) for (const one of both) one.expected += 1
    },
    /** These half-hours of a meter were delivered to a party that collects for settlement. */
    delivered(meter: number, channel: Channel, halfHour: number, count: number, atMs: number): void {
      const bits = wanted.get(`${meter} ${channel}`)
      if (bits === undefined) return
      const date = Math.floor(atMs / dayMs)
      const ofChannel = countsOfChannel(channel)
      for (let i = Math.max(0, halfHour - first); i < Math.min(end, halfHour + count) - first; i++) {
        const [at, bit] = [i >> 3, 1 << (i & 7)]
        if ((bits[at]! & bit) !== 0) continue
        bits[at]! |= bit
        for (const { delivered } of ofChannel[i]!) delivered.set(date, (delivered.get(date) ?? 0) + 1)
      }
    },
  }
}

// 4.6.1 through the cache: daily reads of the kept period, and one read of the meter serves everybody who waits for it.
//
// Kept are the midnights (00:00 UTC) of the period that the policy keeps, both of its ends included: two for a day. They
// lie under the same hourly keys, in the same table, as the half-hours (reading-cache.ts), are removed with them, and are
// never handed out longer than 25 hours after their retrieval.

import { dayMs } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'
import { decodeSnapshot, encodeSnapshot, type RegisterSnapshot } from '../../protocol/register-snapshot.ts'
import { openEntry, sealEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import { type HourlyKeys, hourOf } from './hourly-keys.ts'
import { type CachePolicy, cachedFromDay, cachedPeriod } from './policy.ts'
import { lengthen, type Run } from './reading-cache.ts'
import { entryKey } from './sealed-entry.ts'
import { isOwnFault, type ReadingSource } from './single-flight.ts'

/** A daily read, where it came from, and how long ago the meter was asked for it. */
export interface SourcedSnapshot {
  snapshot: RegisterSnapshot
  from: ReadingSource
  ageMs: number
}

/**
 * Daily reads of the midnights with which the days `first` to `first + count - 1` begin, oldest first, those that the
 * meter has. `fetch` reads from the meter. When it rejects, so do all requests that share the read, or the next of them reads
 * (`isOwnFault`).
 */
export type DailyReadThrough = (
  eui: string,
  first: number,
  count: number,
  fetch: (first: number, count: number) => Promise<RegisterSnapshot[]>,
) => Promise<SourcedSnapshot[]>

export interface DailyReadParts {
  store: Store<{ readings: Uint8Array }>
  keys: HourlyKeys
  /** Cryptographically strong. */
  randomBytes(count: number): Uint8Array
  policy: CachePolicy
  /** A read of the meter also brings what is missing of the kept period. */
  topUp?: boolean
  nowMs(): number
  /** Increases whenever a device is evicted (ReadingCache): a read that began before is not cached. */
  emptied(): number
  /** Called with one line when an entry cannot be cached; the request is answered all the same. */
  report(line: string): void
}

type Fetch = Parameters<DailyReadThrough>[3]

interface UnderWay {
  days: readonly number[]
  countedFromMs: number
  entries: Promise<RegisterSnapshot[]>
}

const retrievedBytes = 4

export function createDailyReadThrough(parts: DailyReadParts): DailyReadThrough {
  const { store, keys, nowMs } = parts
  const underWay = new Map<string, UnderWay>()

  const nameOf = (eui: string, day: number) => `${eui}/daily-reads/${day}`

  /** The entry of a midnight, if it is kept. */
  function lookup(eui: string, day: number): { snapshot: RegisterSnapshot; retrievedMs: number } | undefined {
    const oldestHour = keys.hours()[0]
    if (oldestHour === undefined || day < cachedFromDay(parts.policy, oldestHour * 3_600_000)) return undefined
    for (const hour of [...keys.hours()].reverse()) {
      const name = entryKey(hour, nameOf(eui, day))
      const key = keys.key(hour)
      const sealed = store.get('readings', name)
      const plain = key === undefined || sealed === undefined ? undefined : openEntry(key, sealed, name)
      const snapshot = plain === undefined ? undefined : decodeSnapshot(plain.subarray(retrievedBytes))
      if (plain === undefined || snapshot === undefined) continue
      const sinceHourMs = new DataView(plain.buffer, plain.byteOffset).getUint32(0)
      return { snapshot, retrievedMs: hour * 3_600_000 + sinceHourMs }
    }
    return undefined
  }

  async function keep(eui: string, entries: readonly RegisterSnapshot[], retrievedMs: number): Promise<void> {
    const from = cachedFromDay(parts.policy, retrievedMs)
    const kept = entries.filter(({ number }) => number >= from && number * dayMs <= retrievedMs)
    const hour = hourOf(retrievedMs)
    const key = kept.length === 0 ? undefined : keys.keyToSeal(hour)
    if (key === undefined) return
    const writes = kept.map(async (entry) => {
      const bytes = encodeSnapshot(entry)
      if (bytes === undefined) return
      const plain = new Uint8Array(retrievedBytes + bytes.length)
      new DataView(plain.buffer).setUint32(0, Math.floor(retrievedMs - hour * 3_600_000))
      plain.set(bytes, retrievedBytes)
      const name = entryKey(hour, nameOf(eui, entry.number))
      await store.put('readings', name, sealEntry(key, plain, name, parts.randomBytes))
    })
    await Promise.all(writes)
  }

  /** Midnights of the kept period that a read for `asked` should bring besides (as `ReadingCache.missingOfPeriod`). */
  function missingOfPeriod(eui: string, asked: readonly number[], now: number): number[] {
    const period = parts.topUp === true ? cachedPeriod(parts.policy, now) : undefined
    if (period === undefined) return []
    const first = cachedFromDay(parts.policy, now)
    const last = Math.floor(period.to / halfHoursPerDay)
    const refreshes = asked.some((day) => day >= first && day <= last)
    const endMs = keys.endMs(hourOf(now))
    return daysOf({ first, count: last - first + 1 }).filter((day) => {
      const kept = lookup(eui, day)
      return kept === undefined || (refreshes && keys.endMs(hourOf(kept.retrievedMs)) < endMs)
    })
  }

  /** Reads days in order, one ask for each run of them. Only what was asked for may fail. */
  async function readDays(
    eui: string,
    days: readonly number[],
    isAsked: (day: number) => boolean,
    countedFromMs: number,
    fetch: Fetch,
  ): Promise<RegisterSnapshot[]> {
    const runs: Run[] = []
    for (const day of days) lengthen(runs, day)
    const reads = runs.map(async (run) => {
      try {
        return await read(eui, run.first, run.count, countedFromMs, fetch)
      } catch (error) {
        if (daysOf(run).some(isAsked)) throw error
        return []
      }
    })
    return (await Promise.all(reads)).flat()
  }

  async function read(
    eui: string,
    first: number,
    count: number,
    countedFromMs: number,
    fetch: Fetch,
  ): Promise<RegisterSnapshot[]> {
    const emptied = parts.emptied()
    const entries = await fetch(first, count)
    try {
      if (parts.emptied() === emptied) await keep(eui, entries, countedFromMs)
    } catch (error) {
      parts.report(`a daily read of ${eui} was read and cannot be cached: ${(error as Error).message}`)
    }
    return entries
  }

  return async (eui, first, count, fetch) => {
    const isAsked = (day: number) => day >= first && day < first + count
    for (;;) {
      const now = nowMs()
      keys.observe(now)
      const cached: SourcedSnapshot[] = []
      const missing: number[] = []
      for (const day of daysOf({ first, count })) {
        const kept = lookup(eui, day)
        if (kept === undefined) missing.push(day)
        else cached.push({ snapshot: kept.snapshot, from: 'cache', ageMs: Math.max(0, now - kept.retrievedMs) })
      }
      if (missing.length === 0) return cached
      const isMissing = ({ number }: RegisterSnapshot) => missing.includes(number)
      const other = underWay.get(eui)
      if (other !== undefined) {
        const covered = missing.every((day) => other.days.includes(day))
        const entries = await other.entries.catch(covered ? unlessOwnFault : () => undefined)
        if (!covered || entries === undefined) continue
        return inOrder(cached, entries.filter(isMissing), 'shared', nowMs() - other.countedFromMs)
      }
      const days = [...new Set([...missing, ...missingOfPeriod(eui, missing, now)])].sort((a, b) => a - b)
      const entries = readDays(eui, days, isAsked, now, fetch)
      underWay.set(eui, { days, countedFromMs: now, entries })
      try {
        return inOrder(cached, (await entries).filter(isMissing), 'meter', nowMs() - now)
      } finally {
        underWay.delete(eui)
      }
    }
  }
}

/** Nothing, where another read may succeed. @throws any other error */
function unlessOwnFault(error: unknown): undefined {
  if (!isOwnFault(error)) throw error
}

function daysOf({ first, count }: Run): number[] {
  return Array.from({ length: Math.max(0, count) }, (_, i) => first + i)
}

function inOrder(
  cached: readonly SourcedSnapshot[],
  entries: readonly RegisterSnapshot[],
  from: 'meter' | 'shared',
  ageMs: number,
): SourcedSnapshot[] {
  const read = entries.map((snapshot): SourcedSnapshot => ({ snapshot, from, ageMs: Math.max(0, ageMs) }))
  return [...cached, ...read].sort((a, b) => a.snapshot.number - b.snapshot.number)
}

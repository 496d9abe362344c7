// 4.6.1 through the cache: the entry of the last midnight is cached, and concurrent requests share one read of the meter.
//
// "The previous 24 hours" (MP256 consultation) contain exactly one midnight, so the cache holds exactly one entry of the
// daily read log per meter. It is sealed under the same hourly keys and in the same table as the half-hours
// (reading-cache.ts), is deleted with them, and is never used longer than 25 hours after its retrieval.

import { dayMs } from '../../protocol/half-hour.ts'
import { decodeSnapshot, encodeSnapshot, type RegisterSnapshot } from '../../protocol/register-snapshot.ts'
import type { Store } from '../store/store.ts'
import { type HourlyKeys, hourOf } from './hourly-keys.ts'
import type { CachePolicy } from './policy.ts'
import { entryKey, openEntry, sealEntry } from './sealed-entry.ts'
import type { ReadingSource } from './single-flight.ts'

/** A daily read, where it came from, and how long ago the meter was asked for it. */
export interface SourcedSnapshot {
  snapshot: RegisterSnapshot
  from: ReadingSource
  ageMs: number
}

/**
 * Daily reads of the midnights with which the days `first` to `first + count - 1` begin, oldest first, those that the
 * meter has. `fetch` reads from the meter. When it rejects, so do all requests that share the read.
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
  nowMs(): number
  /** Increases whenever a device is evicted (ReadingCache): a read that began before is not cached. */
  emptied(): number
  /** Called with one line when an entry cannot be cached; the request is answered all the same. */
  report(line: string): void
}

interface UnderWay {
  first: number
  count: number
  askedMs: number
  entries: Promise<RegisterSnapshot[]>
}

const retrievedBytes = 4

export function createDailyReadThrough(parts: DailyReadParts): DailyReadThrough {
  const { store, keys, nowMs } = parts
  const underWay = new Map<string, UnderWay>()

  const nameOf = (eui: string, day: number) => `${eui}/daily-reads/${day}`

  /** The entry of the last midnight, when it is cached. */
  function lookup(eui: string, day: number): { snapshot: RegisterSnapshot; retrievedMs: number } | undefined {
    if (parts.policy === 'off') return undefined
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
    const last = entries.find(({ number }) => number === Math.floor(retrievedMs / dayMs))
    if (last === undefined || parts.policy === 'off') return
    const bytes = encodeSnapshot(last)
    if (bytes === undefined) return
    const hour = hourOf(retrievedMs)
    const key = keys.keyToSeal(hour)
    if (key === undefined) return
    const plain = new Uint8Array(retrievedBytes + bytes.length)
    new DataView(plain.buffer).setUint32(0, Math.floor(retrievedMs - hour * 3_600_000))
    plain.set(bytes, retrievedBytes)
    const name = entryKey(hour, nameOf(eui, last.number))
    await store.put('readings', name, sealEntry(key, plain, name, parts.randomBytes))
  }

  async function read(
    eui: string,
    first: number,
    count: number,
    askedMs: number,
    fetch: Parameters<DailyReadThrough>[3],
  ): Promise<RegisterSnapshot[]> {
    const emptied = parts.emptied()
    const entries = await fetch(first, count)
    try {
      if (parts.emptied() === emptied) await keep(eui, entries, askedMs)
    } catch (error) {
      parts.report(`a daily read of ${eui} was read and cannot be cached: ${(error as Error).message}`)
    }
    return entries
  }

  return async (eui, first, count, fetch) => {
    for (;;) {
      const now = nowMs()
      keys.observe(now)
      const day = Math.floor(now / dayMs)
      const kept = day === first + count - 1 ? lookup(eui, day) : undefined
      const cached: SourcedSnapshot[] =
        kept === undefined
          ? []
          : [{ snapshot: kept.snapshot, from: 'cache', ageMs: Math.max(0, now - kept.retrievedMs) }]
      const left = count - cached.length
      if (left === 0) return cached
      const other = underWay.get(eui)
      if (other !== undefined) {
        const covered = other.first <= first && other.first + other.count >= first + left
        const entries = await (covered ? other.entries : other.entries.catch(() => []))
        if (covered) return [...sourced(entries, first, left, 'shared', nowMs() - other.askedMs), ...cached]
        continue
      }
      const entries = read(eui, first, left, now, fetch)
      underWay.set(eui, { first, count: left, askedMs: now, entries })
      try {
        return [...sourced(await entries, first, left, 'meter', nowMs() - now), ...cached]
      } finally {
        underWay.delete(eui)
      }
    }
  }
}

function sourced(
  entries: readonly RegisterSnapshot[],
  first: number,
  count: number,
  from: 'meter' | 'shared',
  ageMs: number,
): SourcedSnapshot[] {
  const wanted = entries.filter(({ number }) => number >= first && number < first + count)
  return wanted.map((snapshot) => ({ snapshot, from, ageMs: Math.max(0, ageMs) }))
}

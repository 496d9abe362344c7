// The S1SP's short-lived cache of readings (MP256 consultation): a half-hour read for one party answers every party.
//
// Kept per device and channel, by half-hour, sealed with AES-256-GCM under the key of the UTC hour of retrieval
// (hourly-keys.ts): after 24 to 25 hours that key is destroyed and nothing, no copy either, can be opened. Access
// control comes before the cache, always: the cache does not know who asks.

import { dayOfHalfHour, firstHalfHourOfDay, halfHourOf, stampOfHalfHour } from '../../protocol/half-hour.ts'
import { halfHoursPerAskMax, halfHoursPerDay } from '../../protocol/limits.ts'
import { createRecent } from '../store/recent.ts'
import type { Store } from '../store/store.ts'
import type { Reading } from '../wan/reading.ts'
import { type HourlyKeys, hourOf } from './hourly-keys.ts'
import { type CachePolicy, keptFrom } from './policy.ts'
import { entryKey, openEntry, sealEntry } from './sealed-entry.ts'

/** `wh` undefined: the meter has no record of it. `retrievedMs`: when it was read from the meter. */
export type KeptReading = Readonly<{ wh: number | undefined; marked: boolean; retrievedMs: number }>

/** Half-hours `first` to `first + count - 1`. */
export type Run = { first: number; count: number }

export interface ReadingCache {
  /** What is known of half-hours `first` to `first + count - 1` (19,056 at most), and the runs to be read. */
  lookup(
    eui: string,
    channel: string,
    first: number,
    count: number,
    nowMs: number,
  ): { known: Map<number, KeptReading>; missing: Run[] }
  /**
   * Keeps what `isSettled` and the policy allow. `retrievedMs` is the time before the meter was asked. A lookup finds
   * them at once; resolves when they are on disk; rejects when they cannot be stored or no key be made.
   * Throws RangeError for a value that is not whole watt-hours from 0 to 4,294,967,294.
   */
  keep(eui: string, channel: string, readings: readonly Reading[], retrievedMs: number): Promise<void>
  /** Forgets everything of a device. */
  empty(eui: string): Promise<void>
  /** Counts up with every `empty`, so that a read under way since before it is not kept. */
  emptied(): number
  /** Destroys ended keys and removes what they sealed. Call it about once a minute; life ends without it too. */
  sweep(nowMs: number): Promise<void>
  /** Sealed entries that did not open: damaged, moved, or of a key that is gone. */
  unreadable(): number
}

export type ReadingCacheParts = {
  store: Store<{ readings: Uint8Array }>
  keys: HourlyKeys
  /** Cryptographically strong. */
  randomBytes(count: number): Uint8Array
  policy?: CachePolicy
  /** Opened days kept in memory, about 3 KB each. */
  openDaysMax?: number
}

/** The cached half-hours of one UTC day, opened. */
type Day = (KeptReading | undefined)[]

// An entry holds what was retrieved in one hour of one device, channel and UTC day: 48 times u32 wh (all ones: none) and
// u32 flags. Flags: bit 31 there, bit 30 marked, bits 0-21 milliseconds of
// retrieval in its hour.
const plainBytes = halfHoursPerDay * 8
const whNone = 0xffff_ffff
const flagThere = 0x8000_0000
const flagMarked = 0x4000_0000
const hourMs = 3_600_000
const sweepBatch = 4096
/** The key of no entry. */
const barrier = '!'
const noDay = (): Day => new Array(halfHoursPerDay).fill(undefined)

/**
 * Whether a reading is final: the half-hour was over when the meter was asked, and, for one the meter has no record of,
 * over for half an hour. A meter whose clock is late has no record of the last half-hour yet; one that lies back is a
 * gap, and gaps never fill.
 */
export function isSettled(reading: Reading, askedMs: number): boolean {
  const halfHour = reading.wh === undefined ? reading.halfHour + 1 : reading.halfHour
  return stampOfHalfHour(halfHour) <= askedMs
}

/** A cache over the store's table `readings`. One process may own it at a time. */
export function createReadingCache(parts: ReadingCacheParts): ReadingCache {
  const { store, keys, randomBytes, policy = 'previous-day', openDaysMax = 10_000 } = parts
  const openDays = createRecent<Day>(openDaysMax)
  let destructions = keys.destructions()
  let unreadable = 0
  let emptied = 0
  /** Devices whose entries are on their way out of the store, and how many times: what it still shows is not taken. */
  const emptying = new Map<string, number>()

  function observe(nowMs: number): void {
    keys.observe(nowMs)
    if (keys.destructions() === destructions) return
    destructions = keys.destructions()
    for (const [, day] of openDays.entries()) {
      for (const [slot, kept] of day.entries()) {
        if (kept !== undefined && keys.key(hourOf(kept.retrievedMs)) === undefined) day[slot] = undefined
      }
    }
  }

  function openDay(eui: string, channel: string, dayNumber: number): Day {
    const name = `${eui}/${channel}/${dayNumber}`
    const found = openDays.get(name)
    if (found !== undefined) return found
    const day = emptying.has(eui) ? noDay() : loadDay(name)
    openDays.set(name, day)
    return day
  }

  /** Later hours over earlier ones. */
  function loadDay(name: string): Day {
    const day = noDay()
    for (const hour of keys.hours()) {
      const key = keys.key(hour)
      const sealed = store.get('readings', entryKey(hour, name))
      if (key === undefined || sealed === undefined) continue
      const plain = openEntry(key, sealed, entryKey(hour, name))
      if (plain?.length !== plainBytes) unreadable += 1
      else readEntry(plain, hour, day)
    }
    return day
  }

  /** Half-hours that can be in the cache at all: the rest of a long read need not be looked for. */
  function bounds(nowMs: number): { from: number; to: number } {
    const oldestHour = keys.hours()[0]
    if (oldestHour === undefined || policy === 'off') return { from: 0, to: 0 }
    const from = keptFrom(policy, oldestHour * hourMs)
    return { from, to: halfHourOf(Math.max(nowMs, keys.greatestMs())) }
  }

  async function removeRange(from: string, to: string): Promise<void> {
    for (;;) {
      const found: string[] = []
      for (const { key } of store.range('readings', from, to)) {
        if (found.push(key) === sweepBatch) break
      }
      await Promise.all(found.map((key) => store.remove('readings', key)))
      if (found.length < sweepBatch) return
    }
  }

  return {
    lookup(eui, channel, first, count, nowMs) {
      checkRange(channel, first, count)
      observe(nowMs)
      const known = new Map<number, KeptReading>()
      const missing: Run[] = []
      const { from, to } = bounds(nowMs)
      let dayNumber = -1
      let day: Day | undefined
      for (let halfHour = first; halfHour < first + count; halfHour++) {
        if (dayOfHalfHour(halfHour) !== dayNumber) {
          dayNumber = dayOfHalfHour(halfHour)
          const reachable = firstHalfHourOfDay(dayNumber + 1) > from && firstHalfHourOfDay(dayNumber) < to
          day = reachable ? openDay(eui, channel, dayNumber) : undefined
        }
        const kept = day?.[halfHour - firstHalfHourOfDay(dayNumber)]
        if (kept !== undefined) known.set(halfHour, kept)
        else lengthen(missing, halfHour)
      }
      return { known, missing }
    },

    async keep(eui, channel, readings, retrievedMs) {
      // Earlier than the greatest time told is no clock gone back: a read takes a while.
      if (retrievedMs > keys.greatestMs()) observe(retrievedMs)
      const earliest = keptFrom(policy, retrievedMs)
      const hour = hourOf(retrievedMs)
      const kept = readings.filter((one) => one.halfHour >= earliest && isSettled(one, retrievedMs))
      if (kept.length === 0) return
      for (const { halfHour, wh } of kept) {
        checkRange(channel, halfHour, 1)
        if (wh !== undefined && !(Number.isInteger(wh) && wh >= 0 && wh < whNone)) throw new RangeError(`no Wh: ${wh}`)
      }
      const key = keys.keyToSeal(hour)
      if (key === undefined) return
      const days = new Map<number, Day>()
      for (const { halfHour, wh, marked } of kept) {
        const dayNumber = dayOfHalfHour(halfHour)
        const day = days.get(dayNumber) ?? openDay(eui, channel, dayNumber)
        days.set(dayNumber, day)
        const slot = halfHour - firstHalfHourOfDay(dayNumber)
        if ((day[slot]?.retrievedMs ?? 0) <= retrievedMs) day[slot] = { wh, marked, retrievedMs }
      }
      const writes = [...days].map(([dayNumber, day]) => {
        const name = entryKey(hour, `${eui}/${channel}/${dayNumber}`)
        return store.put('readings', name, sealEntry(key, writeEntry(day, hour), name, randomBytes))
      })
      await Promise.all(writes)
    },

    async empty(eui) {
      emptied += 1
      for (const [name] of [...openDays.entries()]) if (name.startsWith(`${eui}/`)) openDays.delete(name)
      emptying.set(eui, (emptying.get(eui) ?? 0) + 1)
      try {
        // Writes keep their order: once this one is done, whatever was on its way to the disk can be seen, and removed.
        await store.remove('readings', barrier)
        for (const hour of keys.hours()) await removeRange(entryKey(hour, `${eui}/`), entryKey(hour, `${eui}0`))
      } finally {
        const left = (emptying.get(eui) ?? 1) - 1
        if (left === 0) emptying.delete(eui)
        else emptying.set(eui, left)
      }
    },

    emptied: () => emptied,

    async sweep(nowMs) {
      keys.sweep(nowMs)
      observe(keys.greatestMs())
      let from = '0'
      for (const hour of keys.hours()) {
        await removeRange(from, entryKey(hour, ''))
        from = entryKey(hour + 1, '')
      }
      await removeRange(from, ':')
    },

    unreadable: () => unreadable,
  }
}

/** Adds the next half-hour to runs that are in order. */
export function lengthen(runs: Run[], halfHour: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last.first + last.count === halfHour) last.count += 1
  else runs.push({ first: halfHour, count: 1 })
}

function checkRange(channel: string, first: number, count: number): void {
  if (!/^[a-z]+(-[a-z]+)*$/.test(channel)) throw new RangeError(`no channel: ${channel}`)
  const whole = Number.isSafeInteger(first) && Number.isSafeInteger(count)
  if (!whole || first < 0 || count < 0 || count > halfHoursPerAskMax)
    throw new RangeError(`no half-hours: ${first}, ${count}`)
}

function writeEntry(day: Day, hour: number): Uint8Array {
  const plain = new Uint8Array(plainBytes)
  const view = new DataView(plain.buffer)
  for (const [slot, kept] of day.entries()) {
    if (kept === undefined || hourOf(kept.retrievedMs) !== hour) continue
    view.setUint32(slot * 8, kept.wh ?? whNone)
    const marked = kept.marked ? flagMarked : 0
    view.setUint32(slot * 8 + 4, flagThere + marked + Math.floor(kept.retrievedMs - hour * hourMs))
  }
  return plain
}

function readEntry(plain: Uint8Array, hour: number, day: Day): void {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length)
  for (let slot = 0; slot < halfHoursPerDay; slot++) {
    const wh = view.getUint32(slot * 8)
    const flags = view.getUint32(slot * 8 + 4)
    if (flags < flagThere) continue
    const retrievedMs = hour * hourMs + (flags & 0x3f_ffff)
    day[slot] = { wh: wh === whNone ? undefined : wh, marked: (flags & flagMarked) !== 0, retrievedMs }
  }
}

// The S1SP's cache of readings (MP256 consultation): a half-hour read for one party is used for every party.
//
// Readings are stored per device, channel and half-hour, sealed with AES-256-GCM under the key of the UTC hour of retrieval
// (hourly-keys.ts). After 24 to 25 hours that key is destroyed and no copy can be opened. Access control is always applied
// before the cache is used: the cache does not know the requesting party.

import { dayOfHalfHour, firstHalfHourOfDay, halfHourOf, stampOfHalfHour } from '../../protocol/half-hour.ts'
import { halfHoursPerAskMax, halfHoursPerDay } from '../../protocol/limits.ts'
import { createRecent } from '../store/recent.ts'
import { openEntry, sealEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import type { Reading } from '../wan/reading.ts'
import { type HourlyKeys, hourOf } from './hourly-keys.ts'
import { type CachePolicy, cachedFrom } from './policy.ts'
import { entryKey } from './sealed-entry.ts'

/** `wh` undefined: the meter has no record of it. `retrievedMs`: when it was read from the meter. */
export type CachedReading = Readonly<{ wh: number | undefined; marked: boolean; retrievedMs: number }>

/** Half-hours `first` to `first + count - 1`. */
export type Run = { first: number; count: number }

export interface ReadingCache {
  /** The cached half-hours of `first` to `first + count - 1` (19,056 at most), and the runs that must be read. */
  lookup(
    eui: string,
    channel: string,
    first: number,
    count: number,
    nowMs: number,
  ): { known: Map<number, CachedReading>; missing: Run[] }
  /**
   * Caches the readings that `isSettled` and the policy allow. `retrievedMs` is the time before the meter was asked. A
   * lookup finds them at once. Resolves when they are on disk; rejects when they cannot be stored or no key can be created.
   * Throws RangeError for a value that is not whole watt-hours from 0 to 4,294,967,294.
   */
  keep(eui: string, channel: string, readings: readonly Reading[], retrievedMs: number): Promise<void>
  /** Deletes all readings of a device. */
  empty(eui: string): Promise<void>
  /** Increases with every `empty`, so that a read that began before is not cached. */
  emptied(): number
  /** Destroys ended keys and deletes the entries sealed with them. Call it about once a minute; keys end without it too. */
  sweep(nowMs: number): Promise<void>
  /** Number of entries that did not open: damaged, moved, or sealed with a destroyed key. */
  unreadable(): number
}

type ReadingStore = Store<{ readings: Uint8Array }>

export type ReadingCacheParts = {
  store: ReadingStore
  keys: HourlyKeys
  /** Cryptographically strong. */
  randomBytes(count: number): Uint8Array
  policy?: CachePolicy
  /** Opened days in memory, about 3 KB each. */
  openDaysMax?: number
}

/** The cached half-hours of one UTC day, opened. */
type Day = (CachedReading | undefined)[]

// An entry holds the half-hours of one device, channel and UTC day that were retrieved in one hour: 48 times u32 Wh (all
// ones: not recorded) and u32 flags. Flags: bit 31 present, bit 30 marked, bits 0 to 21 the time of retrieval in
// milliseconds from the beginning of the hour.
const plainBytes = halfHoursPerDay * 8
const whNone = 0xffff_ffff
const flagPresent = 0x8000_0000
const flagMarked = 0x4000_0000
const hourMs = 3_600_000
const sweepBatch = 4096
/** The key of no entry. */
const barrier = '!'
const noDay = (): Day => new Array(halfHoursPerDay).fill(undefined)

/**
 * True when a reading is final: its half-hour had ended when the meter was asked or, for one without a record, had ended
 * half an hour before. A meter whose clock is slow has no record of the last half-hour yet; earlier gaps are never filled.
 */
export function isSettled(reading: Reading, countedFromMs: number): boolean {
  const halfHour = reading.wh === undefined ? reading.halfHour + 1 : reading.halfHour
  return stampOfHalfHour(halfHour) <= countedFromMs
}

/** The days that were opened last, in memory in front of the store. */
function createOpenDays(store: ReadingStore, keys: HourlyKeys, daysMax: number) {
  const openDays = createRecent<Day>(daysMax)
  let destructions = keys.destructions()
  let unreadable = 0
  /** Devices whose entries are being deleted, with the number of deletions in progress: their stored entries are not used. */
  const evicting = new Map<string, number>()

  /** Later hours replace earlier ones. */
  function load(name: string): Day {
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

  return {
    /** Passes the time to the keys, and deletes the half-hours of keys that were destroyed. */
    observe(nowMs: number): void {
      keys.observe(nowMs)
      if (keys.destructions() === destructions) return
      destructions = keys.destructions()
      for (const [, day] of openDays.entries()) {
        for (const [slot, cached] of day.entries()) {
          if (cached !== undefined && keys.key(hourOf(cached.retrievedMs)) === undefined) day[slot] = undefined
        }
      }
    },
    open(eui: string, channel: string, dayNumber: number): Day {
      const name = `${eui}/${channel}/${dayNumber}`
      const found = openDays.get(name)
      if (found !== undefined) return found
      const day = evicting.has(eui) ? noDay() : load(name)
      openDays.set(name, day)
      return day
    },
    /** Closes the days of a device, and runs `remove`; meanwhile nothing of the device is loaded from the store. */
    async whileEvicting(eui: string, remove: () => Promise<void>): Promise<void> {
      for (const [name] of [...openDays.entries()]) if (name.startsWith(`${eui}/`)) openDays.delete(name)
      evicting.set(eui, (evicting.get(eui) ?? 0) + 1)
      try {
        await remove()
      } finally {
        const left = (evicting.get(eui) ?? 1) - 1
        if (left === 0) evicting.delete(eui)
        else evicting.set(eui, left)
      }
    },
    unreadable: () => unreadable,
  }
}

/** Removes the entries with `from` <= key < `to`. */
async function removeRange(store: ReadingStore, from: string, to: string): Promise<void> {
  for (;;) {
    const found: string[] = []
    for (const { key } of store.range('readings', from, to)) {
      if (found.push(key) === sweepBatch) break
    }
    await Promise.all(found.map((key) => store.remove('readings', key)))
    if (found.length < sweepBatch) return
  }
}

/** The range of half-hours that can be cached: the rest of a long read need not be looked up. */
function boundsOf(keys: HourlyKeys, policy: CachePolicy, nowMs: number): { from: number; to: number } {
  const oldestHour = keys.hours()[0]
  if (oldestHour === undefined || policy === 'off') return { from: 0, to: 0 }
  const from = cachedFrom(policy, oldestHour * hourMs)
  return { from, to: halfHourOf(Math.max(nowMs, keys.greatestMs())) }
}

/** A cache over the store's table `readings`. One process may own it at a time. */
export function createReadingCache(parts: ReadingCacheParts): ReadingCache {
  const { store, keys, randomBytes, policy = 'both-days', openDaysMax = 10_000 } = parts
  const days = createOpenDays(store, keys, openDaysMax)
  let emptied = 0

  return {
    lookup(eui, channel, first, count, nowMs) {
      checkRange(channel, first, count)
      days.observe(nowMs)
      const known = new Map<number, CachedReading>()
      const missing: Run[] = []
      const { from, to } = boundsOf(keys, policy, nowMs)
      let dayNumber = -1
      let day: Day | undefined
      for (let halfHour = first; halfHour < first + count; halfHour++) {
        if (dayOfHalfHour(halfHour) !== dayNumber) {
          dayNumber = dayOfHalfHour(halfHour)
          const reachable = firstHalfHourOfDay(dayNumber + 1) > from && firstHalfHourOfDay(dayNumber) < to
          day = reachable ? days.open(eui, channel, dayNumber) : undefined
        }
        const kept = day?.[halfHour - firstHalfHourOfDay(dayNumber)]
        if (kept !== undefined) known.set(halfHour, kept)
        else lengthen(missing, halfHour)
      }
      return { known, missing }
    },

    async keep(eui, channel, readings, retrievedMs) {
      // A time before the greatest is no clock set back: a read takes some time.
      if (retrievedMs > keys.greatestMs()) days.observe(retrievedMs)
      const earliest = cachedFrom(policy, retrievedMs)
      const hour = hourOf(retrievedMs)
      const kept = readings.filter((one) => one.halfHour >= earliest && isSettled(one, retrievedMs))
      if (kept.length === 0) return
      for (const one of kept) checkReading(channel, one)
      const key = keys.keyToSeal(hour)
      if (key === undefined) return
      const changed = new Map<number, Day>()
      for (const { halfHour, wh, marked } of kept) {
        const dayNumber = dayOfHalfHour(halfHour)
        const day = changed.get(dayNumber) ?? days.open(eui, channel, dayNumber)
        changed.set(dayNumber, day)
        const slot = halfHour - firstHalfHourOfDay(dayNumber)
        if ((day[slot]?.retrievedMs ?? 0) <= retrievedMs) day[slot] = { wh, marked, retrievedMs }
      }
      const writes = [...changed].map(([dayNumber, day]) => {
        const name = entryKey(hour, `${eui}/${channel}/${dayNumber}`)
        return store.put('readings', name, sealEntry(key, writeEntry(day, hour), name, randomBytes))
      })
      await Promise.all(writes)
    },

    async empty(eui) {
      emptied += 1
      await days.whileEvicting(eui, async () => {
        // Writes keep their order: when this one is done, all earlier ones are visible and can be deleted.
        await store.remove('readings', barrier)
        for (const hour of keys.hours()) await removeRange(store, entryKey(hour, `${eui}/`), entryKey(hour, `${eui}0`))
      })
    },

    emptied: () => emptied,

    async sweep(nowMs) {
      keys.sweep(nowMs)
      days.observe(keys.greatestMs())
      let from = '0'
      for (const hour of keys.hours()) {
        await removeRange(store, from, entryKey(hour, ''))
        from = entryKey(hour + 1, '')
      }
      await removeRange(store, from, ':')
    },

    unreadable: days.unreadable,
  }
}

/** Adds the next half-hour to runs that are in order. */
export function lengthen(runs: Run[], halfHour: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last.first + last.count === halfHour) last.count += 1
  else runs.push({ first: halfHour, count: 1 })
}

function checkReading(channel: string, { halfHour, wh }: Reading): void {
  checkRange(channel, halfHour, 1)
  if (wh !== undefined && !(Number.isInteger(wh) && wh >= 0 && wh < whNone)) throw new RangeError(`no Wh: ${wh}`)
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
    view.setUint32(slot * 8 + 4, flagPresent + marked + Math.floor(kept.retrievedMs - hour * hourMs))
  }
  return plain
}

function readEntry(plain: Uint8Array, hour: number, day: Day): void {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length)
  for (let slot = 0; slot < halfHoursPerDay; slot++) {
    const wh = view.getUint32(slot * 8)
    const flags = view.getUint32(slot * 8 + 4)
    if (flags < flagPresent) continue
    const retrievedMs = hour * hourMs + (flags & 0x3f_ffff)
    day[slot] = { wh: wh === whNone ? undefined : wh, marked: (flags & flagMarked) !== 0, retrievedMs }
  }
}

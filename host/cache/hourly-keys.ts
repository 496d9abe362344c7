// One key per UTC hour, for the readings retrieved in that hour. Destroying a key destroys the readings in every copy.
//
// A key lives until 25 hours after its hour began, so an entry can be read for 24 to 25 hours and never longer than 25
// hours from its retrieval (MP256 consultation: "up to 25 hours"). No timer is needed for that: every use tells the
// time, and the first one too late destroys the key. With the deletion `purge` every key ends at the next whole multiple of
// 25 hours since 1970, so all go together. A host that is switched off keeps its key files until it is on.
//
// Time is the host's clock. Its greatest value is stored on disk. When the clock is set back by more than a minute, the age
// of the keys is unknown: all are destroyed and the cache starts empty. A smaller step is taken as concurrent calls, and
// the greatest value remains in use until the clock has passed it.
//
// A file is overwritten before it is deleted, which reaches the old blocks on a plain disk. Copy-on-write file systems,
// flash and snapshots may preserve the old blocks: do not place the directory where it is backed up.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { CacheDeletion } from './policy.ts'

/** Hours from the beginning of its hour to the end of a key; of a purge, from one to the next. */
export const keyLifeHours = 25
/** How far the clock may go back without the keys being destroyed. */
export const clockStepBackMs = 60_000

const hourMs = 3_600_000
const keyBytes = 32
const retryMs = 60_000
const seenName = 'greatest-time'

export interface HourlyKeys {
  /**
   * Passes the time, milliseconds UTC. Destroys the keys that have ended, or all keys when the clock was set back. Returns
   * the time to use: the greatest passed since then.
   */
  observe(nowMs: number): number
  /** Greatest time passed so far, also before a restart. */
  greatestMs(): number
  /** The key of an hour, unless it has ended by the time last passed. */
  key(hour: number): Uint8Array | undefined
  /**
   * The same; creates the key when there is none, on disk before it is used. Undefined after its end.
   * Throws the error of node:fs when the file cannot be written.
   */
  keyToSeal(hour: number): Uint8Array | undefined
  /** When the key of an hour ends, milliseconds UTC. */
  endMs(hour: number): number
  /** Hours (since 1970) that have a key, in order. */
  hours(): readonly number[]
  /** Increases whenever keys are destroyed: readings opened with them must be deleted. */
  destructions(): number
  /** Writes the greatest time to disk, and retries the deletion of key files. */
  sweep(nowMs: number): number
}

/** Number of the UTC hour of an instant, since 1970. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / hourMs)
}

/** The files of a directory of keys. */
function createKeyFiles(directory: string, randomBytes: (count: number) => Uint8Array, report: (line: string) => void) {
  const pathOf = (hour: number) => join(directory, `${String(hour).padStart(7, '0')}.key`)
  const greatestPath = join(directory, seenName)

  return {
    /** The keys by hour; one that is incomplete has another length. */
    readKeys(): [number, Uint8Array][] {
      const names = readdirSync(directory).filter((name) => /^\d{7}\.key$/.test(name))
      return names
        .sort()
        .map((name) => [Number(name.slice(0, 7)), Uint8Array.from(readFileSync(join(directory, name)))])
    },

    /** @throws Error of node:fs when the file cannot be written */
    createKey(hour: number, key: Uint8Array): void {
      try {
        writeDurably(pathOf(hour), key, 'wx')
        syncDirectory(directory)
      } catch (error) {
        // An existing file is one that could not be deleted. Otherwise the file is new and incomplete.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(pathOf(hour), { force: true })
        throw error
      }
    },

    /** Overwrites and deletes a key file; false when that fails, which is reported. */
    removeKey(hour: number): boolean {
      const path = pathOf(hour)
      try {
        writeDurably(path, randomBytes(Math.max(statSync(path).size, keyBytes)), 'r+')
        unlinkSync(path)
        syncDirectory(directory)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
        report(`cache key ${path} has ended and cannot be removed, remove it: ${(error as Error).message}`)
        return false
      }
    },

    /** A damaged value is read as the greatest possible time: the clock then appears set back, and all keys are destroyed. */
    readGreatest(): number {
      try {
        const text = readFileSync(greatestPath, 'latin1')
        return /^\d{1,15}$/.test(text) ? Number(text) : Number.MAX_SAFE_INTEGER
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
        throw error
      }
    },

    writeGreatest(greatestMs: number): void {
      try {
        writeDurably(greatestPath, new TextEncoder().encode(String(Math.floor(greatestMs))), 'w')
      } catch (error) {
        report(`the cache cannot write the time to ${directory}, make room there: ${(error as Error).message}`)
      }
    },
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function sortedHours(keys: ReadonlyMap<number, Uint8Array>): number[] {
  return [...keys.keys()].sort((a, b) => a - b)
}

/** The keys in memory and their files, those included that could not be deleted. */
function openKeyRing(disk: ReturnType<typeof createKeyFiles>, randomBytes: (count: number) => Uint8Array) {
  const found = disk.readKeys()
  const keys = new Map(found.filter(([, bytes]) => bytes.length === keyBytes))
  const files = new Set(found.map(([hour]) => hour))
  const newestHour = Math.max(0, ...files)
  let hours: readonly number[] = []
  let destructions = 0

  /** In memory first: these keys are not used again, even when a file cannot be deleted. */
  function destroy(endedHours: readonly number[]): void {
    for (const hour of endedHours) {
      keys.get(hour)?.fill(0)
      if (keys.delete(hour)) destructions += 1
    }
    hours = sortedHours(keys)
    for (const hour of endedHours) if (disk.removeKey(hour)) files.delete(hour)
  }

  // An incomplete key file is from a power failure during its creation: nothing was sealed with it.
  destroy([...files].filter((hour) => !keys.has(hour)))
  return {
    /** The newest hour that had a file at the start; 0 when there was none. */
    newestHour,
    files: () => [...files],
    key: (hour: number) => keys.get(hour),
    hours: () => hours,
    destructions: () => destructions,
    destroy,
    /** @throws Error of node:fs when the file cannot be written */
    create(hour: number): Uint8Array {
      const key = Uint8Array.from(randomBytes(keyBytes))
      disk.createKey(hour, key)
      files.add(hour)
      keys.set(hour, key)
      hours = sortedHours(keys)
      return key
    },
  }
}

/** When the key of an hour ends, milliseconds UTC. */
function endMsOf(hour: number, deletion: CacheDeletion): number {
  const endHour = deletion === 'age' ? hour + keyLifeHours : (Math.floor(hour / keyLifeHours) + 1) * keyLifeHours
  return endHour * hourMs
}

/**
 * Opens (or creates) a directory of keys, mode 0700, files of mode 0600. It must hold nothing else and be used by one
 * process at a time. `report` receives one line when a key file cannot be deleted or the time cannot be written.
 * @throws Error of node:fs when the directory cannot be made or read
 */
export function openHourlyKeys(
  directory: string,
  randomBytes: (count: number) => Uint8Array,
  report: (line: string) => void,
  deletion: CacheDeletion = 'age',
): HourlyKeys {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const disk = createKeyFiles(directory, randomBytes, report)
  const ring = openKeyRing(disk, randomBytes)
  let greatestMs = Math.max(disk.readGreatest(), ring.newestHour * hourMs)
  let seenHour = hourOf(greatestMs)
  let nextEndMs = 0

  function ended(hour: number): boolean {
    return greatestMs >= endMsOf(hour, deletion)
  }

  function observe(nowMs: number): number {
    if (!Number.isFinite(nowMs)) throw new RangeError(`no time: ${nowMs}`)
    if (nowMs < greatestMs - clockStepBackMs) {
      greatestMs = nowMs
      ring.destroy(ring.files())
      storeGreatest()
    }
    greatestMs = Math.max(greatestMs, nowMs)
    if (greatestMs >= nextEndMs) destroyEnded()
    if (hourOf(greatestMs) !== seenHour) storeGreatest()
    return greatestMs
  }

  function destroyEnded(): void {
    ring.destroy(ring.files().filter(ended))
    const retryAtMs = ring.files().some(ended) ? greatestMs + retryMs : Number.POSITIVE_INFINITY
    const [oldest] = ring.hours()
    nextEndMs = oldest === undefined ? retryAtMs : Math.min(retryAtMs, endMsOf(oldest, deletion))
  }

  function storeGreatest(): void {
    seenHour = hourOf(greatestMs)
    disk.writeGreatest(greatestMs)
  }

  return {
    observe,
    greatestMs: () => greatestMs,
    key: ring.key,
    keyToSeal(hour) {
      const found = ring.key(hour)
      if (found !== undefined || ended(hour)) return found
      const key = ring.create(hour)
      nextEndMs = Math.min(nextEndMs, endMsOf(hour, deletion))
      return key
    },
    endMs: (hour) => endMsOf(hour, deletion),
    hours: ring.hours,
    destructions: ring.destructions,
    sweep(nowMs) {
      nextEndMs = 0
      const greatest = observe(nowMs)
      storeGreatest()
      return greatest
    },
  }
}

function writeDurably(path: string, bytes: Uint8Array, flags: 'w' | 'wx' | 'r+'): void {
  const descriptor = openSync(path, flags, 0o600)
  try {
    if (writeSync(descriptor, bytes, 0, bytes.length, 0) !== bytes.length)
      throw new Error(`${path} was not written whole`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

// One key per UTC hour, for what is retrieved in that hour. Whoever destroys the key destroys the data, in every copy.
//
// A key lives until 25 hours after its hour began, so an entry can be read for 24 to 25 hours and never longer than 25
// hours from its retrieval (MP256 consultation: "up to 25 hours"). No timer is needed for that: every use tells the
// time, and the first one too late destroys the key. A host that is switched off keeps its key files until it is on.
//
// The hour counts by the host's clock. Its greatest reading is kept, also on disk. When the clock is set back by more
// than a minute, nobody can say how old the keys are: all are destroyed and the cache begins anew. Less than that is
// taken for calls overtaking each other, and time stands still until the clock has caught up.
//
// Overwriting a file before it is removed reaches the old blocks on a plain disk. File systems that copy on write,
// flash and snapshots may keep them: the directory belongs on none that is backed up.

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

/** Hours from the beginning of its hour to the end of a key. */
export const keyLifeHours = 25
/** How far the clock may go back without the cache being emptied. */
export const clockStepBackMs = 60_000

const hourMs = 3_600_000
const keyBytes = 32
const retryMs = 60_000
const seenName = 'greatest-time'

export interface HourlyKeys {
  /**
   * Tells the time, milliseconds UTC. Destroys the keys whose end has come, or all of them when the clock went back.
   * Returns the time to reckon with: the greatest told since.
   */
  observe(nowMs: number): number
  /** Greatest time told so far, also before a restart. */
  greatestMs(): number
  /** The key of an hour that is there and not at its end, by the time last told. */
  key(hour: number): Uint8Array | undefined
  /**
   * The same, and makes one when there is none: its file is on disk before it is used. Undefined past its end.
   * Throws the error of node:fs when the file cannot be written.
   */
  keyToSeal(hour: number): Uint8Array | undefined
  /** Hours (since 1970) that have a key, in order. */
  hours(): readonly number[]
  /** Counts up whenever keys were destroyed: what was opened with them must be forgotten. */
  destructions(): number
  /** Writes the greatest time told to disk, and tries again where a key file could not be removed. */
  sweep(nowMs: number): number
}

/** Number of the UTC hour of an instant, since 1970. */
export function hourOf(atMs: number): number {
  return Math.floor(atMs / hourMs)
}

/**
 * Opens (or makes) a directory of keys, mode 0700, files of mode 0600. Nothing else may be kept there, and one process
 * may own it at a time. `report` receives one line when a key file cannot be removed or the time not be written.
 * @throws Error of node:fs when the directory cannot be made or read
 */
export function openHourlyKeys(
  directory: string,
  randomBytes: (count: number) => Uint8Array,
  report: (line: string) => void,
): HourlyKeys {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const keys = new Map<number, Uint8Array>()
  /** Key files on disk, those that could not be removed among them. */
  const files = new Set<number>()
  let hours: readonly number[] = []
  let destructions = 0
  let greatestMs = readSeen()
  let seenHour = hourOf(greatestMs)
  let nextEndMs = 0

  for (const name of readdirSync(directory).sort()) {
    const hour = /^\d{7}\.key$/.test(name) ? Number(name.slice(0, 7)) : undefined
    if (hour === undefined) continue
    files.add(hour)
    const bytes = readFileSync(join(directory, name))
    if (bytes.length === keyBytes) keys.set(hour, Uint8Array.from(bytes))
    greatestMs = Math.max(greatestMs, hour * hourMs)
  }
  // Power failed while such a file was written: nothing was ever sealed with it.
  destroy([...files].filter((hour) => !keys.has(hour)))
  sortHours()

  function sortHours(): void {
    hours = [...keys.keys()].sort((a, b) => a - b)
  }

  function pathOf(hour: number): string {
    return join(directory, `${String(hour).padStart(7, '0')}.key`)
  }

  function ended(hour: number): boolean {
    return greatestMs >= (hour + keyLifeHours) * hourMs
  }

  function observe(nowMs: number): number {
    if (!Number.isFinite(nowMs)) throw new RangeError(`no time: ${nowMs}`)
    if (nowMs < greatestMs - clockStepBackMs) {
      greatestMs = nowMs
      destroy([...files])
      writeSeen()
    }
    greatestMs = Math.max(greatestMs, nowMs)
    if (greatestMs >= nextEndMs) destroyEnded()
    if (hourOf(greatestMs) !== seenHour) writeSeen()
    return greatestMs
  }

  function destroyEnded(): void {
    destroy([...files].filter(ended))
    const retryAtMs = [...files].some(ended) ? greatestMs + retryMs : Number.POSITIVE_INFINITY
    nextEndMs = Math.min(retryAtMs, ((hours[0] ?? Number.POSITIVE_INFINITY) + keyLifeHours) * hourMs)
  }

  /** In memory first: whatever happens to the files, these keys are not used again. */
  function destroy(doomed: readonly number[]): void {
    for (const hour of doomed) {
      keys.get(hour)?.fill(0)
      if (keys.delete(hour)) destructions += 1
    }
    sortHours()
    for (const hour of doomed) {
      try {
        overwrite(pathOf(hour))
        unlinkSync(pathOf(hour))
        syncDirectory()
        files.delete(hour)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') files.delete(hour)
        else report(`cache key ${pathOf(hour)} has ended and cannot be removed, remove it: ${(error as Error).message}`)
      }
    }
  }

  function overwrite(path: string): void {
    writeDurably(path, randomBytes(Math.max(statSync(path).size, keyBytes)), 'r+')
  }

  function keyToSeal(hour: number): Uint8Array | undefined {
    const found = keys.get(hour)
    if (found !== undefined || ended(hour)) return found
    const key = Uint8Array.from(randomBytes(keyBytes))
    try {
      writeDurably(pathOf(hour), key, 'wx')
      syncDirectory()
    } catch (error) {
      // A file that was there already is one that could not be removed; otherwise it is ours, and not whole.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(pathOf(hour), { force: true })
      throw error
    }
    files.add(hour)
    keys.set(hour, key)
    sortHours()
    nextEndMs = Math.min(nextEndMs, (hour + keyLifeHours) * hourMs)
    return key
  }

  /** A time that cannot be read is taken for the end of time: the clock has then gone back, and all keys go. */
  function readSeen(): number {
    try {
      const text = readFileSync(join(directory, seenName), 'latin1')
      return /^\d{1,15}$/.test(text) ? Number(text) : Number.MAX_SAFE_INTEGER
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
      throw error
    }
  }

  function writeSeen(): void {
    seenHour = hourOf(greatestMs)
    try {
      writeDurably(join(directory, seenName), new TextEncoder().encode(String(Math.floor(greatestMs))), 'w')
    } catch (error) {
      report(`the cache cannot write the time to ${directory}, make room there: ${(error as Error).message}`)
    }
  }

  function syncDirectory(): void {
    const descriptor = openSync(directory, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  return {
    observe,
    greatestMs: () => greatestMs,
    key: (hour) => keys.get(hour),
    keyToSeal,
    hours: () => hours,
    destructions: () => destructions,
    sweep(nowMs) {
      nextEndMs = 0
      const reckonedMs = observe(nowMs)
      writeSeen()
      return reckonedMs
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

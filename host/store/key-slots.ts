// Keys that are destroyed one at a time: a file of slots of 32 bytes, one key a slot. What is sealed with a key cannot be
// recovered once its slot is overwritten, in any later copy of the file.
//
// A slot is used only after its key is on disk, so that nothing is sealed with a key that a power cut takes away. Slot 0
// is no key: it tells this file from another one that replaced it.
//
// Copy-on-write file systems, flash and snapshots may preserve old blocks: do not place the file where it is backed up.

import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import { UnwritableError } from './store.ts'

/** Where the slots are kept. */
export interface KeyFile {
  /** Length, bytes. */
  bytes(): number
  read(at: number, count: number): Uint8Array
  write(at: number, bytes: Uint8Array): void
  sync(): Promise<void>
  syncNow(): void
  /** Whether it was deleted while it is open: then nothing that is written to it is kept. */
  isGone(): boolean
  close(): void
}

export interface KeySlots {
  /** Hexadecimal; another file of keys has another identity. */
  identity: string
  /** A slot that nothing uses. Throws Error when the file cannot grow, or was deleted. */
  take(): number
  key(slot: number): Uint8Array
  /** Destroys the key of a slot. Where that fails it is tried again with the next one, and at the next start. */
  release(slot: number): void
  /** Why keys cannot be written; undefined when they can. */
  trouble(): string | undefined
  /** Overwrites what could not be overwritten before. */
  destroyAgain(): void
  /** Destroys all keys but those of these slots. No other may be in use. */
  keepOnly(used: Iterable<number>): void
  close(): void
}

const keyBytes = 32
const growBy = 1024
/** Released slots that are synced together. */
const syncBatch = 256

/** The keys in a file that a bridge may use meanwhile; empty bytes for a slot that it does not have. */
export function readKeyFile(path: string): (slot: number) => Uint8Array {
  const bytes = existsSync(path) ? Uint8Array.from(readFileSync(path)) : new Uint8Array(0)
  return (slot) => bytes.subarray(slot * keyBytes, (slot + 1) * keyBytes)
}

/** Overwrites keys that have ended. @param freed called with slots whose overwriting is on disk */
function createDestruction(
  file: KeyFile,
  randomBytes: (count: number) => Uint8Array,
  freed: (slots: number[]) => void,
) {
  /** Overwritten, and not on disk yet. */
  let released: number[] = []
  /** To be overwritten: that has failed. */
  let kept: number[] = []
  let syncing = false
  let problem: string | undefined

  function overwrite(slot: number): void {
    try {
      file.write(slot * keyBytes, randomBytes(keyBytes))
      released.push(slot)
    } catch (error) {
      kept.push(slot)
      problem = `a key that has ended cannot be overwritten: ${(error as Error).message}`
    }
  }

  return {
    problem: () => problem,
    destroy(...slots: number[]): void {
      const all = [...kept, ...slots]
      kept = []
      problem = undefined
      for (const one of all) overwrite(one)
    },
    /** Syncs what was overwritten, once that is worth it. */
    sync(): void {
      if (syncing || released.length < syncBatch) return
      syncing = true
      const batch = released
      released = []
      file
        .sync()
        .then(() => freed(batch))
        .catch(() => released.push(...batch))
        .finally(() => {
          syncing = false
        })
    },
  }
}

/** Keys are read when they are used: half a million of them need no memory. */
export function createKeySlots(file: KeyFile, randomBytes: (count: number) => Uint8Array): KeySlots {
  // Without an incomplete slot at the end, which a power cut may leave.
  let slots = Math.floor(file.bytes() / keyBytes)
  let free: number[] = []
  const destruction = createDestruction(file, randomBytes, (freed) => void free.push(...freed))
  const gone = 'the file of keys was deleted while the bridge runs'

  function grow(): void {
    try {
      file.write(slots * keyBytes, randomBytes(growBy * keyBytes))
      file.syncNow()
    } catch (error) {
      throw new UnwritableError(`the file of keys cannot be written: ${(error as Error).message}`)
    }
    for (let slot = slots + growBy - 1; slot >= Math.max(slots, 1); slot--) free.push(slot)
    slots += growBy
  }

  /** Overwrites what is not used among some slots. */
  function destroyUnused(first: number, count: number, used: Uint8Array): void {
    const keys = file.read(first * keyBytes, count * keyBytes)
    for (let slot = first; slot < first + count; slot++) {
      if (slot === 0 || used[slot] === 1) continue
      keys.set(randomBytes(keyBytes), (slot - first) * keyBytes)
      free.push(slot)
    }
    file.write(first * keyBytes, keys)
  }

  if (slots === 0) grow()
  return {
    identity: Buffer.from(file.read(0, keyBytes)).toString('hex'),
    take() {
      if (file.isGone()) throw new UnwritableError(gone)
      if (free.length === 0) grow()
      return free.pop()!
    },
    key: (slot) => (slot < slots ? file.read(slot * keyBytes, keyBytes) : new Uint8Array(0)),
    release(slot) {
      if (slot >= slots) return
      destruction.destroy(slot)
      if (free.length <= growBy / 2) destruction.sync()
    },
    destroyAgain: () => destruction.destroy(),
    trouble: () => (file.isGone() ? gone : destruction.problem()),
    keepOnly(used) {
      const isUsed = new Uint8Array(slots)
      for (const slot of used) isUsed[slot] = 1
      free = []
      for (let first = 0; first < slots; first += growBy) destroyUnused(first, Math.min(growBy, slots - first), isUsed)
      file.syncNow()
    },
    close() {
      file.syncNow()
      file.close()
    },
  }
}

/** A file of keys on disk, mode 0600. @throws the error of node:fs */
export function openKeyFile(path: string): KeyFile {
  const file = openSync(path, 'a+', 0o600)
  closeSync(file)
  const slots = openSync(path, 'r+')
  const sync = promisify(fdatasync)
  return {
    bytes: () => fstatSync(slots).size,
    read(at, count) {
      const bytes = new Uint8Array(count)
      const read = readSync(slots, bytes, 0, count, at)
      if (read < count) throw new Error(`${path} became shorter: something else changes it`)
      return bytes
    },
    write(at, bytes) {
      for (let done = 0; done < bytes.length; ) done += writeSync(slots, bytes, done, bytes.length - done, at + done)
    },
    sync: () => sync(slots),
    syncNow: () => fdatasyncSync(slots),
    isGone: () => fstatSync(slots).nlink === 0,
    close: () => closeSync(slots),
  }
}

/** Keys in memory, for tests and simulations. */
export function createMemoryKeyFile(): KeyFile {
  let bytes = new Uint8Array(0)
  return {
    bytes: () => bytes.length,
    read: (at, count) => bytes.slice(at, at + count),
    write(at, more) {
      if (at + more.length > bytes.length) {
        const longer = new Uint8Array(at + more.length)
        longer.set(bytes)
        bytes = longer
      }
      bytes.set(more, at)
    },
    sync: async () => {},
    syncNow() {},
    isGone: () => false,
    close() {},
  }
}

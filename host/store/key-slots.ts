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

/** Where the slots are kept. */
export interface KeyFile {
  read(): Uint8Array
  write(at: number, bytes: Uint8Array): void
  sync(): Promise<void>
  syncNow(): void
  close(): void
}

export interface KeySlots {
  /** Hexadecimal; another file of keys has another identity. */
  identity: string
  /** A slot that nothing uses. Throws the error of node:fs when the file cannot grow. */
  take(): number
  key(slot: number): Uint8Array
  /** Destroys the key of a slot. */
  release(slot: number): void
  /** Destroys all keys but those of these slots. Call it once, before `take`. */
  keepOnly(used: Iterable<number>): void
  close(): void
}

const keyBytes = 32
const growBy = 1024
/** Released slots that are synced together. */
const syncBatch = 256

/** The key of a slot in the bytes of a file of keys. */
function keyOfSlot(bytes: Uint8Array, slot: number): Uint8Array {
  return bytes.subarray(slot * keyBytes, (slot + 1) * keyBytes)
}

/** The keys in a file that a bridge may use meanwhile; empty bytes for a slot that it does not have. */
export function readKeyFile(path: string): (slot: number) => Uint8Array {
  const bytes = existsSync(path) ? Uint8Array.from(readFileSync(path)) : new Uint8Array(0)
  return (slot) => keyOfSlot(bytes, slot)
}

export function createKeySlots(file: KeyFile, randomBytes: (count: number) => Uint8Array): KeySlots {
  let keys = whole(file.read())
  let free: number[] = []
  /** Overwritten, and not on disk yet. */
  let released: number[] = []
  let syncing = false

  function grow(): void {
    const more = randomBytes(growBy * keyBytes)
    const first = keys.length / keyBytes
    file.write(keys.length, more)
    file.syncNow()
    const longer = new Uint8Array(keys.length + more.length)
    longer.set(keys)
    longer.set(more, keys.length)
    keys = longer
    for (let slot = first + growBy - 1; slot >= Math.max(first, 1); slot--) free.push(slot)
  }

  function overwrite(slot: number): void {
    const fresh = randomBytes(keyBytes)
    keys.set(fresh, slot * keyBytes)
    file.write(slot * keyBytes, fresh)
  }

  function syncReleased(): void {
    if (syncing || released.length < syncBatch || free.length > growBy / 2) return
    syncing = true
    const batch = released
    released = []
    file
      .sync()
      .then(() => free.push(...batch))
      .catch(() => released.push(...batch))
      .finally(() => {
        syncing = false
      })
  }

  if (keys.length === 0) grow()
  return {
    identity: Buffer.from(keys.subarray(0, keyBytes)).toString('hex'),
    take() {
      if (free.length === 0) grow()
      return free.pop()!
    },
    key: (slot) => keyOfSlot(keys, slot),
    release(slot) {
      if (slot >= keys.length / keyBytes) return
      overwrite(slot)
      released.push(slot)
      syncReleased()
    },
    keepOnly(used) {
      const staying = new Set(used)
      free = []
      for (let slot = keys.length / keyBytes - 1; slot >= 1; slot--) {
        if (staying.has(slot)) continue
        keys.set(randomBytes(keyBytes), slot * keyBytes)
        free.push(slot)
      }
      file.write(0, keys)
      file.syncNow()
    },
    close() {
      file.syncNow()
      file.close()
    },
  }
}

/** Without an incomplete slot at the end, which a power cut may leave. */
function whole(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, bytes.length - (bytes.length % keyBytes))
}

/** A file of keys on disk, mode 0600. @throws the error of node:fs */
export function openKeyFile(path: string): KeyFile {
  const file = openSync(path, 'a+', 0o600)
  closeSync(file)
  const slots = openSync(path, 'r+')
  const sync = promisify(fdatasync)
  return {
    read() {
      const bytes = new Uint8Array(fstatSync(slots).size)
      let at = 0
      while (at < bytes.length) at += readSync(slots, bytes, at, bytes.length - at, at)
      return bytes
    },
    write(at, bytes) {
      for (let done = 0; done < bytes.length; ) done += writeSync(slots, bytes, done, bytes.length - done, at + done)
    },
    sync: () => sync(slots),
    syncNow: () => fdatasyncSync(slots),
    close: () => closeSync(slots),
  }
}

/** Keys in memory, for tests and simulations. */
export function createMemoryKeyFile(): KeyFile {
  let bytes = new Uint8Array(0)
  return {
    read: () => bytes.slice(),
    write(at, more) {
      const longer = new Uint8Array(Math.max(bytes.length, at + more.length))
      longer.set(bytes)
      longer.set(more, at)
      bytes = longer
    },
    sync: async () => {},
    syncNow() {},
    close() {},
  }
}

// NOR flash on this machine: in memory, or in a file to which every operation is written.

import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Flash } from '../../firmware/board.ts'

/** Pages of a flash and the bytes of each. */
export interface FlashGeometry {
  /** A multiple of 4, at least 2,048. */
  pageBytes: number
  pages: number
}

/**
 * Takes a lock file for this process until it is released, or throws when a running process holds it. It comes from
 * outside, so that the meters and the bridge use one mechanism.
 */
export type TakeLock = (path: string, what: string) => { release(): void }

export interface FlashFileOptions {
  /** Keeps a second meter off the file. Without it nobody else may open the file. */
  takeLock?: TakeLock | undefined
  /**
   * Every program and erase is on the disk, not only in the system's cache, before the call returns (O_DSYNC). For a
   * machine whose power may fail: after a cut the file is as flash would be, with all operations but the last one done, in
   * order. The commit rule of the firmware relies on that order:
   * - the body of a record is on the disk before the first word that makes it valid,
   * - the first word is there before the meter sends what it commits (the number of a start is part of every nonce),
   * - the burnt header of a page is there before the page is erased, and what was copied out of the page before that.
   * Otherwise the system writes pages of a file in any order, up to half a minute later.
   */
  durable?: boolean
}

export interface FlashFile extends Flash {
  /** Writes everything to the disk (fsync): needed against a power cut of the machine, not against a killed process. */
  sync(): void
  /** Syncs, closes the file and releases its lock. */
  close(): void
}

/** Called with the bytes that an operation is about to write at an address. */
type Persist = (address: number, bytes: Uint8Array) => void

function flashOver(cells: Uint8Array, { pageBytes, pages }: FlashGeometry, persist: Persist): Flash {
  return {
    pageBytes,
    pages,
    read(address, count) {
      if (!Number.isInteger(address) || !Number.isInteger(count) || address < 0 || count < 0) {
        throw new RangeError(`flash read of ${count} bytes at ${address}`)
      }
      if (address + count > cells.length) throw new RangeError(`flash read of ${count} bytes at ${address} is outside`)
      return cells.slice(address, address + count)
    },
    program(address, bytes) {
      const end = address + bytes.length
      if (!Number.isInteger(address) || address < 0 || end > cells.length) {
        throw new RangeError(`flash program of ${bytes.length} bytes at ${address} is outside`)
      }
      if (address % 4 !== 0 || bytes.length % 4 !== 0) {
        throw new RangeError(`flash program of ${bytes.length} bytes at ${address} is not in whole words of 4`)
      }
      if (bytes.length === 0) return
      if (Math.floor(address / pageBytes) !== Math.floor((end - 1) / pageBytes)) {
        throw new RangeError(`flash program of ${bytes.length} bytes at ${address} crosses a page`)
      }
      const after = bytes.map((byte, i) => byte & cells[address + i]!)
      // The file first: memory must never have what a restart would not find.
      persist(address, after)
      cells.set(after, address)
    },
    erase(page) {
      if (!Number.isInteger(page) || page < 0 || page >= pages) throw new RangeError(`flash has no page ${page}`)
      persist(page * pageBytes, new Uint8Array(pageBytes).fill(0xff))
      cells.fill(0xff, page * pageBytes, (page + 1) * pageBytes)
    },
  }
}

function checkGeometry({ pageBytes, pages }: FlashGeometry): void {
  if (!Number.isInteger(pageBytes) || pageBytes < 2048 || pageBytes % 4 !== 0) {
    throw new RangeError(`a page has a multiple of 4 and at least 2,048 bytes, not ${pageBytes}`)
  }
  if (!Number.isInteger(pages) || pages < 1) throw new RangeError(`a flash has whole pages, not ${pages}`)
}

/**
 * A flash in memory, blank or a copy of `from`.
 * @throws RangeError for a geometry no board has
 */
export function createMemoryFlash(geometry: FlashGeometry, from?: Flash): Flash {
  checkGeometry(geometry)
  const size = geometry.pageBytes * geometry.pages
  const cells = from === undefined ? new Uint8Array(size).fill(0xff) : from.read(0, size)
  return flashOver(cells, geometry, () => {})
}

function writeWhole(fd: number, bytes: Uint8Array, address: number): void {
  let done = 0
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, address + done)
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Creates a blank flash file atomically: a process killed meanwhile leaves no short file. */
function createBlank(path: string, size: number): void {
  const half = `${path}.${process.pid}.new`
  try {
    // On the disk before it is renamed: after a power cut the name must not refer to a shorter file.
    writeFileSync(half, new Uint8Array(size).fill(0xff), { mode: 0o600, flag: 'wx', flush: true })
    renameSync(half, path)
  } catch (error) {
    rmSync(half, { force: true })
    throw new Error(`cannot create the flash file ${path}: ${reason(error)}. Name a folder you may write to.`)
  }
}

/** Writes the names in a folder to the disk. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openExisting(path: string, size: number, durable: boolean): { fd: number; cells: Uint8Array } {
  const stats = statSync(path)
  if (!stats.isFile()) throw new Error(`${path} is not a file, so it cannot be a flash. Name a file.`)
  if (stats.size !== size) {
    throw new Error(
      `the flash file ${path} has ${stats.size} bytes, this board has ${size}: it belongs to another board, or was cut ` +
        'short. Name another file, or remove this one to begin with a blank flash (its readings and keys are then gone).',
    )
  }
  try {
    const fd = openSync(path, constants.O_RDWR | (durable ? constants.O_DSYNC : 0))
    return { fd, cells: new Uint8Array(readFileSync(path)) }
  } catch (error) {
    throw new Error(
      `cannot open the flash file ${path}: ${reason(error)}. Its owner must be able to read and write it.`,
    )
  }
}

function lockOf(path: string, realPath: string, takeLock: TakeLock | undefined): { release(): void } {
  if (takeLock === undefined) return { release() {} }
  try {
    return takeLock(`${realPath}.lock`, `the flash file ${path}`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw new Error(`${message}. Stop that meter first, or name another file.`)
    throw new Error(
      `cannot lock the flash file ${path}: ${message}. Name a folder that exists and that you may write to.`,
    )
  }
}

/**
 * Opens a flash file, or creates a blank one (mode 0600: it will contain keys). Every program and erase is in the file
 * when the call returns, so a killed process loses nothing; with `durable` a power cut does not either. One meter at a
 * time: `PATH.lock` names its process; the lock of a process that has ended is replaced.
 * @throws Error naming the file, what is wrong and the fix: wrong size, no permission, in use, disk full
 * @throws RangeError for a geometry no board has, and from the flash for addresses outside or misaligned
 */
export function openFlashFile(path: string, geometry: FlashGeometry, options: FlashFileOptions = {}): FlashFile {
  checkGeometry(geometry)
  const durable = options.durable === true
  const size = geometry.pageBytes * geometry.pages
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined
  // By its real name: another name for the same file must meet the same lock.
  const lock = lockOf(path, exists ? realpathSync(path) : resolve(path), options.takeLock)
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) createBlank(path, size)
    const { fd, cells } = openExisting(path, size, durable)
    if (durable) {
      // What an earlier process left in the system's cache, and the name of the file.
      fsyncSync(fd)
      syncFolder(dirname(realpathSync(path)))
    }
    let open = true
    const flash = flashOver(cells, geometry, (address, bytes) => {
      if (!open) throw new Error(`the flash file ${path} was closed`)
      try {
        writeWhole(fd, bytes, address)
      } catch (error) {
        throw new Error(
          `cannot write the flash file ${path}: ${reason(error)}. Its disk is full or failing (df, dmesg); see to it and start again.`,
        )
      }
    })
    return {
      ...flash,
      sync: () => {
        if (open) fsyncSync(fd)
      },
      close: () => {
        if (!open) return
        fsyncSync(fd)
        open = false
        closeSync(fd)
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

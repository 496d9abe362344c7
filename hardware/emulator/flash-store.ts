// The flash of many meters in one place: in memory, or in one file. Both are sparse: what was never written takes no room,
// and nothing is read before it is asked for.

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { Flash } from '../../firmware/board.ts'
import { createChunks } from './flash-chunks.ts'
import type { FlashGeometry } from './flash-file.ts'

export interface FlashStore {
  /** Number of flashes. */
  count(): number
  /** Adds blank flashes at the end. @returns the number of the first */
  add(flashes: number): number
  /** The flash with a number. */
  flash(number: number): Flash
  /**
   * Keeps the content of one flash in memory until another is held, or `release`: then what was written to it goes to the
   * file. For a start, which reads and writes in many small pieces: if the process is killed meanwhile, it never began.
   */
  hold(number: number): void
  release(): void
  /** Bytes that the content takes, in memory or on the disk. */
  bytes(): number
  /** Writes everything to the disk (fsync), where there is one. */
  sync(): void
  close(): void
}

/** The cells of all flashes in one row, by address. */
interface Cells {
  /** Copies what is there; cells never written are FFh. */
  read(address: number, into: Uint8Array): void
  /** Clears bits: the cells become `old AND bytes`. */
  clear(address: number, bytes: Uint8Array): void
  /** Sets every bit of so many bytes. */
  erase(address: number, count: number): void
  bytes(): number
  grow(bytes: number): void
  hold(address: number, count: number): void
  release(): void
  sync(): void
  close(): void
}

class StoredFlash implements Flash {
  readonly pageBytes: number
  readonly pages: number
  private readonly cells: Cells
  /** Address of this flash in the store. */
  private readonly base: number

  constructor(cells: Cells, { pageBytes, pages }: FlashGeometry, number: number) {
    this.cells = cells
    this.pageBytes = pageBytes
    this.pages = pages
    this.base = number * pageBytes * pages
  }

  private check(address: number, count: number, what: string): void {
    if (Number.isInteger(address) && Number.isInteger(count) && address >= 0 && count >= 0) {
      if (address + count <= this.pageBytes * this.pages) return
    }
    throw new RangeError(`flash ${what} of ${count} bytes at ${address} is outside`)
  }

  read(address: number, count: number): Uint8Array {
    this.check(address, count, 'read')
    const found = new Uint8Array(count)
    this.cells.read(this.base + address, found)
    return found
  }

  program(address: number, bytes: Uint8Array): void {
    this.check(address, bytes.length, 'program')
    if (address % 4 !== 0 || bytes.length % 4 !== 0) {
      throw new RangeError(`flash program of ${bytes.length} bytes at ${address} is not in whole words of 4`)
    }
    if (bytes.length === 0) return
    const last = address + bytes.length - 1
    if (Math.floor(address / this.pageBytes) !== Math.floor(last / this.pageBytes)) {
      throw new RangeError(`flash program of ${bytes.length} bytes at ${address} crosses a page`)
    }
    this.cells.clear(this.base + address, bytes)
  }

  erase(page: number): void {
    if (!Number.isInteger(page) || page < 0 || page >= this.pages) throw new RangeError(`flash has no page ${page}`)
    this.cells.erase(this.base + page * this.pageBytes, this.pageBytes)
  }
}

function storeOver(cells: Cells, geometry: FlashGeometry, already: number): FlashStore {
  const flashBytes = geometry.pageBytes * geometry.pages
  let count = already
  return {
    count: () => count,
    add(flashes) {
      const first = count
      cells.grow((count + flashes) * flashBytes)
      count += flashes
      return first
    },
    flash(number) {
      if (!Number.isInteger(number) || number < 0 || number >= count) {
        throw new RangeError(`the store has ${count} flashes, none with the number ${number}`)
      }
      return new StoredFlash(cells, geometry, number)
    },
    hold: (number) => cells.hold(number * flashBytes, flashBytes),
    release: cells.release,
    bytes: cells.bytes,
    sync: cells.sync,
    close: cells.close,
  }
}

/** A store in memory. It is gone with the process, and knows no power cuts: for rehearsals and tests. */
export function createFlashStore(geometry: FlashGeometry): FlashStore {
  const chunks = createChunks()
  return storeOver({ ...chunks, grow() {}, hold() {}, release() {}, sync() {}, close() {} }, geometry, 0)
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The unit in which held bytes go to the file. */
const pieceBytes = 4096

/** The bytes of a file, with a part of them that may be held in memory. */
function createFileBytes(path: string, fd: number) {
  let scratch = new Uint8Array(4096)
  /** Stored bytes that are held, and the pieces of them that the file does not have yet. */
  let held = new Uint8Array(0)
  let heldAt = 0
  const dirty = new Set<number>()

  /** Reads stored bytes; what is past the end of the file is blank. */
  function readFile(into: Uint8Array, address: number): void {
    const got = readSync(fd, into, 0, into.length, address)
    if (got < into.length) into.fill(0, got)
  }

  /** The stored bytes at an address, to be changed and put back: held, or in `scratch`. */
  function fetch(address: number, count: number): Uint8Array {
    const from = address - heldAt
    if (from >= 0 && from + count <= held.length) return held.subarray(from, from + count)
    if (scratch.length < count) scratch = new Uint8Array(count)
    const found = scratch.subarray(0, count)
    readFile(found, address)
    return found
  }

  function put(address: number, bytes: Uint8Array): void {
    if (bytes.buffer === held.buffer) {
      const last = address + bytes.length - 1 - heldAt
      for (let piece = Math.floor((address - heldAt) / pieceBytes); piece * pieceBytes <= last; piece++)
        dirty.add(piece)
    } else write(address, bytes)
  }

  function release(): void {
    for (const piece of dirty) {
      write(heldAt + piece * pieceBytes, held.subarray(piece * pieceBytes, (piece + 1) * pieceBytes))
    }
    dirty.clear()
    held = held.subarray(0, 0)
  }

  function write(address: number, bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, address + done)
    } catch (error) {
      throw new Error(
        `cannot write the flash file ${path}: ${reason(error)}. Its disk is full or failing (df, dmesg); see to it and start again.`,
      )
    }
  }

  return {
    fetch,
    put,
    release,
    hold(address: number, count: number): void {
      release()
      held = held.buffer.byteLength === count ? new Uint8Array(held.buffer) : new Uint8Array(count)
      heldAt = address
      readFile(held, address)
    },
  }
}

/** Cells in a file. Holes of a file read as zeros, so each bit is stored turned over. */
function fileCells(path: string, fd: number): Cells {
  const { fetch, put, hold, release } = createFileBytes(path, fd)
  return {
    read(address, into) {
      const stored = fetch(address, into.length)
      for (let i = 0; i < into.length; i++) into[i] = ~stored[i]! & 0xff
    },
    clear(address, bytes) {
      const stored = fetch(address, bytes.length)
      for (let i = 0; i < bytes.length; i++) stored[i]! |= ~bytes[i]! & 0xff
      put(address, stored)
    },
    erase(address, count) {
      const stored = fetch(address, count)
      // What is blank stays a hole in the file.
      if (stored.every((byte) => byte === 0)) return
      stored.fill(0)
      put(address, stored)
    },
    hold,
    release,
    bytes: () => fstatSync(fd).blocks * 512,
    grow: (bytes) => ftruncateSync(fd, bytes),
    sync() {
      release()
      fsyncSync(fd)
    },
    close() {
      release()
      fsyncSync(fd)
      closeSync(fd)
    },
  }
}

/**
 * Opens a store in a file of mode 0600, which is made when it is not there. Every program and erase is in the file when the
 * call returns: a killed process loses nothing. The file holds keys, and takes one descriptor however many meters there are.
 * @throws Error naming the file and what is wrong
 */
export function openFlashStore(path: string, geometry: FlashGeometry): FlashStore {
  const flashBytes = geometry.pageBytes * geometry.pages
  let fd: number
  try {
    fd = openSync(path, 'a+', 0o600)
    closeSync(fd)
    fd = openSync(path, 'r+')
  } catch (error) {
    throw new Error(
      `cannot open the flash file ${path}: ${reason(error)}. Its owner must be able to read and write it.`,
    )
  }
  const { size, mode } = fstatSync(fd)
  const problem =
    (mode & 0o077) !== 0
      ? `it holds keys and others may read it (mode ${(mode & 0o777).toString(8)}): chmod 600 ${path}`
      : size % flashBytes !== 0
        ? `it has ${size} bytes, not a multiple of the ${flashBytes} of one meter: it was cut short, or is of another board`
        : undefined
  if (problem !== undefined) {
    closeSync(fd)
    throw new Error(`the flash file ${path} cannot be used: ${problem}`)
  }
  return storeOver(fileCells(path, fd), geometry, size / flashBytes)
}

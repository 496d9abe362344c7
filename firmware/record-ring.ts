// A ring of pages of records of any length, appended, never changed, read as they lie: day blocks and register snapshots
// (DESIGN.md, "Rings"). A record begins with its length and a form, then its number; it ends with a CRC-16.

import { crc16, getU16, getU32 } from '../protocol/bytes.ts'
import { dayBlockChannel, dayBlockDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import {
  burn,
  clearPage,
  commit,
  isBlankWord,
  newestPage,
  pageHeaderBytes,
  readHeader,
  readWord,
  wholeWords,
  wornOut,
  writeHeader,
} from './flash-pages.ts'

export interface RecordRing {
  flash: Flash
  kind: number
  firstPage: number
  pages: number
  /** The longest record there can be, in bytes. */
  bytesMax: number
  /** The page in use, -1 when there is none yet. */
  page: number
  sequence: number
  /** Where the next record goes. */
  tail: number
  /** Key of the newest record, 0 when there is none. Keys only grow. */
  lastKey: number
  /** The newest record, when it was there at the start or has been written since. */
  last: Uint8Array | undefined
}

/** Orders the records of a ring: number, then channel. */
export function keyOf(number: number, channel: number): number {
  return number * 4 + channel
}

/** Length of the whole record that begins at `at`, 0 when its CRC says that there is none. */
function wholeAt(bytes: Uint8Array, at: number, bytesMax: number): number {
  const length = bytes[at]!
  if (length < 6 || length > bytesMax || at + length > bytes.length) return 0
  return crc16(bytes, at, at + length - 2) === getU16(bytes, at + length - 2) ? length : 0
}

function areBlank(cells: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (cells[at] !== 0xff) return false
  return true
}

/** Makes sure that nothing half written lies where the next record goes, even if it reads as blank. */
export function burnTail(ring: RecordRing): void {
  if (ring.page < 0) return
  const bytes = Math.min(wholeWords(ring.bytesMax), (ring.page + 1) * ring.flash.pageBytes - ring.tail)
  if (bytes > 0) burn(ring.flash, ring.tail, bytes)
  ring.tail += bytes
}

/**
 * Walks the newest page to its end, by heads alone, and checks the last record whole. Whatever a power cut left behind it
 * is burnt. A head spoilt among good records is stepped over, word by word. All on one reading of the page.
 */
function findTail(ring: RecordRing): void {
  const flash = ring.flash
  const start = ring.page * flash.pageBytes
  const end = flash.pageBytes
  const cells = flash.read(start, end)
  const reach = wholeWords(ring.bytesMax)
  const max = ring.bytesMax
  let at = pageHeaderBytes
  let lastAt = 0

  /** Goes from plausible record to plausible record, as far as they go. No calls, since a start waits for it. */
  function follow(to: number): void {
    let length = at < to ? cells[at]! : 0
    while (length >= 6 && length <= max && at + length <= to) {
      lastAt = at
      at += (length + 3) & ~3
      length = at < to ? cells[at]! : 0
    }
  }

  for (follow(end); at < end; follow(end)) {
    const word = getU32(cells, at)
    if (isBlankWord(word) || (word > 0 && areBlank(cells, at + reach, end))) break
    at += 4
  }
  // The last record may be torn, or whole but weak.
  while (lastAt > 0 && wholeAt(cells, lastAt, max) === 0) {
    const torn = lastAt
    lastAt = 0
    at = pageHeaderBytes
    for (follow(torn); at < torn; follow(torn)) at += 4
  }
  if (lastAt > 0) {
    ring.last = new Uint8Array(cells.subarray(lastAt, lastAt + cells[lastAt]!))
    ring.lastKey = keyOf(dayBlockDay(cells, lastAt), dayBlockChannel(cells, lastAt))
    flash.program(start + lastAt, cells.subarray(lastAt, lastAt + 4))
  }
  ring.tail = start + at
  if (!areBlank(cells, at, Math.min(at + reach, end))) burnTail(ring)
}

/** Opens the ring of `pages` pages from `firstPage` on. */
export function openRing(flash: Flash, firstPage: number, pages: number, kind: number, bytesMax: number): RecordRing {
  const newest = newestPage(flash, firstPage, pages, kind)
  const ring: RecordRing = {
    flash: flash,
    kind: kind,
    firstPage: firstPage,
    pages: pages,
    bytesMax: bytesMax,
    page: newest.page,
    sequence: newest.sequence,
    tail: 0,
    // Numbers in a page are never before the one in its header.
    lastKey: newest.page < 0 ? 0 : keyOf(newest.extra, 0) - 1,
    last: undefined,
  }
  if (ring.page >= 0) findTail(ring)
  return ring
}

function openPage(ring: RecordRing, number: number): void {
  ring.page = ring.page < 0 ? ring.firstPage : ring.firstPage + ((ring.page - ring.firstPage + 1) % ring.pages)
  ring.sequence += 1
  clearPage(ring.flash, ring.page)
  writeHeader(ring.flash, ring.page, ring.kind, ring.sequence, number)
  ring.tail = ring.page * ring.flash.pageBytes + pageHeaderBytes
}

/** Writes a record, whose key is above every one before. @throws Error when no page takes it: the flash is worn out */
export function appendRecord(ring: RecordRing, record: Uint8Array): void {
  const whole = new Uint8Array(wholeWords(record.length)).fill(0xff)
  whole.set(record, 0)
  for (let tries = 0; tries < ring.pages * 64; tries++) {
    if (ring.page < 0 || ring.tail + whole.length > (ring.page + 1) * ring.flash.pageBytes)
      openPage(ring, dayBlockDay(record, 0))
    const at = ring.tail
    ring.tail += whole.length
    if (commit(ring.flash, at, whole)) {
      ring.lastKey = keyOf(dayBlockDay(record, 0), dayBlockChannel(record, 0))
      ring.last = record
      return
    }
    burn(ring.flash, at, whole.length)
  }
  throw new Error(wornOut)
}

/** The page with this sequence, -1 when the ring does not hold it. */
function pageOf(ring: RecordRing, sequence: number): number {
  if (sequence < 1 || sequence > ring.sequence || ring.sequence - sequence >= ring.pages) return -1
  const page = ring.firstPage + ((ring.page - ring.firstPage + ring.pages - (ring.sequence - sequence)) % ring.pages)
  const header = readHeader(ring.flash, page, ring.kind)
  return header !== undefined && header.sequence === sequence ? page : -1
}

/** The sequence of the page in which reading must begin to see every record from number `from` on. */
function sequenceFor(ring: RecordRing, from: number): number {
  let wanted = ring.sequence
  while (wanted > 0) {
    const page = pageOf(ring, wanted)
    if (page < 0) return wanted + 1
    if (readHeader(ring.flash, page, ring.kind)!.extra < from) return wanted
    wanted -= 1
  }
  return 1
}

/** Reads records one after the other, oldest first: each call gives the next one, `undefined` when there is no more. */
export type NextRecord = () => Uint8Array | undefined

/** Records of one channel with numbers `from` to `to`, both included. */
export function readRing(ring: RecordRing, channel: number, from: number, to: number): NextRecord {
  const flash = ring.flash
  let at = 0
  let key = keyOf(from, 0) - 1
  let reading = ring.page < 0 ? 1 : sequenceFor(ring, from)

  return () => {
    while (reading <= ring.sequence) {
      const page = pageOf(ring, reading)
      const end = page === ring.page ? ring.tail : (page + 1) * flash.pageBytes
      if (page >= 0 && at === 0) at = page * flash.pageBytes + pageHeaderBytes
      // A page that the ring has turned over since the last record is gone, with its days.
      const word = page < 0 || at + 4 > end ? 0xffffffff : readWord(flash, at)
      if (isBlankWord(word)) {
        reading += 1
        at = 0
        continue
      }
      const length = word & 255
      if (length < 6 || length > ring.bytesMax || at + length > end) {
        at += 4
        continue
      }
      const here = at
      at += wholeWords(length)
      const number = word >>> 16
      if (number > to) return undefined
      if (number < from) continue
      const record = flash.read(here, length)
      const found = keyOf(number, dayBlockChannel(record, 0))
      // A record that no longer proves itself is something that was lost, not something to guess.
      if (found <= key || dayBlockChannel(record, 0) !== channel || wholeAt(record, 0, ring.bytesMax) === 0) continue
      key = found
      return record
    }
    return undefined
  }
}

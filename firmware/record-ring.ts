// A ring of pages of records of any length, appended, never changed, read as they lie: day blocks and register snapshots
// (DESIGN.md, "Rings"). A record begins with its length and a form, then its number; it ends with a CRC-16.

import { crc16, getU16, getU32 } from '../protocol/bytes.ts'
import { dayBlockChannel, dayBlockDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import {
  burn,
  commit,
  isBlankWord,
  isSettled,
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
  /** Key of the newest record there ever was, 0 when there was none. Keys only grow. */
  lastKey: number
  /** The newest record, when it was there at the start or has been written since. */
  last: Uint8Array | undefined
}

/** Orders the records of a ring: number, then channel. */
export function keyOf(number: number, channel: number): number {
  return number * 4 + channel
}

/** Length of the whole record that begins at `at`, 0 when there is none. */
function wholeAt(bytes: Uint8Array, at: number, bytesMax: number): number {
  const length = bytes[at]!
  if (!(length >= 6) || length > bytesMax || at + length > bytes.length) return 0
  return crc16(bytes, at, at + length - 2) === getU16(bytes, at + length - 2) ? length : 0
}

/**
 * Where the next record goes, in 16 bits: the page's sequence and the word in it. The journal notes it before anything is
 * appended, so that a start knows from where on something may be half done, however it reads.
 */
export function placeOf(ring: RecordRing): number {
  return ring.page < 0 ? 0 : ((ring.sequence & 31) << 11) | ((ring.tail - ring.page * ring.flash.pageBytes) >> 2)
}

/**
 * Finds the end of the newest page: from `place` on as long as records are whole, over what is burnt. The last one may be
 * weak: it must read the same twice. If there is none, the last before `place` is found by heads alone. What may lie behind it half done is
 * burnt, if the record `announced` is not there.
 */
function findTail(ring: RecordRing, place: number, announced: number): void {
  const flash = ring.flash
  const start = ring.page * flash.pageBytes
  const cells = flash.read(start, flash.pageBytes)
  const firm = place >> 11 === (ring.sequence & 31) ? (place & 2047) * 4 : pageHeaderBytes
  let at = firm
  let lastAt = 0
  for (let next = firm; next < flash.pageBytes; ) {
    const word = getU32(cells, next)
    const length = wholeAt(cells, next, ring.bytesMax)
    // Read again: a committing word that reads at random may pass the CRC once.
    if (length > 0 && readWord(flash, start + next) === word) {
      lastAt = next
      next += wholeWords(length)
      at = next
      // Burnt because flash did not give back what was written, but for a bit that cannot be cleared any more.
    } else if ((word & (word - 1)) === 0) next += 4
    else break
  }
  if (lastAt === 0) {
    let next = pageHeaderBytes
    while (next < firm) {
      const length = cells[next]!
      if (length >= 6 && length <= ring.bytesMax) {
        lastAt = next
        next += wholeWords(length)
      } else next += 4
    }
    if (wholeAt(cells, lastAt, ring.bytesMax) === 0) lastAt = 0
  }
  if (lastAt > 0) {
    ring.lastKey = keyOf(dayBlockDay(cells, lastAt), dayBlockChannel(cells, lastAt))
    // Programmed again only when power was cut in it: a word takes two programs between erases.
    const first = cells.subarray(lastAt, lastAt + 4)
    if (!isSettled(flash, start + lastAt, first)) flash.program(start + lastAt, first)
    ring.last = flash.read(start + lastAt, cells[lastAt]!)
  }
  ring.tail = start + at
  const burnt = Math.min(wholeWords(ring.bytesMax), flash.pageBytes - at)
  if (ring.lastKey >= announced || burnt === 0) return
  if (!isSettled(flash, ring.tail, new Uint8Array(burnt))) burn(flash, ring.tail, burnt)
  ring.tail += burnt
}

/**
 * Opens the ring of `pages` pages from `firstPage` on. `place` is where it stood before the record with the key `announced`
 * was to be appended to it.
 */
export function openRing(
  flash: Flash,
  firstPage: number,
  pages: number,
  kind: number,
  bytesMax: number,
  place: number,
  announced: number,
): RecordRing {
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
    lastKey: newest.extra,
    last: undefined,
  }
  if (ring.page >= 0) findTail(ring, place, announced)
  return ring
}

/** Turns to the next page, whose header tells the newest record before it. */
function openPage(ring: RecordRing): void {
  ring.page = ring.page < 0 ? ring.firstPage : ring.firstPage + ((ring.page - ring.firstPage + 1) % ring.pages)
  ring.sequence += 1
  ring.flash.erase(ring.page)
  writeHeader(ring.flash, ring.page, ring.kind, ring.sequence, ring.lastKey)
  ring.tail = ring.page * ring.flash.pageBytes + pageHeaderBytes
}

/** Writes a record, whose key is above every one before. @throws Error when no page takes it: the flash is worn out */
export function appendRecord(ring: RecordRing, record: Uint8Array): void {
  const whole = new Uint8Array(wholeWords(record.length)).fill(0xff)
  whole.set(record, 0)
  for (let tries = 0; tries < ring.pages * 64; tries++) {
    // A page that takes nothing at many places in turn is given up: it holds something else, or is worn out.
    const isGivenUp = tries % 16 === 15
    if (ring.page < 0 || isGivenUp || ring.tail + whole.length > (ring.page + 1) * ring.flash.pageBytes) openPage(ring)
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
  const header = readHeader(ring.flash, page, ring.kind, 0)
  return header && header.sequence === sequence ? page : -1
}

/** The sequence of the page in which reading must begin to see every record from number `from` on. */
function sequenceFor(ring: RecordRing, from: number): number {
  let wanted = ring.sequence
  while (wanted > 0) {
    const page = pageOf(ring, wanted)
    if (page < 0) return wanted + 1
    if (readHeader(ring.flash, page, ring.kind, 0)!.extra < keyOf(from, 0)) return wanted
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
      // What is burnt has no number, whatever bit of it cannot be cleared.
      const length = word < 65536 ? 0 : word & 255
      if (length < 6 || length > ring.bytesMax || at + length > end) {
        at += 4
        continue
      }
      const here = at
      at += wholeWords(length)
      const number = word >>> 16
      if (number < from) continue
      const record = flash.read(here, length)
      const found = keyOf(number, dayBlockChannel(record, 0))
      // A record that no longer proves itself is something that was lost, not something to guess.
      if (found <= key || dayBlockChannel(record, 0) !== channel || wholeAt(record, 0, ring.bytesMax) === 0) continue
      if (number > to) return undefined
      key = found
      return record
    }
    return undefined
  }
}

// A ring of pages of records of any length, appended, never changed, read as they lie: day blocks and register snapshots
// (DESIGN.md, "Rings"). A record begins with its length and a form, then its number; it ends with a CRC-16.

import { copyOf, crc16, getU16, getU32 } from '../protocol/bytes.ts'
import { dayBlockChannel, dayBlockDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import {
  burn,
  commit,
  isSettled,
  newestPage,
  pageHeaderBytes,
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
  /** From here on the page holds what a power cut left, up to the tail at the start; nothing is read from it. */
  voidFrom: number
  voidTo: number
  /** Key of the newest record, 0 when there was none. Keys grow, but where the clock was set back by days (segments.ts). */
  lastKey: number
  /** Its place; that of the newest page when there is none in it. */
  lastPlace: number
  /** The newest record, when it was there at the start or has been written since. */
  last: Uint8Array | undefined
  /** False when numbers may go back in it, because the clock was set back by days. */
  isOrdered: boolean
}

/** Stands for the key of a record when none was announced. */
export const nothingAnnounced = -1

/** Orders the records of a ring: number, then channel. */
export function keyOf(number: number, channel: number): number {
  return number * 4 + channel
}

/** Length of the whole record that begins at `at`, 0 when there is none. */
export function wholeAt(bytes: Uint8Array, at: number, bytesMax: number): number {
  const length = bytes[at]!
  if (!(length >= 6) || length > bytesMax || at + length > bytes.length) return 0
  return crc16(bytes, at, at + length - 2) === getU16(bytes, at + length - 2) ? length : 0
}

/** The place of a word of the ring, in 24 bits: the page's sequence and the word in it. Places grow, modulo 2^24. */
export function placeAt(ring: RecordRing, sequence: number, address: number): number {
  return ((sequence & 1023) << 14) | ((address % ring.flash.pageBytes) >> 2)
}

/**
 * Where the next record goes. The journal notes it before anything is appended, so that a start knows from where on something
 * may be half done, however it reads.
 */
export function placeOf(ring: RecordRing): number {
  if (ring.page < 0) return 0
  // A page that is full ends at its own last word, not at the first of the next page.
  const word = (ring.tail - ring.page * ring.flash.pageBytes) >> 2
  return ((ring.sequence & 1023) << 14) | word
}

/** Length of the record at `at` of the page's `cells`, 0 when there is none that reads the same every time. */
function settledAt(ring: RecordRing, cells: Uint8Array, at: number): number {
  const length = wholeAt(cells, at, ring.bytesMax)
  const address = ring.page * ring.flash.pageBytes + at
  return length > 0 && isSettled(ring.flash, address, getU32(cells, at)) ? length : 0
}

/** The last record that lies before `firm`, found by lengths alone, or by CRCs where lengths lead astray; 0 for none. */
function lastBefore(ring: RecordRing, cells: Uint8Array, firm: number): number {
  let lastAt = 0
  let next = pageHeaderBytes
  while (next < firm) {
    const length = cells[next]!
    if (length >= 6 && length <= ring.bytesMax) {
      lastAt = next
      next += wholeWords(length)
    } else next += 4
  }
  if (lastAt === 0 || settledAt(ring, cells, lastAt) > 0) return lastAt
  lastAt = 0
  for (next = pageHeaderBytes; next < firm; ) {
    const length = settledAt(ring, cells, next)
    if (length > 0) lastAt = next
    next += length > 0 ? wholeWords(length) : 4
  }
  return lastAt
}

/**
 * Finds the end of the newest page: from `place` on as long as records are whole, over what is burnt. A record that does not
 * read the same every time is left out, and written again behind it; so is the room of a record that was `announced` and
 * is not there, because a power cut may have left anything in it.
 */
function findTail(ring: RecordRing, place: number, announced: number): void {
  const flash = ring.flash
  const start = ring.page * flash.pageBytes
  const cells = flash.read(start, flash.pageBytes)
  const isSamePage = place >> 14 === (ring.sequence & 1023)
  const firm = isSamePage ? Math.max(pageHeaderBytes, (place & 16383) * 4) : pageHeaderBytes
  let at = firm
  let lastAt = 0
  for (let next = firm; next < flash.pageBytes; ) {
    const word = getU32(cells, next)
    const length = settledAt(ring, cells, next)
    if (length > 0) {
      lastAt = next
      next += wholeWords(length)
      at = next
      // Burnt because flash did not give back what was written, but for a bit that cannot be cleared any more.
    } else if ((word & (word - 1)) === 0) next += 4
    else break
  }
  if (lastAt === 0) lastAt = lastBefore(ring, cells, firm)
  if (lastAt > 0) {
    ring.lastKey = keyOf(dayBlockDay(cells, lastAt), dayBlockChannel(cells, lastAt))
    ring.lastPlace = placeAt(ring, ring.sequence, lastAt)
    ring.last = copyOf(cells, lastAt, cells[lastAt]!)
  }
  ring.tail = start + at
  ring.voidFrom = ring.tail
  if (announced !== nothingAnnounced && ring.lastKey !== announced)
    ring.tail += Math.min(wholeWords(ring.bytesMax), flash.pageBytes - at)
  ring.voidTo = ring.tail
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
    voidFrom: 0,
    voidTo: 0,
    lastKey: newest.extra,
    lastPlace: (newest.sequence & 1023) << 14,
    last: undefined,
    isOrdered: true,
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
    if (ring.page < 0 || ring.tail + whole.length > (ring.page + 1) * ring.flash.pageBytes) openPage(ring)
    const at = ring.tail
    ring.tail += whole.length
    if (commit(ring.flash, at, whole)) {
      ring.lastKey = keyOf(dayBlockDay(record, 0), dayBlockChannel(record, 0))
      ring.lastPlace = placeAt(ring, ring.sequence, at)
      ring.last = record
      return
    }
    burn(ring.flash, at, whole.length)
  }
  throw new Error(wornOut)
}

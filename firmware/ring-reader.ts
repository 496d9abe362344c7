// Reading a ring of records (record-ring.ts): one channel, oldest first, from a number to another.

import { getU32 } from '../protocol/bytes.ts'
import { dayBlockChannel, dayBlockDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import { isBlankWord, pageHeaderBytes, readHeader, readWord, wholeWords } from './flash-pages.ts'
import { keyOf, placeAt, type RecordRing, wholeAt } from './record-ring.ts'

/** The place of the page with this sequence in the ring, -1 when the ring cannot hold it. */
function pageFor(ring: RecordRing, sequence: number): number {
  if (sequence < 1 || sequence > ring.sequence || ring.sequence - sequence >= ring.pages) return -1
  return ring.firstPage + ((ring.page - ring.firstPage + ring.pages - (ring.sequence - sequence)) % ring.pages)
}

/** The page with this sequence, -1 when the ring does not hold it. */
function pageOf(ring: RecordRing, sequence: number): number {
  const page = pageFor(ring, sequence)
  const header = page < 0 ? undefined : readHeader(ring.flash, page, ring.kind, 0)
  return header && header.sequence === sequence ? page : -1
}

/** The sequence of the page in which reading must begin to see every record from number `from` on. */
function sequenceFor(ring: RecordRing, from: number): number {
  let wanted = ring.sequence
  while (wanted > 0) {
    const page = pageFor(ring, wanted)
    const header = page < 0 ? undefined : readHeader(ring.flash, page, ring.kind, 0)
    if (!header || header.sequence !== wanted) return wanted + 1
    if (ring.isOrdered && header.extra < keyOf(from, 0)) return wanted
    wanted -= 1
  }
  return 1
}

/** Reads records one after the other, oldest first: each call gives the next one, `undefined` when there is no more. */
export type NextRecord = () => Uint8Array | undefined

/** From `at` on the first word before `end` that is not blank; `end` when there is none. Power cuts leave gaps of some records. */
function skipBlank(flash: Flash, at: number, end: number): number {
  const bytes = flash.read(at, end - at)
  for (let i = 0; i < bytes.length; i += 4) if (!isBlankWord(getU32(bytes, i))) return at + i
  return end
}

/** A place where reading stands. */
interface Position {
  /** Sequence of the page. */
  reading: number
  /** Address in it, 0 at its beginning. */
  at: number
}

/** A record's own bytes at `at`, when its CRC is right; `undefined` for anything else. `length` is the one that was read there. */
function wholeRecord(ring: RecordRing, at: number, length: number): Uint8Array | undefined {
  const record = ring.flash.read(at, length)
  return wholeAt(record, 0, ring.bytesMax) === length ? record : undefined
}

/**
 * Where reading must begin in a page to see every record from number `from` on. Records before it are passed over by their
 * lengths, which are not checked one by one. A power cut leaves words that are no record, or that read differently each
 * time, and following their lengths leads past good records. So the record at which the passing over ends must have the right
 * CRC: numbers grow, so all that lies before it is below `from`, whatever it is. Otherwise the page is read from its beginning.
 */
function skipBefore(ring: RecordRing, page: number, end: number, from: number): number {
  const first = page * ring.flash.pageBytes + pageHeaderBytes
  if (!ring.isOrdered) return first
  let lastAt = 0
  let lastLength = 0
  let before = 0
  for (let at = first; at + 4 <= end; ) {
    const word = readWord(ring.flash, at)
    const length = word & 255
    const number = word >>> 16
    if (length < 6 || length > ring.bytesMax || at + length > end || number < before || number >= from) break
    lastAt = at
    lastLength = length
    before = number
    at += wholeWords(length)
  }
  return lastAt > 0 && wholeRecord(ring, lastAt, lastLength) ? lastAt : first
}

/**
 * The next whole record of one channel with a number from `from` to `to`, as it lies in the ring; `undefined` when there is
 * no more. Sets the position behind it.
 */
function nextWhole(
  ring: RecordRing,
  position: Position,
  channel: number,
  from: number,
  to: number,
  isValid: (place: number) => boolean,
): Uint8Array | undefined {
  const flash = ring.flash
  while (position.reading <= ring.sequence) {
    const page = pageOf(ring, position.reading)
    const end = page === ring.page ? ring.tail : (page + 1) * flash.pageBytes
    if (page >= 0 && position.at === 0) position.at = skipBefore(ring, page, end, from)
    if (position.at >= ring.voidFrom && position.at < ring.voidTo) position.at = ring.voidTo
    const at = position.at
    // A page that the ring has turned over since the last record is gone, with its records.
    if (page < 0 || at + 4 > end) {
      position.reading += 1
      position.at = 0
      continue
    }
    const word = readWord(flash, at)
    if (isBlankWord(word)) {
      position.at = skipBlank(flash, at, end)
      continue
    }
    const length = word & 255
    const isRecord = word >= 65536 && length >= 6 && length <= ring.bytesMax && at + length <= end
    const record = isRecord ? wholeRecord(ring, at, length) : undefined
    // What has no right CRC is something that was lost, not something to guess.
    if (!record) {
      position.at += 4
      continue
    }
    position.at += wholeWords(length)
    const number = dayBlockDay(record, 0)
    if (number > to && ring.isOrdered) return undefined
    if (number < from || number > to || dayBlockChannel(record, 0) !== channel) continue
    if (isValid(placeAt(ring, position.reading, at))) return record
  }
  return undefined
}

/**
 * Records of one channel with numbers `from` to `to`, both included, at the places that `isValid` takes. Of several with the
 * same number, which lie one after the other, the last counts.
 */
export function readRing(
  ring: RecordRing,
  channel: number,
  from: number,
  to: number,
  isValid: (place: number) => boolean,
): NextRecord {
  const reading = ring.page < 0 ? 1 : sequenceFor(ring, from)
  const position: Position = { reading: reading, at: 0 }
  const next = () => nextWhole(ring, position, channel, from, to, isValid)
  let ahead = next()

  return () => {
    let record = ahead
    if (!record) return undefined
    ahead = next()
    while (ahead && dayBlockDay(ahead, 0) <= dayBlockDay(record, 0)) {
      if (dayBlockDay(ahead, 0) === dayBlockDay(record, 0)) record = ahead
      ahead = next()
    }
    return record
  }
}

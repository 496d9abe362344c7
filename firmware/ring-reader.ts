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
  /** Sequence of the page; 0 is before the first one. */
  reading: number
  /** Address in it, 0 at its beginning. */
  at: number
  /** True once something was met in the page that is no record: then nothing is skipped by its length alone. */
  careful: boolean
  /** Number of the record before. */
  before: number
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
  const newest = ring.lastKey >> 2
  while (position.reading <= ring.sequence) {
    const page = pageOf(ring, position.reading)
    const end = page === ring.page ? ring.tail : (page + 1) * flash.pageBytes
    if (page >= 0 && position.at === 0) {
      position.at = page * flash.pageBytes + pageHeaderBytes
      position.careful = false
      position.before = 0
    }
    if (position.at >= ring.voidFrom && position.at < ring.voidTo) position.at = ring.voidTo
    const at = position.at
    // A page that the ring has turned over since the last record is gone, with its records.
    if (page < 0 || at + 4 > end) {
      position.reading += 1
      position.at = 0
      continue
    }
    const word = readWord(flash, at)
    const length = word & 255
    const number = word >>> 16
    if (isBlankWord(word)) {
      position.at = skipBlank(flash, at, end)
      continue
    }
    if (word < 65536 || length < 6 || length > ring.bytesMax || at + length > end) {
      position.careful = true
      position.at += 4
      continue
    }
    if (number < position.before || number > newest) position.careful = true
    if (number < from && !position.careful) {
      position.before = number
      position.at += wholeWords(length)
      continue
    }
    const record = flash.read(at, length)
    // A record whose CRC is wrong is something that was lost, not something to guess.
    if (wholeAt(record, 0, ring.bytesMax) !== length) {
      position.careful = true
      position.at += 4
      continue
    }
    position.before = number
    position.at += wholeWords(length)
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
  const position: Position = { reading: reading, at: 0, careful: false, before: 0 }
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

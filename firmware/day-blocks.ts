// The profile data log of one channel: a ring of pages of day blocks, appended at midnight, read as they lie
// (DESIGN.md, "Day blocks").

import { getU16 } from '../protocol/bytes.ts'
import { dayBlockBytesMax } from '../protocol/limits.ts'
import { dayBlockDay, dayBlockLength } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import {
  affirmHeader,
  burn,
  clearPage,
  commit,
  isBlank,
  isBurnt,
  pageHeaderBytes,
  pageKind,
  readHeader,
  wholeWords,
  writeHeader,
} from './flash-pages.ts'

/** Reads blocks one after the other, oldest first. */
export interface DayCursor {
  /** The next block from the day asked for on; `undefined` when there is no more. */
  next(): Uint8Array | undefined
}

export interface DayBlocks {
  /** Writes a block; its day is later than every day before. */
  append(block: Uint8Array): void
  /** The newest day written, 0 when there is none. */
  lastDay(): number
  /** Blocks of `fromDay` to `toDay`, both included. */
  read(fromDay: number, toDay: number): DayCursor
  /** Makes sure that nothing half written lies where the next block goes, even if it reads as blank. */
  burnTail(): void
}

/** Opens the ring of `pages` pages from `firstPage` on. */
export function openDayBlocks(flash: Flash, firstPage: number, pages: number): DayBlocks {
  const pageBytes = flash.pageBytes
  let page = -1
  let sequence = 0
  // Where the next block goes, and the day of the one before.
  let tail = 0
  let newestDay = 0

  function pageEnd(of: number): number {
    return (of + 1) * pageBytes
  }

  /** What begins at an address: the length of a plausible block, 0 for a word to skip, -1 for the end of what is written. */
  function lengthAt(address: number, end: number): number {
    if (address + 4 > end) return -1
    const head = flash.read(address, 4)
    const length = head[0]!
    if (length === 0xff && head[1] === 0xff && getU16(head, 2) === 0xffff) return -1
    return length < 6 || length > dayBlockBytesMax || address + wholeWords(length) > end ? 0 : length
  }

  function blockAt(address: number, length: number): Uint8Array | undefined {
    const block = flash.read(address, length)
    return dayBlockLength(block, 0) === length ? block : undefined
  }

  function burnTail(): void {
    if (page < 0) return
    const bytes = Math.min(wholeWords(dayBlockBytesMax), pageEnd(page) - tail)
    if (bytes > 0) burn(flash, tail, bytes)
    tail += bytes
  }

  /** True when nothing is written after the longest block that could begin at `tail`. */
  function isLastThing(): boolean {
    const from = tail + wholeWords(dayBlockBytesMax)
    return from >= pageEnd(page) || isBlank(flash, from, pageEnd(page) - from)
  }

  /**
   * Walks the newest page to its end, by heads alone, and checks the last block whole. Whatever a power cut left
   * behind it is burnt. A head spoilt among good blocks is stepped over, word by word.
   */
  function findTail(): void {
    const end = pageEnd(page)
    let lastAt = 0
    tail = page * pageBytes + pageHeaderBytes
    let length = lengthAt(tail, end)
    while (length >= 0) {
      if (length > 0) lastAt = tail
      else if (!isBurnt(flash, tail) && isLastThing()) break
      tail += length > 0 ? wholeWords(length) : 4
      length = lengthAt(tail, end)
    }
    // The last block may be torn, or whole but weak: one reading decides which.
    while (lastAt > 0) {
      const bytes = flash.read(lastAt, Math.min(dayBlockBytesMax, end - lastAt))
      const whole = dayBlockLength(bytes, 0)
      if (whole > 0) {
        newestDay = dayBlockDay(bytes, 0)
        flash.program(lastAt, bytes.subarray(0, 4))
        break
      }
      tail = lastAt
      lastAt = blockBefore(lastAt)
    }
    if (tail < end && !isBlank(flash, tail, Math.min(wholeWords(dayBlockBytesMax), end - tail))) burnTail()
  }

  /** Address of the last plausible block of the newest page before an address, 0 when there is none. */
  function blockBefore(limit: number): number {
    let found = 0
    let at = page * pageBytes + pageHeaderBytes
    while (at < limit) {
      const length = lengthAt(at, limit)
      if (length < 0) break
      if (length > 0) found = at
      at += length > 0 ? wholeWords(length) : 4
    }
    return found
  }

  function openPage(day: number): void {
    page = page < 0 ? firstPage : firstPage + ((page - firstPage + 1) % pages)
    sequence += 1
    clearPage(flash, page)
    writeHeader(flash, page, pageKind.dayBlocks, sequence, day)
    tail = page * pageBytes + pageHeaderBytes
  }

  function append(block: Uint8Array): void {
    const day = dayBlockDay(block, 0)
    const record = new Uint8Array(wholeWords(block.length)).fill(0xff)
    record.set(block, 0)
    for (let tries = 0; tries < pages * 64; tries++) {
      if (page < 0 || tail + record.length > pageEnd(page)) openPage(day)
      const at = tail
      tail += record.length
      if (commit(flash, at, record)) {
        newestDay = day
        return
      }
      burn(flash, at, record.length)
    }
    throw new Error('the day blocks take no record: the flash is worn out')
  }

  function lastDay(): number {
    return newestDay
  }

  /** The page with this sequence, -1 when the ring does not hold it. */
  function pageOf(wanted: number): number {
    if (wanted < 1 || wanted > sequence || sequence - wanted >= pages) return -1
    const candidate = firstPage + ((page - firstPage + pages - (sequence - wanted)) % pages)
    const header = readHeader(flash, candidate, pageKind.dayBlocks)
    return header !== undefined && header.sequence === wanted ? candidate : -1
  }

  /** The sequence of the page in which reading must begin to see every day from `fromDay` on. */
  function sequenceFor(fromDay: number): number {
    let wanted = sequence
    while (wanted > 0) {
      const holder = pageOf(wanted)
      if (holder < 0) return wanted + 1
      if (readHeader(flash, holder, pageKind.dayBlocks)!.extra <= fromDay) return wanted
      wanted -= 1
    }
    return 1
  }

  function read(fromDay: number, toDay: number): DayCursor {
    let at = 0
    let day = fromDay - 1
    let reading = page < 0 ? 1 : sequenceFor(fromDay)

    function next(): Uint8Array | undefined {
      while (reading <= sequence) {
        const holder = pageOf(reading)
        if (holder < 0) {
          // The ring has turned over this page since the last block: its days are gone.
          reading += 1
          at = 0
          continue
        }
        if (at === 0) at = holder * pageBytes + pageHeaderBytes
        const length = lengthAt(at, holder === page ? tail : pageEnd(holder))
        if (length < 0) {
          reading += 1
          at = 0
          continue
        }
        const here = at
        at += length > 0 ? wholeWords(length) : 4
        if (length === 0 || dayBlockDay(flash.read(here, 4), 0) <= day) continue
        const block = blockAt(here, length)
        // A block that no longer proves itself is a day that was lost, not a day to guess.
        if (block === undefined) continue
        if (dayBlockDay(block, 0) > toDay) return undefined
        day = dayBlockDay(block, 0)
        return block
      }
      return undefined
    }

    return { next: next }
  }

  for (let candidate = firstPage; candidate < firstPage + pages; candidate++) {
    const header = readHeader(flash, candidate, pageKind.dayBlocks)
    if (header !== undefined && header.sequence > sequence) {
      page = candidate
      sequence = header.sequence
      // Days in a page are never before the one in its header.
      newestDay = header.extra - 1
    }
  }
  if (page >= 0) {
    affirmHeader(flash, page, pageKind.dayBlocks)
    findTail()
  }

  return { append: append, lastDay: lastDay, read: read, burnTail: burnTail }
}

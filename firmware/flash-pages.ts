// What all the logs share: how a page proves itself, and how anything at all is committed to flash.
// DESIGN.md, "Commit", argues each order of operations here.

import { crc16, getU16, getU32, putU16, putU32, sameBytes } from '../protocol/bytes.ts'
import type { Flash } from './board.ts'

/** Version of the flash format, in every page header. Pages of version 1 are read as well; none is written any more. */
export const flashFormat = 2

/** Bytes of a page header. */
export const pageHeaderBytes = 16

/** What a page is used for: settings, journal, day blocks of active import, of the other channels, and so on. */
export const pageKind = {
  settings: 1,
  journal: 2,
  imports: 3,
  others: 4,
  dailyReads: 5,
  billing: 6,
  events: 7,
} as const

export interface PageHeader {
  format: number
  /** Grows by one with every page opened; the newest page has the highest. */
  sequence: number
  /** Of the page's owner: key of the last record before a ring's page, CRC of the settings. */
  extra: number
}

/** What is said when flash no longer takes what is written: the meter stops rather than answer as if it did. */
export const wornOut = 'the flash is worn out'

const blankWord = 0xffffffff

/** Length rounded up to whole words of four bytes. */
export function wholeWords(bytes: number): number {
  return (bytes + 3) & ~3
}

/** The word at an address; all ones when blank, 0 when burnt. */
export function readWord(flash: Flash, address: number): number {
  return getU32(flash.read(address, 4), 0)
}

/** True when a word holds nothing yet. */
export function isBlankWord(word: number): boolean {
  return word === blankWord
}

/**
 * How often cells are read that a power cut may have left unstable. The simulator takes one reading in three for what was
 * there before and one in three for what was to be written: sixteen agree by chance once in 40 million such cuts.
 */
const settledReads = 16

/** True when every reading of an area gives these bytes. */
export function isSettled(flash: Flash, address: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < settledReads; i++) if (!sameBytes(flash.read(address, bytes.length), bytes)) return false
  return true
}

/** True when an area reads blank every time. */
export function isSettledBlank(flash: Flash, address: number, bytes: number): boolean {
  return isSettled(flash, address, new Uint8Array(bytes).fill(0xff))
}

/**
 * Clears every bit of a record that flash did not take: it is skipped from now on. The first word goes first, so that a power
 * cut in between does not leave a record that looks whole.
 */
export function burn(flash: Flash, address: number, bytes: number): void {
  flash.program(address, new Uint8Array(4))
  if (bytes > 4) flash.program(address + 4, new Uint8Array(bytes - 4))
}

/**
 * Writes a record of whole words: the body first, the first word last. The first word commits: a power cut before it
 * leaves a record that was never there. Answers whether flash gives back what was written.
 */
export function commit(flash: Flash, address: number, record: Uint8Array): boolean {
  if (record.length > 4) flash.program(address + 4, record.subarray(4))
  flash.program(address, record.subarray(0, 4))
  const back = flash.read(address, record.length)
  for (let i = 0; i < record.length; i++) if (back[i] !== record[i]) return false
  return true
}

function headerOf(format: number, kind: number, sequence: number, extra: number): Uint8Array {
  const header = new Uint8Array(pageHeaderBytes).fill(0xff)
  header[0] = 0x53
  header[1] = 0x31
  header[2] = format
  header[3] = kind
  putU32(header, 4, sequence)
  putU32(header, 8, extra)
  putU16(header, 12, crc16(header, 0, 12))
  return header
}

/**
 * The header of a page of this kind; `undefined` when the page is blank, half prepared, or another's. One whose sequence
 * is not above `known` need not prove itself: it says no more than that.
 */
export function readHeader(flash: Flash, page: number, kind: number, known: number): PageHeader | undefined {
  const header = flash.read(page * flash.pageBytes, pageHeaderBytes)
  const format = header[2]!
  if (header[0] !== 0x53 || header[1] !== 0x31 || header[3] !== kind || format < 1 || format > flashFormat)
    return undefined
  const sequence = getU32(header, 4)
  if (sequence > known && crc16(header, 0, 12) !== getU16(header, 12)) return undefined
  return { format: format, sequence: sequence, extra: getU32(header, 8) }
}

/** The newest page of a log; page -1 when there is none. */
export interface NewestPage extends PageHeader {
  page: number
}

/**
 * The newest page of a kind among `pages` from `firstPage` on. A header in which power was cut may read differently each
 * time: its page holds nothing that is not elsewhere, and is erased.
 */
export function newestPage(flash: Flash, firstPage: number, pages: number, kind: number): NewestPage {
  for (let tries = 0; tries <= pages; tries++) {
    const found = { page: -1, format: 0, sequence: 0, extra: 0 }
    // From the last page down: in a ring the sequences fall so, but for one step, and two headers need their CRC checked.
    for (let page = firstPage + pages - 1; page >= firstPage; page--) {
      const header = readHeader(flash, page, kind, found.sequence)
      if (!header || header.sequence <= found.sequence) continue
      found.page = page
      found.format = header.format
      found.sequence = header.sequence
      found.extra = header.extra
    }
    if (found.page < 0) return found
    const header = headerOf(found.format, kind, found.sequence, found.extra)
    if (isSettled(flash, found.page * flash.pageBytes, header)) return found
    flash.erase(found.page)
  }
  throw new Error(wornOut)
}

/** Makes an erased page count. @throws Error when the page does not take its header: the flash is worn out */
export function writeHeader(flash: Flash, page: number, kind: number, sequence: number, extra: number): void {
  if (!commit(flash, page * flash.pageBytes, headerOf(flashFormat, kind, sequence, extra))) throw new Error(wornOut)
}

// What all the logs share: how a page proves itself, and how anything at all is committed to flash.
// DESIGN.md, "Commit", argues each order of operations here.

import { crc16, getU16, getU32, putU16, putU32 } from '../protocol/bytes.ts'
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
 * Clears every bit of an area: whatever was half written there is stable now, and skipped for ever. The first word goes
 * first: a record half burnt must not be taken for a whole one whose body is not firm any more.
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
 * The newest page of a kind among `pages` from `firstPage` on; page -1 when there is none. A cut just after a committing
 * word may have left it weak. One reading decides: a header that proves itself is made firm, a page that has none beside
 * it never gets one by another reading.
 */
export function newestPage(flash: Flash, firstPage: number, pages: number, kind: number): NewestPage {
  const found = { page: -1, format: 0, sequence: 0, extra: 0 }
  const bare: number[] = []
  // From the last page down: in a ring the sequences fall so, but for one step, and two headers have to prove themselves.
  for (let page = firstPage + pages - 1; page >= firstPage; page--) {
    const header = readHeader(flash, page, kind, found.sequence)
    if (!header) bare.push(page * flash.pageBytes)
    else if (header.sequence > found.sequence) {
      found.page = page
      found.format = header.format
      found.sequence = header.sequence
      found.extra = header.extra
    }
  }
  if (found.page < 0) return found
  flash.program(found.page * flash.pageBytes, headerOf(found.format, kind, 0, 0).subarray(0, 4))
  for (let i = 0; i < bare.length; i++) if (readWord(flash, bare[i]!) > 0) burn(flash, bare[i]!, 4)
  return found
}

/** Makes a page blank. Its header goes first, so that a page half erased is never taken for a whole one. */
export function clearPage(flash: Flash, page: number): void {
  burn(flash, page * flash.pageBytes, 4)
  flash.erase(page)
}

/** Makes a cleared page count. @throws Error when the page does not take its header: the flash is worn out */
export function writeHeader(flash: Flash, page: number, kind: number, sequence: number, extra: number): void {
  if (!commit(flash, page * flash.pageBytes, headerOf(flashFormat, kind, sequence, extra))) throw new Error(wornOut)
}

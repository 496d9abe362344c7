// The journal: every half-hour as it ends, every boot, and every day about to be written as a block.
// Two pages; the newer one alone holds all that is needed (DESIGN.md, "Journal").

import { crc16, getU16, getU24, getU32, putU16, putU24, putU32 } from '../protocol/bytes.ts'
import type { Flash } from './board.ts'
import {
  affirmHeader,
  burn,
  clearPage,
  commit,
  isBlankWord,
  pageHeaderBytes,
  pageKind,
  readHeader,
  readWord,
  writeHeader,
} from './flash-pages.ts'

/** Bytes of a record; its first word commits it. */
export const recordBytes = 16

/** What a record says. */
export const recordType = { halfHour: 1, boot: 2, dayClosing: 3 } as const

export interface JournalRecord {
  type: number
  /** Half-hour number, count of boots, or day number. 24 bits. */
  number: number
  /** 1 when the half-hour is marked. */
  flags: number
  /** Wh of the half-hour. 24 bits. */
  wh: number
  /** Active import register when the record was written. 32 bits. */
  importWh: number
}

export interface Journal {
  append(record: JournalRecord): void
  /** Calls with each record of this page that may still matter, oldest first. */
  forEach(visit: (record: JournalRecord) => void): void
  /** Starts of the meter, this one included. */
  boot(): number
  /** Counts a start more, in flash before it returns. */
  countBoot(): void
  /** The register as the last record before this start has it. */
  lastImportWh(): number
}

function encode(record: JournalRecord): Uint8Array {
  const bytes = new Uint8Array(recordBytes).fill(0xff)
  bytes[0] = record.type
  putU24(bytes, 1, record.number)
  bytes[4] = record.flags
  putU24(bytes, 5, record.wh)
  putU32(bytes, 8, record.importWh)
  putU16(bytes, 12, crc16(bytes, 0, 12))
  return bytes
}

function decode(bytes: Uint8Array): JournalRecord | undefined {
  if (crc16(bytes, 0, 12) !== getU16(bytes, 12) || bytes[0] === 0 || bytes[0]! > 3) return undefined
  return {
    type: bytes[0]!,
    number: getU24(bytes, 1),
    flags: bytes[4]!,
    wh: getU24(bytes, 5),
    importWh: getU32(bytes, 8),
  }
}

/**
 * Finds its place in the two pages from `firstPage` on and writes the record of this start.
 * `isOpen(halfHour)` says whether a half-hour belongs to a day that has no block yet: only those move on to a new page.
 */
export function openJournal(flash: Flash, firstPage: number, isOpen: (halfHour: number) => boolean): Journal {
  const slots = Math.floor((flash.pageBytes - pageHeaderBytes) / recordBytes)
  let page = -1
  let sequence = 0
  let used = 0
  let boots = 0
  let importWh = 0
  // First slot that may hold anything of a day without a block.
  let openFrom = 0

  function addressOf(slot: number): number {
    return page * flash.pageBytes + pageHeaderBytes + slot * recordBytes
  }

  function recordAt(slot: number): JournalRecord | undefined {
    return decode(flash.read(addressOf(slot), recordBytes))
  }

  function forEach(visit: (record: JournalRecord) => void): void {
    for (let slot = openFrom; slot < used; slot++) {
      const record = recordAt(slot)
      if (record !== undefined) visit(record)
    }
  }

  // Walks back from the end only as far as a day that has its block: a board checks about fifty records, not all.
  function findOpen(): void {
    let seen = false
    openFrom = used
    while (openFrom > 0) {
      const record = recordAt(openFrom - 1)
      if (record !== undefined) {
        if (!seen) importWh = record.importWh
        seen = true
        if (record.type === recordType.boot && boots === 0) boots = record.number
        if (record.type === recordType.halfHour && !isOpen(record.number) && boots > 0) return
      }
      openFrom -= 1
    }
  }

  // Slots are used in order, so the first whose committing word is blank is found by halving.
  function findTail(): number {
    let low = 0
    let high = slots
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBlankWord(readWord(flash, addressOf(middle)))) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Writes into the next slot; a slot that does not give back what was written is burnt and the next one taken. */
  function put(bytes: Uint8Array): void {
    while (used < slots) {
      const at = addressOf(used)
      used += 1
      if (commit(flash, at, bytes)) return
      burn(flash, at, recordBytes)
    }
    throw new Error('journal page ' + page + ' takes no record: the flash is worn out')
  }

  /** Moves to the other page, taking along what is still needed. The new page counts once its header is written. */
  function turn(): void {
    const old = page
    const oldUsed = used
    const next = old === firstPage ? firstPage + 1 : firstPage
    clearPage(flash, next)
    page = next
    used = 0
    openFrom = 0
    put(encode({ type: recordType.boot, number: boots, flags: 0, wh: 0, importWh: importWh }))
    for (let slot = 0; slot < oldUsed; slot++) {
      const bytes = flash.read(old * flash.pageBytes + pageHeaderBytes + slot * recordBytes, recordBytes)
      const record = decode(bytes)
      if (record !== undefined && record.type === recordType.halfHour && isOpen(record.number)) put(bytes)
    }
    sequence += 1
    writeHeader(flash, next, pageKind.journal, sequence, 0)
  }

  function append(record: JournalRecord): void {
    importWh = record.importWh
    if (used >= slots) turn()
    put(encode(record))
  }

  function countBoot(): void {
    boots += 1
    append({ type: recordType.boot, number: boots, flags: 0, wh: 0, importWh: importWh })
  }

  function lastImportWh(): number {
    return importWh
  }

  function boot(): number {
    return boots
  }

  for (let candidate = firstPage; candidate < firstPage + 2; candidate++) {
    const header = readHeader(flash, candidate, pageKind.journal)
    if (header !== undefined && header.sequence > sequence) {
      page = candidate
      sequence = header.sequence
    }
  }
  if (page >= 0) {
    affirmHeader(flash, page, pageKind.journal)
    used = findTail()
    if (used > 0) {
      // The last record may be torn, or whole but weak. One reading decides which.
      const last = flash.read(addressOf(used - 1), recordBytes)
      if (decode(last) === undefined) burn(flash, addressOf(used - 1), recordBytes)
      else flash.program(addressOf(used - 1), last.subarray(0, 4))
    }
    // The slot after it may hold a body without its committing word, even if it reads as blank.
    if (used < slots) {
      burn(flash, addressOf(used), recordBytes)
      used += 1
    }
    findOpen()
    countBoot()
  } else {
    page = firstPage + 1
    boots = 1
    turn()
  }

  return { append: append, forEach: forEach, boot: boot, countBoot: countBoot, lastImportWh: lastImportWh }
}

// A log of 16-byte records over two pages, of which the newer alone holds all that is needed (DESIGN.md, "Slots").
// The journal and the event log are such logs.

import { crc16, getU16, getU32, putU16 } from '../protocol/bytes.ts'
import type { Flash } from './board.ts'
import {
  burn,
  commit,
  isBlankWord,
  isSettled,
  isSettledBlank,
  newestPage,
  pageHeaderBytes,
  readWord,
  wornOut,
  writeHeader,
} from './flash-pages.ts'

/** Bytes of a record; its first word commits it, its last two bytes are a CRC-16 of those before. */
export const slotBytes = 16

export interface SlotLog {
  flash: Flash
  kind: number
  firstPage: number
  /** The page in use, -1 when there is none yet. */
  page: number
  sequence: number
  /** Slots of a page, and those of the page in use that are taken. */
  slots: number
  used: number
  /** True when a power cut left something behind the last whole record: the owner turns the page. */
  torn: boolean
}

function slotAddress(log: SlotLog, slot: number): number {
  return log.page * log.flash.pageBytes + pageHeaderBytes + slot * slotBytes
}

/** A record of a page, burnt (first byte 0) or not. */
export function slotAt(log: SlotLog, page: number, slot: number): Uint8Array {
  return log.flash.read(page * log.flash.pageBytes + pageHeaderBytes + slot * slotBytes, slotBytes)
}

/** True when the record proves itself. */
export function isWholeSlot(bytes: Uint8Array): boolean {
  return bytes[0] !== 0 && crc16(bytes, 0, 14) === getU16(bytes, 14)
}

/**
 * Finds the end of the log. Power may have been cut in its last record, or in one behind it whose first word is still blank.
 * Nothing is programmed again: what does not read the same every time is left out, and the page is `torn`.
 */
export function openSlots(flash: Flash, firstPage: number, kind: number): SlotLog {
  const newest = newestPage(flash, firstPage, 2, kind)
  const log: SlotLog = {
    flash: flash,
    kind: kind,
    firstPage: firstPage,
    page: newest.page,
    sequence: newest.sequence,
    slots: Math.floor((flash.pageBytes - pageHeaderBytes) / slotBytes),
    used: 0,
    torn: false,
  }
  if (log.page < 0) return log
  // Slots are taken in order, so the first whose first word is blank is found by halving.
  let low = 0
  let high = log.slots
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBlankWord(readWord(flash, slotAddress(log, middle)))) high = middle
    else low = middle + 1
  }
  log.torn = low < log.slots && !isSettledBlank(flash, slotAddress(log, low), slotBytes)
  if (low > 0) {
    const last = slotAt(log, log.page, low - 1)
    const isBurnt = getU32(last, 0) === 0
    if ((!isBurnt && !isWholeSlot(last)) || !isSettled(flash, slotAddress(log, low - 1), last)) {
      log.torn = true
      low -= 1
    }
  }
  log.used = low
  return log
}

/** All records of the page in use, the burnt ones (first byte 0) included, one after the other. */
export function slotsOf(log: SlotLog): Uint8Array {
  return log.page < 0 ? new Uint8Array(0) : log.flash.read(slotAddress(log, 0), log.used * slotBytes)
}

/**
 * Writes a record into the next slot, its CRC filled in. A slot that does not give back what was written is burnt and the
 * next one taken. Answers false when the page is full: the caller turns it.
 */
export function putSlot(log: SlotLog, bytes: Uint8Array): boolean {
  putU16(bytes, 14, crc16(bytes, 0, 14))
  while (log.page >= 0 && log.used < log.slots) {
    const at = slotAddress(log, log.used)
    log.used += 1
    if (commit(log.flash, at, bytes)) return true
    burn(log.flash, at, slotBytes)
  }
  return false
}

/**
 * Moves to the other page. `carry` puts there what is still needed; only then does the page's header make it count, so
 * the page left behind is never the only one that holds something.
 * @throws Error when what is carried does not fit, because slots are worn out
 */
export function turnSlots(log: SlotLog, carry: () => boolean): void {
  const next = log.page === log.firstPage ? log.firstPage + 1 : log.firstPage
  log.flash.erase(next)
  log.page = next
  log.used = 0
  if (!carry()) throw new Error(wornOut)
  log.sequence += 1
  writeHeader(log.flash, next, log.kind, log.sequence, 0)
  log.torn = false
}

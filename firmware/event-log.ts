// The event log and the security log: 100 entries of each at least, the oldest forgotten first (DESIGN.md, "Events").

import { getU24, getU32 } from '../protocol/bytes.ts'
import { encodeEvent, eventCode, eventLog, isAlert, securityCodesFrom } from '../protocol/event-entry.ts'
import { eventEntriesMax } from '../protocol/limits.ts'
import type { Flash } from './board.ts'
import { pageKind, wornOut } from './flash-pages.ts'
import type { NextRecord } from './record-ring.ts'
import { isWholeSlot, openSlots, putSlot, type SlotLog, slotAt, turnSlots } from './slot-log.ts'

/** A record that is no entry: alerts up to the sequence in `value` were acknowledged. */
const acknowledgedCode = 63

export interface EventLog {
  slots: SlotLog
  /** Sequence of the newest entry of either log, 0 when there is none. */
  sequence: number
  /** Alerts up to this sequence were acknowledged. */
  acknowledged: number
  /** The latest time of an entry, UTC seconds; 0 when there is none. */
  lastSeconds: number
  /** Code of the newest entry. */
  lastCode: number
  /** Starts of the meter, as the newest entry of one says. */
  boots: number
  /** Records that could not be read at the start. */
  spoilt: number
}

/** Which log an entry belongs to. */
export function logOf(code: number): number {
  return code >= securityCodesFrom ? eventLog.security : eventLog.event
}

function isEntry(bytes: Uint8Array): boolean {
  return bytes[0]! > 0 && bytes[0] !== acknowledgedCode
}

/** Takes a record into account. One whose sequence does not follow the one before must have the right CRC. */
function take(log: EventLog, bytes: Uint8Array): void {
  if (bytes[0]! > 0 && getU24(bytes, 1) !== log.sequence + 1 && !isWholeSlot(bytes)) {
    log.spoilt += 1
    return
  }
  if (bytes[0] === acknowledgedCode) log.acknowledged = getU32(bytes, 8)
  if (!isEntry(bytes)) return
  log.sequence = getU24(bytes, 1)
  log.lastSeconds = Math.max(log.lastSeconds, getU32(bytes, 4))
  log.lastCode = bytes[0]!
  if (bytes[0] === eventCode.started) log.boots = getU32(bytes, 8)
}

function acknowledgement(sequence: number): Uint8Array {
  return encodeEvent({ code: acknowledgedCode, sequence: 0, atSeconds: 0, value: sequence, detail: 0 })
}

/** Copies from an old page the newest 100 entries of each log, and what was acknowledged. */
function carry(log: EventLog, page: number, used: number): boolean {
  // Without anything that could not be read, none has to be checked.
  const isCopied = (bytes: Uint8Array) => isEntry(bytes) && (log.spoilt === 0 || isWholeSlot(bytes))
  const left = [0, 0, 0]
  for (let slot = 0; slot < used; slot++) {
    const entry = slotAt(log.slots, page, slot)
    if (isCopied(entry)) left[logOf(entry[0]!)] = left[logOf(entry[0]!)]! + 1
  }
  if (!putSlot(log.slots, acknowledgement(log.acknowledged))) return false
  for (let slot = 0; slot < used; slot++) {
    const entry = slotAt(log.slots, page, slot)
    if (!isCopied(entry)) continue
    const which = logOf(entry[0]!)
    left[which] = left[which]! - 1
    if (left[which]! < eventEntriesMax && !putSlot(log.slots, entry)) return false
  }
  return true
}

function append(log: EventLog, bytes: Uint8Array): void {
  if (!putSlot(log.slots, bytes)) {
    const page = log.slots.page
    const used = log.slots.used
    turnSlots(log.slots, () => carry(log, page, used))
    if (!putSlot(log.slots, bytes)) throw new Error(wornOut)
  }
  take(log, bytes)
}

/** Records that something happened. Values are cut to the widths of an entry (SPEC.md section 10). */
export function addEvent(log: EventLog, code: number, atSeconds: number, value: number, detail: number): void {
  append(
    log,
    encodeEvent({
      code: code,
      sequence: log.sequence + 1,
      atSeconds: atSeconds,
      value: Math.min(value, 0xffffffff),
      detail: Math.min(detail, 0xffff),
    }),
  )
}

/** Keeps alerts up to a sequence from being pushed again. */
export function acknowledgeAlerts(log: EventLog, sequence: number): void {
  if (sequence > log.acknowledged && sequence <= log.sequence) append(log, acknowledgement(sequence))
}

/**
 * Entries of one log from a sequence on, oldest first, the newest 100 at most; with `which` 0 the alerts that were not
 * acknowledged, of both logs.
 */
export function entriesOf(log: EventLog, which: number, firstSequence: number): NextRecord {
  const slots = log.slots
  const page = slots.page
  const used = slots.used
  const least = which === 0 ? log.acknowledged + 1 : firstSequence
  let slot = 0

  function next(): Uint8Array | undefined {
    // The page was turned meanwhile: what is left of the old one may be erased any time.
    while (slot < used && slots.page === page) {
      const entry = slotAt(slots, page, slot)
      slot += 1
      const wanted = which === 0 ? isAlert(entry[0]!) : logOf(entry[0]!) === which
      if (isEntry(entry) && wanted && getU24(entry, 1) >= least) return entry
    }
    return undefined
  }

  let count = 0
  while (next()) count += 1
  slot = 0
  for (; count > eventEntriesMax; count--) next()
  return next
}

/** Opens both logs. */
export function openEventLog(flash: Flash, firstPage: number): EventLog {
  const log: EventLog = {
    slots: openSlots(flash, firstPage, pageKind.events),
    sequence: 0,
    acknowledged: 0,
    lastSeconds: 0,
    lastCode: 0,
    boots: 0,
    spoilt: 0,
  }
  const page = log.slots.page
  const used = log.slots.used
  for (let slot = 0; slot < used; slot++) take(log, slotAt(log.slots, page, slot))
  if (page < 0 || log.slots.torn || log.spoilt > 0) turnSlots(log.slots, () => carry(log, page, used))
  return log
}

// The event log and the security log: 100 entries of each at least, the oldest forgotten first (DESIGN.md, "Events").

import { getU24, getU32 } from '../protocol/bytes.ts'
import { encodeEvent, eventLog, isAlert, securityCodesFrom } from '../protocol/event-entry.ts'
import { eventEntriesMax } from '../protocol/limits.ts'
import type { Flash } from './board.ts'
import { pageKind, wornOut } from './flash-pages.ts'
import { openSlots, putSlot, type SlotLog, slotBytes, slotsOf, turnSlots } from './slot-log.ts'

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
}

/** Which log an entry belongs to. */
export function logOf(code: number): number {
  return code >= securityCodesFrom ? eventLog.security : eventLog.event
}

function isEntry(bytes: Uint8Array, at: number): boolean {
  return bytes[at]! > 0 && bytes[at] !== acknowledgedCode
}

function take(log: EventLog, bytes: Uint8Array, at: number): void {
  if (bytes[at] === acknowledgedCode) log.acknowledged = getU32(bytes, at + 8)
  if (!isEntry(bytes, at)) return
  log.sequence = getU24(bytes, at + 1)
  log.lastSeconds = Math.max(log.lastSeconds, getU32(bytes, at + 4))
  log.lastCode = bytes[at]!
}

function acknowledgement(sequence: number): Uint8Array {
  return encodeEvent({ code: acknowledgedCode, sequence: 0, atSeconds: 0, value: sequence, detail: 0 })
}

/** Takes along to the new page the newest 100 entries of each log, and what was acknowledged. */
function carry(log: EventLog, old: Uint8Array): boolean {
  const left = [0, 0, 0]
  for (let at = 0; at < old.length; at += slotBytes) {
    if (isEntry(old, at)) left[logOf(old[at]!)] = left[logOf(old[at]!)]! + 1
  }
  if (!putSlot(log.slots, acknowledgement(log.acknowledged))) return false
  for (let at = 0; at < old.length; at += slotBytes) {
    if (!isEntry(old, at)) continue
    const which = logOf(old[at]!)
    left[which] = left[which]! - 1
    if (left[which]! >= eventEntriesMax) continue
    if (!putSlot(log.slots, new Uint8Array(old.subarray(at, at + slotBytes)))) return false
  }
  return true
}

function append(log: EventLog, bytes: Uint8Array): void {
  if (!putSlot(log.slots, bytes)) {
    const old = slotsOf(log.slots)
    turnSlots(log.slots, () => carry(log, old))
    if (!putSlot(log.slots, bytes)) throw new Error(wornOut)
  }
  take(log, bytes, 0)
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
 * Entries of one log from a sequence on, oldest first, the newest 100 at most, one after the other as they lie in flash;
 * with `log` 0 the alerts that were not acknowledged, of both.
 */
export function entriesOf(log: EventLog, which: number, firstSequence: number): Uint8Array {
  const bytes = slotsOf(log.slots)
  let used = 0
  for (let at = 0; at < bytes.length; at += slotBytes) {
    if (!isEntry(bytes, at)) continue
    const sequence = getU24(bytes, at + 1)
    const wanted = which === 0 ? isAlert(bytes[at]!) && sequence > log.acknowledged : logOf(bytes[at]!) === which
    if (!wanted || sequence < firstSequence) continue
    // Moved to the front of the same array: no second one is needed.
    bytes.set(bytes.subarray(at, at + slotBytes), used)
    used += slotBytes
  }
  return bytes.subarray(Math.max(0, used - eventEntriesMax * slotBytes), used)
}

/** Opens both logs. */
export function openEventLog(flash: Flash, firstPage: number): EventLog {
  const log: EventLog = {
    slots: openSlots(flash, firstPage, pageKind.events),
    sequence: 0,
    acknowledged: 0,
    lastSeconds: 0,
    lastCode: 0,
  }
  const bytes = slotsOf(log.slots)
  for (let at = 0; at < bytes.length; at += slotBytes) take(log, bytes, at)
  if (log.slots.page < 0) turnSlots(log.slots, () => carry(log, bytes))
  return log
}

// The journal: all energy as it is counted, every half-hour as it ends, every start (DESIGN.md, "Journal"). What it has
// committed is the meter's registers; replaying the newer of its two pages gives them back after a power cut.

import { copyOf, putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { firstHalfHourOfDay, halfHourMs, halfHourOf } from '../protocol/half-hour.ts'
import { halfHoursPerDay, touRegisters } from '../protocol/limits.ts'
import { halfHourWhMax, type ProfileDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import { pageKind, wornOut } from './flash-pages.ts'
import { energyOf, markedFlag, putEnergy, putU48, record, recordType } from './journal-record.ts'
import { emptyJournal, isSound, type Journal, repair, replay } from './journal-state.ts'
import { segmentRecords } from './segments.ts'
import { isWholeSlot, openSlots, putSlot, slotBytes, slotsOf, turnSlots } from './slot-log.ts'

function clockRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.clock, journal.driftPpm + 0x800000)
  putU48(bytes, 4, journal.clockAheadMs + 0x800000000000)
  putU32(bytes, 10, journal.clockSetSeconds)
  return bytes
}

/** What a new page begins with: all that the meter must know and that is nowhere else. */
function putNeeded(journal: Journal): boolean {
  const slots = journal.slots
  const put = (bytes: Uint8Array) => putSlot(slots, bytes)
  if (!put(record(recordType.start, journal.boots)) || !put(clockRecord(journal))) return false
  if (!put(closingRecord(journal)) || !put(billingRecord(journal))) return false
  if (journal.excessWh > 0 && !put(excessRecord(journal))) return false
  for (let i = 0; i < journal.segments.length; i++) {
    const records = segmentRecords(journal.segments[i]!)
    if (!put(records[0]!) || !put(records[1]!)) return false
  }
  for (let index = 0; index < 4 + touRegisters; index += 2) {
    const at = index - 4
    const low = at < 0 ? journal.registers[index]! : journal.matrix[at]!
    const high = at < 0 ? journal.registers[index + 1]! : journal.matrix[at + 1]!
    if (low + high === 0) continue
    const bytes = record(recordType.registers, 0)
    bytes[1] = index / 2
    putU48(bytes, 2, low)
    putU48(bytes, 8, high)
    if (!put(bytes)) return false
  }
  return putDay(journal, put)
}

/** The half-hours of the day that has no blocks yet, and what is committed of the running one. */
function putDay(journal: Journal, put: (bytes: Uint8Array) => boolean): boolean {
  const wh = [0, 0, 0, 0]
  // No energy, of no half-hour: a record that only says when the meter was last known to run.
  const aliveMinute = Math.floor((journal.aliveMs % halfHourMs) / 60000)
  const none = energyOf.none | (aliveMinute << 2)
  if (!putEnergy(recordType.kept, halfHourOf(journal.aliveMs), 0, none, wh, put)) return false
  for (let at = 0; journal.day > 0 && at < halfHoursPerDay; at++) {
    if (journal.wh[at]! < 0) continue
    for (let i = 0; i < 4; i++) wh[i] = Math.max(0, journal.wh[i * halfHoursPerDay + at]!)
    const halfHour = firstHalfHourOfDay(journal.day) + at
    if (!putEnergy(recordType.kept, halfHour, journal.marked[at]! ? markedFlag : 0, energyOf.ended, wh, put))
      return false
  }
  if (journal.runningHalfHour < 0) return true
  for (let i = 0; i < 4; i++) wh[i] = journal.running[i]!
  return putEnergy(recordType.kept, journal.runningHalfHour, 0, energyOf.running, wh, put)
}

/** Goes on in the other page, with what is still needed alone: a start has fewer records to take. */
export function turnJournal(journal: Journal): void {
  turnSlots(journal.slots, () => putNeeded(journal))
}

/** Writes a record; turns the page first when it is full. Answers true, or throws when the flash is worn out. */
function append(journal: Journal, bytes: Uint8Array): boolean {
  if (!putSlot(journal.slots, bytes)) {
    turnJournal(journal)
    if (!putSlot(journal.slots, bytes)) throw new Error(wornOut)
  }
  replay(journal, bytes)
  return true
}

/** Counts a start more, in flash before it returns. */
export function countStart(journal: Journal): void {
  append(journal, record(recordType.start, journal.boots + 1))
}

/**
 * Commits energy of the four channels (Wh, varh), whole and below 2^32 each; `wh` is zero afterwards. `owner` is one of
 * `energyOf`, `halfHour` and `minute` (0 to 29) say when, `tou` is the active TOU register.
 */
export function commitEnergy(
  journal: Journal,
  halfHour: number,
  minute: number,
  tou: number,
  owner: number,
  isMarked: boolean,
  wh: number[],
): void {
  let kept = owner
  if (owner === energyOf.ended && halfHour <= journal.newest) kept = energyOf.none
  for (let i = 0; i < 4; i++) {
    const before = journal.runningHalfHour === halfHour ? journal.running[i]! : 0
    // No day block can say it, so it is energy of no half-hour.
    if (before + wh[i]! > halfHourWhMax) kept = energyOf.none
  }
  const flags = tou | (isMarked ? markedFlag : 0)
  putEnergy(recordType.energy, halfHour, flags, kept | (minute << 2), wh, (bytes) => append(journal, bytes))
}

function excessRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.excess, 0)
  putU48(bytes, 4, journal.excessWh)
  return bytes
}

/** Adds to what all inputs counted beyond what the connection can carry. */
export function commitExcess(journal: Journal, wh: number): void {
  journal.excessWh += wh
  append(journal, excessRecord(journal))
}

function closingRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.closing, journal.closingDay)
  putU16(bytes, 3, journal.enteredDay)
  for (let i = 0; i < 3; i++) putU24(bytes, 5 + 3 * i, journal.places[i]!)
  return bytes
}

/**
 * Says that the day being recorded becomes blocks, and a daily read is taken for the day entered. `places` of the rings
 * are to be up to date. Day 0 is entered when the clock is set by days: then the day is closed for a moment only.
 */
export function noteClosing(journal: Journal, enteredDay: number): void {
  journal.closingDay = journal.day
  journal.enteredDay = enteredDay
  append(journal, closingRecord(journal))
}

function billingRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.billing, journal.billingNumber)
  putU24(bytes, 4, journal.places[3]!)
  return bytes
}

/** Says that entry `number` of the billing data log is about to be written; its place in `places` is to be up to date. */
export function noteBilling(journal: Journal, number: number): void {
  journal.billingNumber = number
  append(journal, billingRecord(journal))
}

/** Commits what the meter's clock is ahead of the board's, when it was set, and its drift. */
export function commitClock(journal: Journal, aheadMs: number, setSeconds: number, driftPpm: number): void {
  journal.clockAheadMs = aheadMs
  journal.clockSetSeconds = setSeconds
  journal.driftPpm = driftPpm
  append(journal, clockRecord(journal))
}

/** The day being recorded, of one channel. */
export function dayOf(journal: Journal, channel: number): ProfileDay {
  return {
    channel: channel,
    day: journal.day,
    wh: journal.wh.subarray(channel * halfHoursPerDay, (channel + 1) * halfHoursPerDay),
    marked: journal.marked,
    open: false,
  }
}

/**
 * Finds the end of the journal and replays its page; the caller counts the start. Records are not checked one by one, because
 * each was read back when it was written. When they cannot be right together, those whose CRC is wrong are left out.
 */
export function openJournal(flash: Flash, firstPage: number): Journal {
  const slots = openSlots(flash, firstPage, pageKind.journal)
  let journal = emptyJournal(slots)
  const bytes = slotsOf(slots)
  replay(journal, bytes)
  if (!isSound(journal)) {
    journal = emptyJournal(slots)
    for (let at = 0; at < bytes.length; at += slotBytes) {
      const slot = bytes.subarray(at, at + slotBytes)
      if (isWholeSlot(slot)) replay(journal, copyOf(slot, 0, slotBytes))
      else if (slot[0] !== 0) journal.spoilt += 1
    }
    repair(journal)
  }
  // Another page also when a power cut left something at the end of this one.
  if (slots.page < 0 || slots.torn || journal.spoilt > 0) turnJournal(journal)
  return journal
}

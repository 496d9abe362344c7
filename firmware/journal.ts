// The journal: all energy as it is counted, every half-hour as it ends, every start (DESIGN.md, "Journal"). What it has
// committed is the meter's registers; replaying the newer of its two pages gives them back after a power cut.

import { putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { firstHalfHourOfDay, halfHourMs, halfHourOf } from '../protocol/half-hour.ts'
import { halfHoursPerDay, touRegisters } from '../protocol/limits.ts'
import type { ProfileDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import { pageKind, wornOut } from './flash-pages.ts'
import { eachEnergyRecord, energyOf, markedFlag, putU48, record, recordType } from './journal-record.ts'
import { type Journal, newJournal, take } from './journal-state.ts'
import { openSlots, putSlot, slotsOf, turnSlots } from './slot-log.ts'

function clockRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.clock, journal.driftPpm + 0x800000)
  putU48(bytes, 4, journal.clockAheadMs + 0x800000000000)
  putU32(bytes, 10, journal.clockSetSeconds)
  return bytes
}

function excessRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.excess, 0)
  putU48(bytes, 4, journal.excessWh)
  return bytes
}

/** What a new page begins with: all that the meter must know and that is nowhere else. */
function carry(journal: Journal): boolean {
  const slots = journal.slots
  const put = (bytes: Uint8Array) => putSlot(slots, bytes)
  if (!put(record(recordType.start, journal.boots)) || !put(clockRecord(journal))) return false
  if (!put(closingRecord(journal)) || !put(billingRecord(journal))) return false
  if (journal.excessWh > 0 && !put(excessRecord(journal))) return false
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
  const wh = [0, 0, 0, 0]
  // No energy, of no half-hour: a record that only says when the meter was last known to run.
  const aliveMinute = Math.floor((journal.aliveMs % halfHourMs) / 60000)
  const none = energyOf.none | (aliveMinute << 2)
  if (!eachEnergyRecord(recordType.kept, halfHourOf(journal.aliveMs), 0, none, wh, put)) return false
  for (let at = 0; journal.day > 0 && at < halfHoursPerDay; at++) {
    if (journal.wh[at]! < 0) continue
    for (let i = 0; i < 4; i++) wh[i] = journal.wh[i * halfHoursPerDay + at]!
    const halfHour = firstHalfHourOfDay(journal.day) + at
    if (!eachEnergyRecord(recordType.kept, halfHour, journal.marked[at]! ? markedFlag : 0, energyOf.ended, wh, put))
      return false
  }
  if (journal.runningHalfHour < 0) return true
  for (let i = 0; i < 4; i++) wh[i] = journal.running[i]!
  return eachEnergyRecord(recordType.kept, journal.runningHalfHour, 0, energyOf.running, wh, put)
}

/** Goes on in the other page, with what is still needed alone: a start has fewer records to take. */
export function turnJournal(journal: Journal): void {
  turnSlots(journal.slots, () => carry(journal))
}

/** Writes a record; turns the page first when it is full. Answers true, or throws when the flash is worn out. */
function append(journal: Journal, bytes: Uint8Array): boolean {
  if (!putSlot(journal.slots, bytes)) {
    turnJournal(journal)
    if (!putSlot(journal.slots, bytes)) throw new Error(wornOut)
  }
  return take(journal, bytes, false)
}

/** Counts a start more, in flash before it returns. */
export function countStart(journal: Journal): void {
  append(journal, record(recordType.start, journal.boots + 1))
}

/**
 * Commits energy of the four channels (Wh, varh), whole and below 2^32 each; `wh` is zero afterwards. `whose` is one of
 * `energyOf`, `halfHour` and `minute` (0 to 29) say when, `tou` is the active TOU register.
 */
export function commitEnergy(
  journal: Journal,
  halfHour: number,
  minute: number,
  tou: number,
  whose: number,
  isMarked: boolean,
  wh: number[],
): void {
  let kept = whose
  if (whose === energyOf.ended && halfHour <= journal.newest) kept = energyOf.none
  const flags = tou | (isMarked ? markedFlag : 0)
  eachEnergyRecord(recordType.energy, halfHour, flags, kept | (minute << 2), wh, (bytes) => append(journal, bytes))
}

function closingRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.closing, journal.closingDay)
  putU24(bytes, 4, journal.enteredDay)
  for (let i = 0; i < 3; i++) putU16(bytes, 7 + 2 * i, journal.places[i]!)
  return bytes
}

/**
 * Says that the day being recorded becomes blocks, and a daily read is taken for the day entered. `places` of the rings
 * are to be up to date.
 */
export function noteClosing(journal: Journal, enteredDay: number): void {
  journal.closingDay = journal.day
  journal.enteredDay = enteredDay
  append(journal, closingRecord(journal))
}

function billingRecord(journal: Journal): Uint8Array {
  const bytes = record(recordType.billing, journal.billingNumber)
  putU16(bytes, 4, journal.places[3]!)
  return bytes
}

/** Says that entry `number` of the billing data log is about to be written; its place in `places` is to be up to date. */
export function noteBilling(journal: Journal, number: number): void {
  journal.billingNumber = number
  append(journal, billingRecord(journal))
}

/** Commits energy beyond what the connection can carry: it is in no register. */
export function commitExcess(journal: Journal, wh: number): void {
  journal.excessWh = Math.min(journal.excessWh + wh, 0xffffffffffff)
  append(journal, excessRecord(journal))
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
 * Finds its place and replays its page. Records are not checked one by one: each was read back when it was written, and only
 * the last can be torn (`openSlots`). A page with a record of no known type holds what this meter has not written: then all
 * are checked. The caller turns the page when there is none yet, or when something was left out.
 */
export function openJournal(flash: Flash, firstPage: number): Journal {
  const slots = openSlots(flash, firstPage, pageKind.journal)
  const bytes = slotsOf(slots)
  let journal = newJournal(slots)
  if (!take(journal, bytes, false)) {
    journal = newJournal(slots)
    take(journal, bytes, true)
  }
  return journal
}

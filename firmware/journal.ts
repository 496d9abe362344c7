// The journal: all energy as it is counted, every half-hour as it ends, every start (DESIGN.md, "Journal"). What it has
// committed is the meter's registers; replaying the newer of its two pages gives them back after a power cut.

import { crc16, putU16, putU24, putU32 } from '../protocol/bytes.ts'
import { dayOfHalfHour, firstHalfHourOfDay, halfHourMs, halfHourOf } from '../protocol/half-hour.ts'
import { halfHoursPerDay, touRegisters } from '../protocol/limits.ts'
import type { ProfileDay } from '../protocol/profile-coding.ts'
import type { Flash } from './board.ts'
import { pageKind, wornOut } from './flash-pages.ts'
import { eachEnergyRecord, energyOf, markedFlag, putU48, record, recordType, u48 } from './journal-record.ts'
import { openSlots, putSlot, type SlotLog, slotBytes, slotsOf, turnSlots } from './slot-log.ts'

export interface Journal {
  slots: SlotLog
  /** Starts of the meter, this one included. */
  boots: number
  /** Committed registers: active import, active export in Wh; reactive import, reactive export in varh. */
  registers: number[]
  /** Committed tariff TOU register matrix in Wh. */
  matrix: Float64Array
  /** What the meter's clock is ahead of the board's, in ms; when it was last set (UTC seconds), its drift in ppm. */
  clockAheadMs: number
  clockSetSeconds: number
  driftPpm: number
  /** Wh (varh) of all channels that were counted beyond what the connection can carry. */
  excessWh: number
  /** The day being recorded, 0 for none: 48 values of channel 0, then of channel 1, and so on; -1 is not recorded. */
  day: number
  wh: Int32Array
  marked: Uint8Array
  /** Nothing up to this half-hour is recorded any more: it is, or its day is over; -1 for none. */
  newest: number
  /** The half-hour that `running` belongs to, -1 for none, and what is committed of it on each channel, 0 for none. */
  runningHalfHour: number
  running: number[]
  /** The day that was last about to be closed, the day entered then, the entry of the billing log last about to be written. */
  closingDay: number
  enteredDay: number
  billingNumber: number
  /** Where each ring stood then (placeOf): day blocks of active import, of the others, daily reads, billing. */
  places: number[]
  /** The last instant, in ms of UTC, at which the meter is known to have run. */
  aliveMs: number
  /** Records that could not be read at the start. */
  spoilt: number
}

/** Forgets the day being recorded. */
export function forgetDay(journal: Journal): void {
  journal.day = 0
  journal.wh.fill(-1)
  journal.marked.fill(0)
}

/**
 * Takes records into account, one after the other. Read as 16-bit words, in one function and in its own variables, where
 * Espruino finds them soonest: a start has up to 255 records to take. With `isChecked` those with a wrong CRC are counted
 * and left out. Answers false when one has a type that there is not.
 */
function take(journal: Journal, bytes: Uint8Array, isChecked: boolean): boolean {
  let isKnown = true
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  const registers = journal.registers
  const matrix = journal.matrix
  const running = journal.running
  let runningHalfHour = journal.runningHalfHour
  let firstHalfHour = firstHalfHourOfDay(journal.day)
  let aliveMinute = 0
  for (let at = 0; at < words.length; at += slotBytes / 2) {
    const type = words[at]! & 255
    const number = (words[at]! >> 8) | (words[at + 1]! << 8)
    const flags = words[at + 2]!
    // Burnt, on a worn page where a bit can no longer be cleared: all but that bit is zero, the CRC too.
    if ((isChecked || words[at + 7] === 0) && crc16(bytes, at * 2, at * 2 + 14) !== words[at + 7]) {
      if (words[at + 7] !== 0) journal.spoilt += 1
      continue
    }
    if (type === recordType.energy || type === recordType.kept) {
      const whose = (flags >> 8) & 3
      const counts = type === recordType.energy
      if (whose === energyOf.none) runningHalfHour = -1
      else if (runningHalfHour !== number) {
        runningHalfHour = number
        running.fill(0)
      }
      const wh = words[at + 3]!
      running[0] = running[0]! + wh
      if (counts) {
        registers[0] = registers[0]! + wh
        matrix[flags & 63] = matrix[flags & 63]! + wh
      }
      if (words[at + 4]! + words[at + 5]! + words[at + 6]! > 0) {
        for (let i = 1; i < 4; i++) {
          running[i] = running[i]! + words[at + 3 + i]!
          if (counts) registers[i] = registers[i]! + words[at + 3 + i]!
        }
      }
      let minute = number * 30 + (flags >> 10)
      if (whose === energyOf.ended) {
        // What is not newer than everything recorded is left out.
        if (number > journal.newest) {
          journal.newest = number
          if (number - firstHalfHour >= halfHoursPerDay) {
            forgetDay(journal)
            journal.day = dayOfHalfHour(number)
            firstHalfHour = firstHalfHourOfDay(journal.day)
          }
          const half = number - firstHalfHour
          for (let i = 0; i < 4; i++) journal.wh[i * halfHoursPerDay + half] = running[i]!
          journal.marked[half] = (flags & markedFlag) !== 0 ? 1 : 0
        }
        runningHalfHour = -1
        minute = number * 30 + 30
      }
      if (minute > aliveMinute) aliveMinute = minute
    } else if (type === recordType.start) journal.boots = number
    else if (type === recordType.closing) {
      journal.closingDay = number
      journal.enteredDay = flags | ((words[at + 3]! & 255) << 16)
      for (let i = 0; i < 3; i++) journal.places[i] = (words[at + 3 + i]! >> 8) | ((words[at + 4 + i]! & 255) << 8)
    } else if (type === recordType.billing) {
      journal.billingNumber = number
      journal.places[3] = flags
    } else if (type === recordType.clock) {
      journal.driftPpm = number - 0x800000
      journal.clockAheadMs = u48(words, at + 2) - 0x800000000000
      journal.clockSetSeconds = words[at + 5]! + words[at + 6]! * 65536
    } else if (type === recordType.excess) journal.excessWh = u48(words, at + 2)
    else if (type === recordType.registers) {
      for (let i = 0; i < 2; i++) {
        const index = (number & 255) * 2 + i
        const value = u48(words, at + 1 + 3 * i)
        if (index < 4) registers[index] = value
        else matrix[index - 4] = value
      }
    } else if (type !== 0) isKnown = false
  }
  if (runningHalfHour < 0) running.fill(0)
  journal.runningHalfHour = runningHalfHour
  journal.aliveMs = Math.max(journal.aliveMs, aliveMinute * 60000)
  return isKnown
}

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

function newJournal(slots: SlotLog): Journal {
  return {
    slots: slots,
    boots: 0,
    registers: [0, 0, 0, 0],
    matrix: new Float64Array(touRegisters),
    clockAheadMs: 0,
    clockSetSeconds: 0,
    driftPpm: 0,
    excessWh: 0,
    day: 0,
    wh: new Int32Array(4 * halfHoursPerDay).fill(-1),
    marked: new Uint8Array(halfHoursPerDay),
    newest: -1,
    runningHalfHour: -1,
    running: [0, 0, 0, 0],
    closingDay: 0,
    enteredDay: 0,
    billingNumber: 0,
    places: [0, 0, 0, 0],
    aliveMs: 0,
    spoilt: 0,
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

// What a meter knows from its journal, and how the records of a page are replayed into it.

import { crc16, getU16, getU24, getU32 } from '../protocol/bytes.ts'
import { dayOfHalfHour, firstHalfHourOfDay, halfHourOf } from '../protocol/half-hour.ts'
import { halfHoursPerDay, touRegisters } from '../protocol/limits.ts'
import { energyOf, getU48, highFlag, markedFlag, recordType } from './journal-record.ts'
import { replaySegment, type Segment } from './segments.ts'
import { type SlotLog, slotBytes } from './slot-log.ts'

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
  /** Stretches of time with one setting of the clock (segments.ts), oldest first; empty while there was only one. */
  segments: Segment[]
  /** Wh (varh) that all inputs counted beyond what the connection can carry, since the meter is new. */
  excessWh: number
  /** Records that were left out because their CRC was wrong; true when no page of the journal could be read at all. */
  spoilt: number
  isNew: boolean
  /** The last instant, in ms of UTC, at which the meter is known to have run. */
  aliveMs: number
}

/** Forgets the day being recorded. */
export function forgetDay(journal: Journal): void {
  journal.day = 0
  journal.wh.fill(-1)
  journal.marked.fill(0)
}

/** Takes a record that comes seldom into account, which begins at `at`. */
function replayOther(journal: Journal, type: number, bytes: Uint8Array, at: number): void {
  const number = getU24(bytes, at + 1)
  if (type === recordType.closing) {
    journal.closingDay = getU16(bytes, at + 1)
    journal.enteredDay = getU16(bytes, at + 3)
    for (let i = 0; i < 3; i++) journal.places[i] = getU24(bytes, at + 5 + 3 * i)
  } else if (type === recordType.closing1) {
    journal.closingDay = number
    journal.enteredDay = getU24(bytes, at + 4)
  } else if (type === recordType.billing || type === recordType.billing1) {
    journal.billingNumber = number
    journal.places[3] = type === recordType.billing ? getU24(bytes, at + 4) : 0
  } else if (type === recordType.clock) {
    journal.driftPpm = number - 0x800000
    journal.clockAheadMs = getU48(bytes, at + 4) - 0x800000000000
    journal.clockSetSeconds = getU32(bytes, at + 10)
  } else if (type === recordType.registers) {
    for (let i = 0; i < 2; i++) {
      const index = (number & 255) * 2 + i
      const value = getU48(bytes, at + 2 + 6 * i)
      if (index < 4) journal.registers[index] = value
      else if (index < 4 + touRegisters) journal.matrix[index - 4] = value
    }
  } else if (type === recordType.excess) journal.excessWh = getU48(bytes, at + 4)
  else if (type === recordType.segment || type === recordType.segmentPlaces) replaySegment(journal.segments, bytes, at)
}

/**
 * Takes records into account, one after the other. Read as 16-bit words, in one function and in its own variables, where
 * Espruino finds them soonest: a start has up to 255 records to take.
 */
export function replay(journal: Journal, bytes: Uint8Array): void {
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
    if (words[at + 7] === 0 && crc16(bytes, at * 2, at * 2 + 14) !== 0) continue
    if (type === recordType.energy || type === recordType.kept) {
      const owner = (flags >> 8) & 3
      const counts = type === recordType.energy
      const unit = (flags & highFlag) !== 0 ? 0x10000 : 1
      if (owner === energyOf.none) runningHalfHour = -1
      else if (runningHalfHour !== number) {
        runningHalfHour = number
        running.fill(0)
      }
      const wh = words[at + 3]! * unit
      running[0] = running[0]! + wh
      if (counts) {
        registers[0] = registers[0]! + wh
        matrix[flags & 63] = matrix[flags & 63]! + wh
      }
      if (words[at + 4]! + words[at + 5]! + words[at + 6]! > 0) {
        for (let i = 1; i < 4; i++) {
          running[i] = running[i]! + words[at + 3 + i]! * unit
          if (counts) registers[i] = registers[i]! + words[at + 3 + i]! * unit
        }
      }
      let minute = number * 30 + (flags >> 10)
      if (owner === energyOf.ended) {
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
    else replayOther(journal, type, bytes, at * 2)
  }
  if (runningHalfHour < 0) running.fill(0)
  journal.runningHalfHour = runningHalfHour
  journal.aliveMs = Math.max(journal.aliveMs, aliveMinute * 60000)
}

export function emptyJournal(slots: SlotLog): Journal {
  return {
    slots: slots,
    boots: 0,
    registers: [0, 0, 0, 0],
    matrix: new Float64Array(touRegisters),
    clockAheadMs: 0,
    clockSetSeconds: 0,
    driftPpm: 0,
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
    segments: [],
    excessWh: 0,
    spoilt: 0,
    isNew: slots.page < 0,
    aliveMs: 0,
  }
}

/** The latest day that a day block can say, and so the latest that a journal can hold. */
const dayMax = 65534

/** True when what was replayed can be: the TOU registers add up to the import register, days are days. */
export function isSound(journal: Journal): boolean {
  let sum = 0
  for (let i = 0; i < touRegisters; i++) sum += journal.matrix[i]!
  const days = journal.newest < firstHalfHourOfDay(dayMax) && halfHourOf(journal.aliveMs) < firstHalfHourOfDay(dayMax)
  return sum === journal.registers[0] && days && journal.runningHalfHour < firstHalfHourOfDay(dayMax)
}

/** Makes registers that do not add up, because records are lost, add up again: the matrix decides, up to the register. */
export function repair(journal: Journal): void {
  let sum = 0
  for (let i = 0; i < touRegisters; i++) sum += journal.matrix[i]!
  if (sum < journal.registers[0]!) journal.matrix[0] = journal.matrix[0]! + journal.registers[0]! - sum
  else journal.registers[0] = sum
}

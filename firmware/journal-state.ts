// What the journal has committed, and how its records are taken into account (DESIGN.md, "Journal").

import { crc16 } from '../protocol/bytes.ts'
import { dayOfHalfHour, firstHalfHourOfDay } from '../protocol/half-hour.ts'
import { halfHoursPerDay, touRegisters } from '../protocol/limits.ts'
import { energyOf, markedFlag, recordType, u48 } from './journal-record.ts'
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

/** Takes a record that is no energy into account; false when it has a type that there is not. */
function takeOther(journal: Journal, words: Uint16Array, at: number): boolean {
  const type = words[at]! & 255
  const number = (words[at]! >> 8) | (words[at + 1]! << 8)
  const flags = words[at + 2]!
  if (type === recordType.start) journal.boots = number
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
      if (index < 4) journal.registers[index] = value
      else journal.matrix[index - 4] = value
    }
  } else return type === 0
  return true
}

/**
 * Takes records into account, one after the other. Read as 16-bit words, in one function and in its own variables, where
 * Espruino finds them soonest: a start has up to 255 records to take. With `isChecked` those with a wrong CRC are counted
 * and left out. Answers false when one has a type that there is not.
 */
export function take(journal: Journal, bytes: Uint8Array, isChecked: boolean): boolean {
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
    } else if (!takeOther(journal, words, at)) isKnown = false
  }
  if (runningHalfHour < 0) running.fill(0)
  journal.runningHalfHour = runningHalfHour
  journal.aliveMs = Math.max(journal.aliveMs, aliveMinute * 60000)
  return isKnown
}

/** A journal of which nothing is known yet. */
export function newJournal(slots: SlotLog): Journal {
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

// What happens as time passes: pulses become half-hours and days, and the tariff switches (DESIGN.md, "Half-hours").

import { eventCode } from '../protocol/event-entry.ts'
import { dayOfHalfHour, halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'
import { countPulses, hasCounted, isCheckpointDue, type Metering, secondsOf, timeOf } from './counting.ts'
import { quirk } from './device-profiles.ts'
import { addEvent } from './event-log.ts'
import { commitEnergy, commitExcess } from './journal.ts'
import { energyOf } from './journal-record.ts'
import { enterDay } from './logs.ts'
import { registerAt, switchGrainMs } from './tariff.ts'

export function note(metering: Metering, code: number, value: number, detail: number): void {
  addEvent(metering.logs.events, code, secondsOf(metering), value, detail)
}

export function commit(metering: Metering, whose: number, isMarked: boolean): void {
  const journal = metering.logs.journal
  const minute = Math.floor((timeOf(metering) - startOfHalfHour(metering.halfHour)) / 60000)
  const within = Math.min(29, Math.max(0, minute))
  commitEnergy(journal, metering.halfHour, within, metering.tou, whose, isMarked, metering.wh)
}

/** Commits all that is counted; what runs goes on. */
export function commitAll(metering: Metering): void {
  if (hasCounted(metering, 1)) commit(metering, metering.lost ? energyOf.none : energyOf.running, false)
}

/** What is counted and committed of the running half-hour belongs to no half-hour. */
export function commitToNone(metering: Metering): void {
  if (hasCounted(metering, 1) || metering.logs.journal.runningHalfHour >= 0) commit(metering, energyOf.none, false)
}

/** Begins a half-hour, in which each channel may count what the connection can carry. */
export function beginHalfHour(metering: Metering, halfHour: number): void {
  const journal = metering.logs.journal
  const excessWh = metering.excessWh
  if (excessWh > 0) {
    commitExcess(journal, excessWh)
    if (!metering.wasOver) note(metering, eventCode.overCapacity, excessWh, 0)
  }
  metering.wasOver = excessWh > 0
  metering.excessWh = 0
  metering.halfHour = halfHour
  for (let i = 0; i < 4; i++) {
    const counted = journal.runningHalfHour === halfHour ? journal.running[i]! : 0
    metering.room[i] = Math.max(0, metering.settings.configuration.halfHourWhMax - counted)
  }
}

/** Looks the active TOU register up, once a quarter of an hour; what was counted until then is the old one's. */
export function switchTariff(metering: Metering, nowMs: number): void {
  const quarter = Math.floor(nowMs / switchGrainMs)
  if (quarter === metering.quarter) return
  metering.quarter = quarter
  const register = registerAt(metering.settings.configuration.tariff, nowMs)
  if (register === metering.tou) return
  commitAll(metering)
  metering.tou = register
}

/**
 * Enters a day that the time has not been in before. After one that was entered too early, by a clock that was wrong, the
 * days that do come are entered for the sake of the day being recorded, which is over then.
 */
export function passMidnight(metering: Metering, late: boolean): void {
  if (metering.lost && !(metering.quirks & quirk.snapshotsWithoutClock)) return
  const day = dayOfHalfHour(metering.halfHour)
  const recorded = metering.logs.journal.day
  if (day <= metering.day && (recorded === 0 || day <= recorded)) return
  metering.day = Math.max(metering.day, day)
  enterDay(metering.logs, day, late || metering.lost, metering.settings.configuration.billingDay)
}

/**
 * Brings half-hours, days and the tariff to the meter's time. `stepped` says that the clock was changed.
 *
 * - Time moved into the next half-hour: the running one has ended, with all that was counted.
 * - Time jumped ahead: the running one ends marked, with what was counted up to the last call; what came in between
 *   belongs to no half-hour, those jumped over stay missing, the new one is marked.
 * - Time went back: the running one is given up, the one landed in is marked; nothing recorded is written over.
 * - The time is lost: energy is counted, in no half-hour.
 */
export function passTime(metering: Metering, stepped: boolean): void {
  const nowMs = timeOf(metering)
  const halfHour = halfHourOf(nowMs)
  const passed = halfHour - metering.halfHour
  const disturbed = stepped || passed > 1 || passed < 0
  if (metering.lost) {
    countPulses(metering)
    if (passed !== 0) commitToNone(metering)
  } else if (passed === 0) {
    countPulses(metering)
    if (stepped) metering.marked = true
  } else {
    if (!disturbed) countPulses(metering)
    if (passed > 0) commit(metering, energyOf.ended, metering.marked || disturbed || metering.excessWh > 0)
    if (disturbed) {
      countPulses(metering)
      commitToNone(metering)
    }
    metering.marked = disturbed
  }
  if (passed !== 0) beginHalfHour(metering, halfHour)
  passMidnight(metering, disturbed)
  switchTariff(metering, nowMs)
  if (isCheckpointDue(metering)) {
    metering.checkpoints -= 1
    commitAll(metering)
  }
}

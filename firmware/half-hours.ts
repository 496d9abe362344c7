// How time passes: when a half-hour ends, whether it was whole, which TOU register counts, what enters with a new day (DESIGN.md,
// "Half-hours"). All of it acts on one plain state.

import { eventCode } from '../protocol/event-entry.ts'
import { dayOfHalfHour, halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'
import { countPulses, hasCounted, isCheckpointDue, type Metering, secondsOf, timeOf } from './counting.ts'
import { enterDay, startSegment } from './day-end.ts'
import { quirk } from './device-profiles.ts'
import { addEvent } from './event-log.ts'
import { commitEnergy, commitExcess } from './journal.ts'
import { energyOf } from './journal-record.ts'
import { lastNumber } from './logs.ts'
import { registerAt, switchGrainMs } from './tariff.ts'

export function note(metering: Metering, code: number, value: number, detail: number): void {
  addEvent(metering.logs.events, code, secondsOf(metering), value, detail)
}

export function commit(metering: Metering, owner: number, isMarked: boolean): void {
  const journal = metering.logs.journal
  const minute = Math.floor((timeOf(metering) - startOfHalfHour(metering.halfHour)) / 60000)
  const within = Math.min(29, Math.max(0, minute))
  commitEnergy(journal, metering.halfHour, within, metering.tou, owner, isMarked, metering.wh)
}

/** Commits all that is counted; what runs goes on. */
export function commitAll(metering: Metering): void {
  if (hasCounted(metering, 1)) commit(metering, metering.lost ? energyOf.none : energyOf.running, false)
}

/** What is counted and committed of the running half-hour belongs to no half-hour. */
export function commitToNone(metering: Metering): void {
  if (hasCounted(metering, 1) || metering.logs.journal.runningHalfHour >= 0) commit(metering, energyOf.none, false)
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

/** Begins to count for a half-hour anew; says what was counted in the one before beyond what the connection can carry. */
export function beginHalfHour(metering: Metering, halfHour: number): void {
  const journal = metering.logs.journal
  if (metering.excessWh > 0) {
    commitExcess(journal, metering.excessWh)
    if (!metering.wasOver) note(metering, eventCode.overCapacity, metering.excessWh, 0)
  }
  metering.wasOver = metering.excessWh > 0
  metering.excessWh = 0
  metering.halfHour = halfHour
  for (let i = 0; i < 4; i++) {
    const before = journal.runningHalfHour === halfHour ? journal.running[i]! : 0
    metering.room[i] = Math.max(0, metering.settings.configuration.halfHourWhMax - before)
  }
}

/**
 * Brings half-hours, days and the tariff to the meter's time. `stepped` says that the clock was changed.
 *
 * - Time moved into the next half-hour: the running one has ended, with all that was counted.
 * - Time jumped ahead: the running one ends marked, with what was counted up to the last call; what came in between
 *   belongs to no half-hour, those jumped over stay missing, the new one is marked.
 * - Time went back, by less than a day: the running one is given up, the one landed in is marked; nothing recorded is
 *   written over. By a day or more: `beginTime`.
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

/**
 * The time becomes `utcMs`, a day or more away from what it was: the running half-hour ends, what is recorded from now on
 * stays apart. `stepSeconds` is by how much the clock changes, undefined when nobody can say.
 */
export function beginTime(
  metering: Metering,
  utcMs: number,
  stepSeconds: number | undefined,
  change: () => void,
): void {
  const journal = metering.logs.journal
  if (!metering.lost) {
    commit(metering, energyOf.ended, true)
    countPulses(metering)
    commitToNone(metering)
  }
  startSegment(metering.logs, stepSeconds, halfHourOf(utcMs), () => {
    journal.aliveMs = utcMs
    change()
  })
  metering.day = lastNumber(metering.logs.dailyReads)
  metering.marked = true
  beginHalfHour(metering, halfHourOf(utcMs))
}

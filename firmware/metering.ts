// From pulses and time to the logs: when a half-hour ends, whether it was whole, which TOU register counts, what a step
// of the clock does (DESIGN.md, "Half-hours" and "Clock"). All of it acts on one plain state.

import { eventCode } from '../protocol/event-entry.ts'
import { dayOfHalfHour, halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'
import type { Board } from './board.ts'
import {
  clockSetMs,
  clockStepMs,
  countPulses,
  hasCounted,
  jumpOf,
  type Metering,
  takeTimes,
  timeOf,
} from './counting.ts'
import { deviceProfile, quirk } from './device-profiles.ts'
import { addEvent } from './event-log.ts'
import { commitClock, commitEnergy } from './journal.ts'
import { energyOf } from './journal-record.ts'
import { enterDay, lastNumber, openLogs } from './logs.ts'
import type { Settings } from './settings.ts'
import { registerAt, switchGrainMs } from './tariff.ts'

/** Drift is estimated over an hour at least, and not from a change that no crystal makes. */
const driftOverSeconds = 3600
const driftPpmMax = 1000

/** UTC seconds for a log entry; 0 while the time is lost. */
export function secondsOf(metering: Metering): number {
  return metering.lost ? 0 : Math.floor(timeOf(metering) / 1000)
}

export function note(metering: Metering, code: number, value: number, detail: number): void {
  addEvent(metering.logs.events, code, secondsOf(metering), value, detail)
}

function commit(metering: Metering, whose: number, isMarked: boolean): void {
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
function commitToNone(metering: Metering): void {
  if (hasCounted(metering, 1) || metering.logs.journal.runningHalfHour >= 0) commit(metering, energyOf.none, false)
}

/** Looks the active TOU register up, once a quarter of an hour; what was counted until then is the old one's. */
function switchTariff(metering: Metering, nowMs: number): void {
  const quarter = Math.floor(nowMs / switchGrainMs)
  if (quarter === metering.quarter) return
  metering.quarter = quarter
  const register = registerAt(metering.settings.configuration.tariff, nowMs)
  if (register === metering.tou) return
  commitAll(metering)
  metering.tou = register
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
function passTime(metering: Metering, stepped: boolean): void {
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
    if (passed > 0) commit(metering, energyOf.ended, metering.marked || disturbed)
    if (disturbed) {
      countPulses(metering)
      commitToNone(metering)
    }
    metering.marked = disturbed
  }
  metering.halfHour = halfHour
  const day = dayOfHalfHour(halfHour)
  if (day > metering.day && (!metering.lost || metering.quirks & quirk.snapshotsWithoutClock)) {
    metering.day = day
    enterDay(metering.logs, day, disturbed || metering.lost, metering.settings.configuration.billingDay)
  }
  switchTariff(metering, nowMs)
  if (hasCounted(metering, metering.settings.configuration.checkpointWh)) commitAll(metering)
}

/** The power that was off until the meter started, once it is known what the time was then. */
function noteOutage(metering: Metering): void {
  if (metering.offSinceMs < 0) return
  const onMs = timeOf(metering) - (metering.upMs - metering.startUpMs)
  const seconds = Math.floor((onMs - metering.offSinceMs) / 1000)
  const estimated = metering.logs.events.lastCode === eventCode.lastGasp ? 0 : 1
  const since = Math.floor(metering.offSinceMs / 1000)
  if (seconds > 0) addEvent(metering.logs.events, eventCode.powerOutage, since, seconds, estimated)
  metering.offSinceMs = -1
}

/** Takes the configuration into account, after a start and after a change. */
export function configure(metering: Metering): void {
  const configuration = metering.settings.configuration
  const profile = deviceProfile(configuration.deviceProfile)
  metering.quirks = profile.quirks | configuration.quirks
  metering.dailyReads = configuration.dailyReads > 0 ? configuration.dailyReads : profile.dailyReads
  metering.logs.averagePower = (metering.quirks & quirk.averagePower) !== 0
  metering.quarter = -1
}

/** Starts metering: finds what was recorded, closes what a power cut left open, and goes on from the board's time. */
export function startMetering(board: Board, settings: Settings): Metering {
  const logs = openLogs(board.flash)
  const journal = logs.journal
  const aliveMs = Math.max(journal.aliveMs, logs.events.lastSeconds * 1000)
  const boardMs = board.nowMs()
  const upMs = board.upMs()
  // Pulses from before the start belong to no time that this meter knows.
  board.takePulses()
  const metering: Metering = {
    board: board,
    settings: settings,
    logs: logs,
    quirks: 0,
    dailyReads: 0,
    wh: [0, 0, 0, 0],
    rest: [0, 0, 0, 0],
    halfHour: 0,
    marked: true,
    day: lastNumber(logs.dailyReads),
    tou: 0,
    quarter: -1,
    lost: boardMs < clockSetMs,
    boardMs: boardMs,
    upMs: upMs,
    nextBoardMs: boardMs,
    nextUpMs: upMs,
    pulses: [0, 0, 0, 0],
    estimateMs: aliveMs,
    startUpMs: upMs,
    offSinceMs: journal.aliveMs > 0 ? aliveMs : -1,
  }
  configure(metering)
  const nowMs = timeOf(metering)
  const halfHour = halfHourOf(nowMs)
  const isFirst = journal.aliveMs === 0
  if (journal.runningHalfHour >= 0 && (metering.lost || journal.runningHalfHour !== halfHour)) {
    // Power failed in that half-hour: what is committed of it is what it had.
    metering.halfHour = journal.runningHalfHour
    commit(metering, energyOf.ended, true)
  }
  metering.halfHour = halfHour
  metering.marked = startOfHalfHour(halfHour) !== nowMs
  if (metering.lost) note(metering, eventCode.clockLost, 0, 0)
  else noteOutage(metering)
  note(metering, eventCode.started, journal.boots, 0)
  const day = dayOfHalfHour(halfHour)
  // A new meter has lived through no midnight.
  if (isFirst && !metering.lost) metering.day = day
  if (!isFirst && !metering.lost && day > metering.day) {
    metering.day = day
    enterDay(logs, day, metering.marked || halfHour % 48 !== 0, settings.configuration.billingDay)
  }
  switchTariff(metering, nowMs)
  return metering
}

/** Does what `countOnly` found due: the end of a half-hour or a day, a switch of the tariff, a jump of the board's clock. */
export function settle(metering: Metering): void {
  let jumpMs = jumpOf(metering)
  const wasUnset = metering.boardMs < clockSetMs
  takeTimes(metering)
  if (wasUnset && metering.boardMs >= clockSetMs) {
    // Somebody has set the board's own clock: it is believed from now on.
    if (metering.lost) {
      countPulses(metering)
      changeClock(metering, metering.boardMs, 1)
      return
    }
    jumpMs = -metering.logs.journal.clockAheadMs
    const setSeconds = Math.floor(metering.boardMs / 1000)
    commitClock(metering.logs.journal, 0, setSeconds, metering.logs.journal.driftPpm)
  }
  const stepped = !metering.lost && Math.abs(jumpMs) >= clockStepMs
  if (stepped) {
    const seconds = Math.floor(Math.abs(jumpMs) / 1000)
    note(metering, jumpMs > 0 ? eventCode.clockForward : eventCode.clockBack, seconds, 1)
  }
  passTime(metering, stepped)
}

/**
 * Sets the meter's clock to `utcMs`. Answers by how much it stepped, in ms, 0 when the time was lost. `unasked` is 1 when
 * it is the board that brings the time, 0 when it was told to.
 */
export function changeClock(metering: Metering, utcMs: number, unasked: number): number {
  const journal = metering.logs.journal
  const wasLost = metering.lost
  const stepMs = wasLost ? 0 : utcMs - timeOf(metering)
  const elapsed = utcMs / 1000 - journal.clockSetSeconds
  let driftPpm = journal.driftPpm
  if (!wasLost && journal.clockSetSeconds > 0 && elapsed >= driftOverSeconds) {
    // A clock that had to be set back runs fast.
    const ppm = Math.round((-stepMs * 1000) / elapsed)
    if (Math.abs(ppm) <= driftPpmMax) driftPpm = ppm
  }
  if (wasLost) commitToNone(metering)
  metering.lost = false
  commitClock(journal, utcMs - metering.boardMs, Math.floor(utcMs / 1000), driftPpm)
  const stepped = Math.abs(stepMs) >= clockStepMs
  if (!stepped) note(metering, eventCode.clockSet, 0, unasked)
  else {
    const seconds = Math.floor(Math.abs(stepMs) / 1000)
    note(metering, stepMs > 0 ? eventCode.clockForward : eventCode.clockBack, seconds, unasked)
  }
  noteOutage(metering)
  if (wasLost) {
    metering.halfHour = halfHourOf(utcMs)
    metering.marked = true
  }
  passTime(metering, stepped || wasLost)
  return stepMs
}

/** Commits what is counted, and says that power is about to fail. */
export function powerFails(metering: Metering): void {
  commitAll(metering)
  note(metering, eventCode.lastGasp, 0, 0)
}

// What writes to flash, action by action: a start, a step of the clock, settings, billing (DESIGN.md, "Clock"). What happens
// as time passes is in half-hours.ts. All of it acts on one plain state.

import { sameBytes } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { dayOfHalfHour, halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'
import { snapshotCause } from '../protocol/register-snapshot.ts'
import {
  clockSetMs,
  clockStepMs,
  countPulses,
  jumpOf,
  type Metering,
  secondsOf,
  takeTimes,
  timeOf,
} from './counting.ts'
import { deviceProfile, quirk } from './device-profiles.ts'
import { acknowledgeAlerts, addEvent } from './event-log.ts'
import { flashFormat } from './flash-pages.ts'
import {
  beginHalfHour,
  commit,
  commitAll,
  commitToNone,
  note,
  passMidnight,
  passTime,
  switchTariff,
} from './half-hours.ts'
import { commitClock, countStart } from './journal.ts'
import { energyOf } from './journal-record.ts'
import { lastNumber, openLogs, takeBilling } from './logs.ts'
import { decodeConfiguration, readSettings, writeSettings } from './settings.ts'

/** Drift is estimated over an hour at least, and not from a change that no crystal makes. */
const driftOverSeconds = 3600
const driftPpmMax = 1000

/** Enters by how much the clock moved; a correction has an entry too, without a value. */
function noteStep(metering: Metering, stepMs: number, unasked: number): void {
  const isStep = Math.abs(stepMs) >= clockStepMs
  const code = isStep ? (stepMs > 0 ? eventCode.clockForward : eventCode.clockBack) : eventCode.clockSet
  note(metering, code, isStep ? Math.round(Math.abs(stepMs) / 1000) : 0, unasked)
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
function configure(metering: Metering): void {
  const configuration = metering.settings.configuration
  const profile = deviceProfile(configuration.deviceProfile)
  metering.quirks = profile.quirks | configuration.quirks
  metering.dailyReads = configuration.dailyReads > 0 ? configuration.dailyReads : profile.dailyReads
  metering.logs.averagePower = (metering.quirks & quirk.averagePower) !== 0
  metering.quarter = -1
}

/**
 * Starts metering: finds what was recorded, closes what a power cut left open, and goes on from the board's time.
 * @throws Error when the flash holds no settings
 */
function startMetering(metering: Metering): void {
  const board = metering.board
  const settings = readSettings(board.flash)
  if (!settings) throw new Error('no settings')
  // Before anything that worn-out flash may stop: the meter still says who it is.
  metering.settings = settings
  const logs = openLogs(board.flash)
  const journal = logs.journal
  const aliveMs = Math.max(journal.aliveMs, logs.events.lastSeconds * 1000)
  // Pulses from before the start belong to no time that this meter knows.
  board.takePulses()
  metering.logs = logs
  metering.nextBoardMs = board.nowMs()
  metering.nextUpMs = board.upMs()
  takeTimes(metering)
  metering.day = lastNumber(logs.dailyReads)
  metering.lost = metering.boardMs < clockSetMs
  // Set while the board's own clock was at its beginning, it says nothing about one that shows the time.
  if (journal.clockSetSeconds * 1000 - journal.clockAheadMs < clockSetMs) journal.clockAheadMs = 0
  metering.estimateMs = aliveMs
  metering.startUpMs = metering.upMs
  if (journal.aliveMs > 0) metering.offSinceMs = aliveMs
  configure(metering)
  const nowMs = timeOf(metering)
  const halfHour = halfHourOf(nowMs)
  const isFirst = journal.aliveMs === 0
  if (journal.runningHalfHour >= 0 && (metering.lost || journal.runningHalfHour !== halfHour)) {
    // Power failed in that half-hour: what is committed of it is what it had.
    metering.halfHour = journal.runningHalfHour
    commit(metering, energyOf.ended, true)
  }
  beginHalfHour(metering, halfHour)
  metering.marked = startOfHalfHour(halfHour) !== nowMs
  if (logs.isJournalLost || logs.spoilt > 0)
    note(metering, eventCode.logsUnreadable, logs.spoilt, logs.isJournalLost ? 1 : 0)
  if (metering.lost) note(metering, eventCode.clockLost, 0, 0)
  else noteOutage(metering)
  note(metering, eventCode.started, journal.boots, 0)
  // A new meter has lived through no midnight.
  if (isFirst && !metering.lost) metering.day = dayOfHalfHour(halfHour)
  passMidnight(metering, metering.marked || halfHour % 48 !== 0)
  switchTariff(metering, nowMs)
}

/** Does what `countOnly` found due: the end of a half-hour or a day, a switch of the tariff, a jump of the board's clock. */
function settle(metering: Metering): void {
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
    jumpMs -= metering.logs.journal.clockAheadMs
    const setSeconds = Math.floor(metering.boardMs / 1000)
    commitClock(metering.logs.journal, 0, setSeconds, metering.logs.journal.driftPpm)
  }
  const stepped = !metering.lost && Math.abs(jumpMs) >= clockStepMs
  if (stepped) noteStep(metering, jumpMs, 1)
  passTime(metering, stepped)
}

/**
 * Sets the meter's clock to `utcMs`. Answers by how much it stepped, in ms, 0 when the time was lost. `unasked` is 1 when
 * it is the board that brings the time, 0 when it was told to.
 */
function changeClock(metering: Metering, utcMs: number, unasked: number): number {
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
  noteStep(metering, stepMs, unasked)
  noteOutage(metering)
  if (wasLost) {
    beginHalfHour(metering, halfHourOf(utcMs))
    metering.marked = true
  }
  passTime(metering, stepped || wasLost)
  return stepMs
}

function writeConfiguration(metering: Metering, bytes: Uint8Array): void {
  const settings = metering.settings
  // What was counted until now was counted under the old settings.
  commitAll(metering)
  const old = settings.configuration
  settings.configuration = decodeConfiguration(bytes, flashFormat)
  // What does not make a whole Wh at one rate is something else at another.
  if (old.pulsesPerKwh !== settings.configuration.pulsesPerKwh) metering.rest = [0, 0, 0, 0]
  settings.version += 1
  writeSettings(metering.board.flash, settings)
  note(metering, eventCode.settingsWritten, settings.version, 0)
  configure(metering)
  for (let i = 0; i < 4; i++) {
    metering.room[i] = Math.min(metering.room[i]!, settings.configuration.halfHourWhMax)
  }
  if (!sameBytes(old.tariff, settings.configuration.tariff)) {
    takeBilling(metering.logs, snapshotCause.tariffChange, false, secondsOf(metering))
  }
}

/** What `act` may be asked to do. */
export const action = {
  /** Start; nothing else works before. */
  start: 0,
  /** Do what `countOnly` found due. */
  settle: 1,
  /** Commit all that is counted. */
  commit: 2,
  /** Power is about to fail: commit all that is counted, and say so. */
  powerFails: 3,
  /** Count a start more, because the session numbers of this one are used up. */
  countStart: 4,
  /** Set the clock to `value`, in ms of UTC; answers by how much it stepped. */
  setClock: 5,
  /** Take an entry of the billing data log for the cause `value`; answers its number, 0 when it does not fit. */
  takeBilling: 6,
  /** Keep alerts up to the sequence `value` from being pushed again. */
  acknowledge: 7,
  /** Enter the event `value` with its value `detail`. */
  note: 8,
  /** Write the configuration in `bytes`. */
  configure: 9,
  /** Enter that the firmware met an error of its own. */
  failed: 10,
} as const

/**
 * Everything that writes to flash. One function, so that on a board all that only it needs is in memory while it is at
 * work and not otherwise (hardware/sink.ts).
 */
export function act(metering: Metering, what: number, value?: number, detail?: number, bytes?: Uint8Array): number {
  if (what === action.start) startMetering(metering)
  else if (what === action.settle) settle(metering)
  else if (what === action.setClock) return changeClock(metering, value!, 0)
  else if (what === action.countStart) countStart(metering.logs.journal)
  else if (what === action.acknowledge) acknowledgeAlerts(metering.logs.events, value!)
  else if (what === action.note) note(metering, value!, detail!, 0)
  else if (what === action.failed) note(metering, eventCode.exception, 0, 0)
  else if (what === action.configure) writeConfiguration(metering, bytes!)
  else {
    commitAll(metering)
    if (what === action.powerFails) note(metering, eventCode.lastGasp, 0, 0)
    if (what === action.takeBilling) return takeBilling(metering.logs, value!, false, secondsOf(metering))
  }
  return 0
}

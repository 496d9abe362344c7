// From pulses and time to the logs: when a half-hour ends, whether it was whole, which TOU register counts, what a step
// of the clock does (DESIGN.md, "Half-hours" and "Clock"). All of it acts on one plain state.

import { sameBytes } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { dayOfHalfHour, halfHourOf, startOfHalfHour } from '../protocol/half-hour.ts'
import { snapshotCause } from '../protocol/register-snapshot.ts'
import {
  clockSetMs,
  clockStepMs,
  countPulses,
  hasCounted,
  isCheckpointDue,
  jumpOf,
  type Metering,
  secondsOf,
  takeTimes,
  timeOf,
} from './counting.ts'
import { deviceProfile, quirk } from './device-profiles.ts'
import { acknowledgeAlerts, addEvent } from './event-log.ts'
import { flashFormat } from './flash-pages.ts'
import { commitClock, commitEnergy, commitExcess, countStart } from './journal.ts'
import { energyOf } from './journal-record.ts'
import { enterDay, lastNumber, openLogs, takeBilling } from './logs.ts'
import { decodeConfiguration, readSettings, writeSettings } from './settings.ts'
import { registerAt, switchGrainMs } from './tariff.ts'

/** Drift is estimated over an hour at least, and not from a change that no crystal makes. */
const driftOverSeconds = 3600
const driftPpmMax = 1000

function note(metering: Metering, code: number, value: number, detail: number): void {
  addEvent(metering.logs.events, code, secondsOf(metering), value, detail)
}

/** Enters by how much the clock moved; a correction has an entry too, without a value. */
function noteStep(metering: Metering, stepMs: number, unasked: number): void {
  const isStep = Math.abs(stepMs) >= clockStepMs
  const code = isStep ? (stepMs > 0 ? eventCode.clockForward : eventCode.clockBack) : eventCode.clockSet
  note(metering, code, isStep ? Math.round(Math.abs(stepMs) / 1000) : 0, unasked)
}

function commit(metering: Metering, whose: number, isMarked: boolean): void {
  const journal = metering.logs.journal
  const minute = Math.floor((timeOf(metering) - startOfHalfHour(metering.halfHour)) / 60000)
  const within = Math.min(29, Math.max(0, minute))
  commitEnergy(journal, metering.halfHour, within, metering.tou, whose, isMarked, metering.wh)
}

/** Commits all that is counted; what runs goes on. */
function commitAll(metering: Metering): void {
  if (hasCounted(metering, 1)) commit(metering, metering.lost ? energyOf.none : energyOf.running, false)
}

/** What is counted and committed of the running half-hour belongs to no half-hour. */
function commitToNone(metering: Metering): void {
  if (hasCounted(metering, 1) || metering.logs.journal.runningHalfHour >= 0) commit(metering, energyOf.none, false)
}

/** Begins a half-hour, in which each channel may count what the connection can carry. */
function beginHalfHour(metering: Metering, halfHour: number): void {
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
 * Enters a day that the time has not been in before. After one that was entered too early, by a clock that was wrong, the
 * days that do come are entered for the sake of the day being recorded, which is over then.
 */
function passMidnight(metering: Metering, late: boolean): void {
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
  const logs = openLogs(board.flash)
  const journal = logs.journal
  const aliveMs = Math.max(journal.aliveMs, logs.events.lastSeconds * 1000)
  // Pulses from before the start belong to no time that this meter knows.
  board.takePulses()
  metering.settings = settings
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
  else if (what === action.configure) writeConfiguration(metering, bytes!)
  else {
    commitAll(metering)
    if (what === action.powerFails) note(metering, eventCode.lastGasp, 0, 0)
    if (what === action.takeBilling) return takeBilling(metering.logs, value!, false, secondsOf(metering))
  }
  return 0
}

// Pulses to energy, and whether anything else is due. This much of the meter is at work four times a second; everything
// else waits until `countOnly` says so (meter.ts).

import type { Board } from './board.ts'
import type { Logs } from './logs.ts'
import type { Settings } from './settings.ts'
import { switchGrainMs } from './tariff.ts'

/** 2024-01-01T00:00Z. A clock before it was never set: boards begin at 1970 or 2000 when they get power. */
export const clockSetMs = 1704067200000

/** A change of the clock by less is a correction: it marks no half-hour. */
export const clockStepMs = 2000

/**
 * So many records may be written at once within half-hours, and one more every two minutes: 720 a day, whatever the inputs
 * count. They turn some three pages of the journal a day, so a page is erased 600 times a year at most.
 */
export const checkpointsMax = 255
const checkpointEveryMs = 120000

export interface Metering {
  board: Board
  settings: Settings
  logs: Logs
  /** Quirks of the device profile and of the configuration together. */
  quirks: number
  /** Entries of the daily read log. */
  dailyReads: number
  /** Whole Wh (varh) of the four channels that are counted and not committed yet. */
  wh: number[]
  /** Thousandths of (Wh x pulses per kWh) that do not make a whole Wh yet; less than 1 Wh a channel is lost with power. */
  rest: number[]
  /** Wh (varh) that each channel may still count in the half-hour, and what all counted beyond that in it. */
  room: number[]
  excessWh: number
  /** True when the half-hour before had such energy too: the first of a run is an event. */
  wasOver: boolean
  /** Records that may still be written within half-hours, and since when one more may come. */
  checkpoints: number
  checkpointUpMs: number
  /** The half-hour that runs, and whether it did not begin on time, undisturbed. */
  halfHour: number
  marked: boolean
  /** The latest day entered. */
  day: number
  /** The active TOU register, and the quarter of an hour for which it was looked up; -1 for none. */
  tou: number
  quarter: number
  /** True while the time is not known. */
  lost: boolean
  /** What the board's clocks showed when the state was last brought up to date. */
  boardMs: number
  upMs: number
  /** What they show in this step, and the pulses that it found and that are not counted yet. */
  nextBoardMs: number
  nextUpMs: number
  pulses: number[]
  /** While the time is lost: an estimate of it when the meter started. */
  estimateMs: number
  startUpMs: number
  /** Since when power was off, in UTC ms, until the time is known; -1 when there is nothing to say. */
  offSinceMs: number
}

/** The state of a meter that has not started yet: its settings and its logs come with the start. */
export function newMetering(board: Board): Metering {
  const state = {
    board: board,
    quirks: 0,
    dailyReads: 0,
    wh: [0, 0, 0, 0],
    rest: [0, 0, 0, 0],
    room: [0, 0, 0, 0],
    excessWh: 0,
    wasOver: false,
    checkpoints: checkpointsMax,
    checkpointUpMs: 0,
    halfHour: 0,
    marked: true,
    day: 0,
    tou: 0,
    quarter: -1,
    lost: false,
    boardMs: 0,
    upMs: 0,
    nextBoardMs: 0,
    nextUpMs: 0,
    pulses: [0, 0, 0, 0],
    estimateMs: 0,
    startUpMs: 0,
    offSinceMs: -1,
  }
  return state as Metering
}

/** The meter's time in ms of UTC: an estimate while it is lost. */
export function timeOf(metering: Metering): number {
  return metering.lost
    ? metering.estimateMs + metering.upMs - metering.startUpMs
    : metering.boardMs + metering.logs.journal.clockAheadMs
}

/** UTC seconds for a log entry; 0 while the time is lost. */
export function secondsOf(metering: Metering): number {
  return metering.lost ? 0 : Math.floor(timeOf(metering) / 1000)
}

/** Counts the pulses that this step found. What is more than the connection can carry in a half-hour is counted apart. */
export function countPulses(metering: Metering): void {
  const rate = metering.settings.configuration.pulsesPerKwh
  for (let i = 0; i < 4; i++) {
    if (!metering.pulses[i]) continue
    const rest = metering.rest[i]! + metering.pulses[i]! * 1000
    const whole = Math.floor(rest / rate)
    metering.rest[i] = rest - whole * rate
    const taken = Math.min(whole, metering.room[i]!)
    metering.room[i] = metering.room[i]! - taken
    metering.excessWh += whole - taken
    metering.wh[i] = metering.wh[i]! + taken
    metering.pulses[i] = 0
  }
}

/** True when so much is counted and not committed on any channel. */
export function hasCounted(metering: Metering, wh: number): boolean {
  for (let i = 0; i < 4; i++) if (metering.wh[i]! >= wh) return true
  return false
}

/** True when enough is counted to be committed within the half-hour, and no more records are written than may be. */
export function isCheckpointDue(metering: Metering): boolean {
  if (!hasCounted(metering, metering.settings.configuration.checkpointWh)) return false
  const more = Math.floor((metering.upMs - metering.checkpointUpMs) / checkpointEveryMs)
  // The clock of a board that has one only may go back.
  metering.checkpoints = Math.min(checkpointsMax, metering.checkpoints + Math.max(0, more))
  metering.checkpointUpMs = more < 0 ? metering.upMs : metering.checkpointUpMs + more * checkpointEveryMs
  return metering.checkpoints > 0
}

/** By how much the board's clock has jumped in this step. */
export function jumpOf(metering: Metering): number {
  return metering.nextBoardMs - metering.boardMs - (metering.nextUpMs - metering.upMs)
}

/** Takes the times of this step as those of the state. */
export function takeTimes(metering: Metering): void {
  metering.boardMs = metering.nextBoardMs
  metering.upMs = metering.nextUpMs
}

/**
 * Looks at the clocks and counts pulses. Answers false when there is more to do: a quarter of an hour has ended, the
 * clock has jumped, or enough is counted to be committed. Then the step's times, or its pulses too, wait to be taken.
 */
export function countOnly(metering: Metering): boolean {
  const board = metering.board
  metering.nextBoardMs = board.nowMs()
  metering.nextUpMs = board.upMs()
  metering.pulses = board.takePulses()
  const nextMs = timeOf(metering) + metering.nextUpMs - metering.upMs
  const isSet = metering.boardMs < clockSetMs && metering.nextBoardMs >= clockSetMs
  if (isSet || Math.abs(jumpOf(metering)) >= clockStepMs) return false
  if (Math.floor(nextMs / switchGrainMs) !== metering.quarter) return false
  countPulses(metering)
  takeTimes(metering)
  return !isCheckpointDue(metering)
}

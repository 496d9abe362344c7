// Months of a meter's life in seconds: the real firmware, a clock that is moved by boardClock.

import type { Board } from '../../firmware/board.ts'
import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { halfHourMs, halfHourOf, startOfHalfHour } from '../../protocol/half-hour.ts'
import type { EmulatedBoard } from './emulated-board.ts'

/** The clocks of an emulated board, set by whoever runs it (`clock: () => boardClock.nowMs`). */
export interface BoardClock {
  /** Milliseconds of UTC since 1970. */
  nowMs: number
  /** Milliseconds of a clock that never jumps, for a board that has one (`up: () => boardClock.upMs`). */
  upMs?: number
}

/** A clock that advances by more than this beyond the clock that never jumps has jumped. */
const jumpMs = 2000

/**
 * Sets the clock to an instant and steps the meter there. It stops at every quarter of an hour on the way, so that each
 * half-hour is closed with its own pulses and each tariff switch is on time, however late the caller is.
 *
 * `toUpMs` is the clock that never jumps at that instant. Where the other clock has advanced further (the machine was
 * suspended, or its clock was set), or has been set back, the clock jumps without stops, as the meter's own would.
 */
export function advance(boardClock: BoardClock, meter: Meter, toMs: number, toUpMs?: number): void {
  const upMs = boardClock.upMs ?? boardClock.nowMs
  const endUpMs = toUpMs ?? upMs + Math.max(0, toMs - boardClock.nowMs)
  const jumpsAtMs = boardClock.nowMs + (endUpMs - upMs) + jumpMs
  let stopMs = (Math.floor(boardClock.nowMs / switchGrainMs) + 1) * switchGrainMs
  while (stopMs < toMs && stopMs <= jumpsAtMs) {
    boardClock.upMs = Math.min(endUpMs, (boardClock.upMs ?? upMs) + stopMs - boardClock.nowMs)
    boardClock.nowMs = stopMs
    meter.step()
    stopMs += switchGrainMs
  }
  boardClock.nowMs = toMs
  boardClock.upMs = endUpMs
  meter.step()
}

export interface LoadRun {
  boardClock: BoardClock
  /** Reads `boardClock`; a half-hour for which its load is `undefined` is a gap. */
  board: EmulatedBoard
  createMeter: (board: Board) => Meter
  /** First half-hour of the run. */
  from: number
  /** The half-hour after the last one. */
  to: number
  /** Where the previous meter stopped, in the first half-hour. Without it the run begins with the half-hour. */
  resumeAt?: ResumePoint
}

export interface ResumePoint {
  /** Milliseconds of UTC since 1970. */
  atMs: number
  /** Wh (varh) of each channel in the log for that half-hour; undefined if not known: then in proportion to time. */
  countedWh: ArrayLike<number> | undefined
}

export interface RunProgress {
  /** Half-hours done, of `total`. */
  done: number
  total: number
  /** The half-hour just ended. */
  halfHour: number
}

/** Powers the board and starts a meter on it, at an instant. `countedWh` is in the log for that half-hour already. */
export function startMeterAt(
  run: Pick<LoadRun, 'boardClock' | 'board' | 'createMeter'>,
  atMs: number,
  countedWh?: ArrayLike<number>,
): Meter {
  run.boardClock.nowMs = atMs
  run.board.on()
  const meter = run.createMeter(run.board)
  if (countedWh !== undefined) run.board.resumeFrom(countedWh)
  return meter
}

/**
 * Runs the firmware through the half-hours `from` to `to - 1`. Through a gap the board is without power; after it a new
 * meter boots exactly at the start of the next half-hour. Yields after every 48 half-hours and at the end, so
 * that the caller can handle signals and report progress.
 * @returns the meter as it stands at the start of `to`, or `undefined` when the power is off then (the board is off)
 */
export function* runLoad(run: LoadRun): Generator<RunProgress, Meter | undefined> {
  const { boardClock, board, from, to, resumeAt } = run
  const total = Math.max(0, to - from)
  let meter: Meter | undefined
  board.off()
  for (let halfHour = from; halfHour < to; halfHour++) {
    const startMs = startOfHalfHour(halfHour)
    if (board.loadAt(halfHour) === undefined) {
      if (meter !== undefined) board.off()
      meter = undefined
    } else {
      const here = resumeAt !== undefined && halfHourOf(resumeAt.atMs) === halfHour ? resumeAt : undefined
      meter ??= startMeterAt(run, here?.atMs ?? startMs, here?.countedWh)
      advance(boardClock, meter, startMs + halfHourMs)
    }
    const done = halfHour - from + 1
    if (done % 48 === 0 || done === total) yield { done, total, halfHour }
  }
  if (meter === undefined) boardClock.nowMs = startOfHalfHour(to)
  return meter
}

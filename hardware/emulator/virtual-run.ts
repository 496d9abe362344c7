// Months of a meter's life in seconds: the real firmware, a clock that is moved by hand.

import type { Board } from '../../firmware/board.ts'
import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { halfHourMs, halfHourOf, startOfHalfHour } from '../../protocol/half-hour.ts'
import type { EmulatedBoard } from './emulated.ts'

/** The clocks that an emulated board reads (`clock: () => hand.nowMs`). */
export interface Hand {
  /** Milliseconds of UTC since 1970. */
  nowMs: number
  /** Milliseconds of a clock that never jumps, for a board that has one (`up: () => hand.upMs`). */
  upMs?: number
}

/** A clock that gets further ahead than this of the one that never jumps has jumped. */
const jumpMs = 2000

/**
 * Moves the hand to an instant and steps the meter there. It stops exactly on every quarter of an hour on the way, so that
 * each half-hour is closed with its own pulses and each switch of the tariff is on time, however late the caller comes.
 *
 * `toUpMs` is where the clock that never jumps has got to. Where the other has gone further (the machine was asleep, or
 * its clock was set) there is no way to stop on: the hand jumps, as a clock set back does too, and the meter sees it.
 */
export function advance(hand: Hand, meter: Meter, toMs: number, toUpMs?: number): void {
  const upMs = hand.upMs ?? hand.nowMs
  const endUpMs = toUpMs ?? upMs + Math.max(0, toMs - hand.nowMs)
  const jumpsAtMs = hand.nowMs + (endUpMs - upMs) + jumpMs
  let stopMs = (Math.floor(hand.nowMs / switchGrainMs) + 1) * switchGrainMs
  while (stopMs < toMs && stopMs <= jumpsAtMs) {
    hand.upMs = Math.min(endUpMs, (hand.upMs ?? upMs) + stopMs - hand.nowMs)
    hand.nowMs = stopMs
    meter.step()
    stopMs += switchGrainMs
  }
  hand.nowMs = toMs
  hand.upMs = endUpMs
  meter.step()
}

export interface LoadRun {
  hand: Hand
  /** Reads `hand`; a half-hour for which its load is `undefined` is a gap. */
  board: EmulatedBoard
  createMeter: (board: Board) => Meter
  /** First half-hour of the run. */
  from: number
  /** The half-hour after the last one. */
  to: number
  /** Where the meter before stopped, inside the first half-hour. Without it the run begins with the half-hour. */
  goOn?: GoOn
}

export interface GoOn {
  /** Milliseconds of UTC since 1970. */
  atMs: number
  /** Wh (varh) of each channel that the log has of the half-hour in which that is; by the time alone where not known. */
  countedWh: ArrayLike<number> | undefined
}

export interface RunProgress {
  /** Half-hours behind, of `total`. */
  done: number
  total: number
  /** The half-hour just ended. */
  halfHour: number
}

/** Powers the board and starts a meter on it, at an instant. `countedWh` is what the log has of the half-hour then. */
export function bootAt(
  run: Pick<LoadRun, 'hand' | 'board' | 'createMeter'>,
  atMs: number,
  countedWh?: ArrayLike<number>,
): Meter {
  run.hand.nowMs = atMs
  run.board.on()
  const meter = run.createMeter(run.board)
  if (countedWh !== undefined) run.board.goOnFrom(countedWh)
  return meter
}

/**
 * Runs the firmware through the half-hours `from` to `to - 1`. Through a gap the board is without power; after it a new
 * meter boots exactly at the start of the next half-hour. Yields after each day's worth of half-hours and at the end, and
 * does nothing between: the caller may look at signals and clocks, or simply use the run up.
 * @returns the meter as it stands at the start of `to`, or `undefined` when the power is off then (the board is off)
 */
export function* runLoad(run: LoadRun): Generator<RunProgress, Meter | undefined> {
  const { hand, board, from, to, goOn } = run
  const total = Math.max(0, to - from)
  let meter: Meter | undefined
  board.off()
  for (let halfHour = from; halfHour < to; halfHour++) {
    const startMs = startOfHalfHour(halfHour)
    if (board.loadAt(halfHour) === undefined) {
      if (meter !== undefined) board.off()
      meter = undefined
    } else {
      const here = goOn !== undefined && halfHourOf(goOn.atMs) === halfHour ? goOn : undefined
      meter ??= bootAt(run, here?.atMs ?? startMs, here?.countedWh)
      advance(hand, meter, startMs + halfHourMs)
    }
    const done = halfHour - from + 1
    if (done % 48 === 0 || done === total) yield { done, total, halfHour }
  }
  if (meter === undefined) hand.nowMs = startOfHalfHour(to)
  return meter
}

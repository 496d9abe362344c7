// Months of a meter's life in seconds: the real firmware, a clock that is moved by hand.

import type { Board } from '../firmware/board.ts'
import type { Meter } from '../firmware/meter.ts'
import { halfHourMs, startOfHalfHour } from '../protocol/half-hour.ts'
import type { EmulatedBoard } from './emulated.ts'

/** The clock that an emulated board reads (`clock: () => hand.nowMs`), in milliseconds of UTC since 1970. */
export interface Hand {
  nowMs: number
}

/**
 * Moves the hand to an instant and steps the meter there. It stops exactly on every boundary of a half-hour on the way,
 * so each is closed with its own pulses however late the caller comes. A clock set back is handed on as it is.
 */
export function advance(hand: Hand, meter: Meter, toMs: number): void {
  let boundary = (Math.floor(hand.nowMs / halfHourMs) + 1) * halfHourMs
  while (boundary < toMs) {
    hand.nowMs = boundary
    meter.step()
    boundary += halfHourMs
  }
  hand.nowMs = toMs
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
  /** Steps in each half-hour, the one on its closing boundary included; 3 unless given. */
  stepsPerHalfHour?: number
}

export interface RunProgress {
  /** Half-hours behind, of `total`. */
  done: number
  total: number
  /** The half-hour just ended. */
  halfHour: number
}

/**
 * Runs the firmware through the half-hours `from` to `to - 1`. Through a gap the board is without power; after it a new
 * meter boots exactly at the start of the next half-hour. Yields after each day's worth of half-hours and at the end, and
 * does nothing between: the caller may look at signals and clocks, or simply use the run up.
 * @returns the meter as it stands at the start of `to`, or `undefined` when the power is off then (the board is off)
 */
export function* runLoad(run: LoadRun): Generator<RunProgress, Meter | undefined> {
  const { hand, board, from, to } = run
  const steps = run.stepsPerHalfHour ?? 3
  const total = Math.max(0, to - from)
  let meter: Meter | undefined
  board.off()
  for (let halfHour = from; halfHour < to; halfHour++) {
    const startMs = startOfHalfHour(halfHour)
    if (board.loadAt(halfHour) === undefined) {
      if (meter !== undefined) board.off()
      meter = undefined
    } else {
      if (meter === undefined) {
        hand.nowMs = startMs
        board.on()
        meter = run.createMeter(board)
      }
      for (let i = 1; i < steps; i++) advance(hand, meter, startMs + Math.floor((i * halfHourMs) / steps))
      advance(hand, meter, startMs + halfHourMs)
    }
    const done = halfHour - from + 1
    if (done % 48 === 0 || done === total) yield { done, total, halfHour }
  }
  if (meter === undefined) hand.nowMs = startOfHalfHour(to)
  return meter
}

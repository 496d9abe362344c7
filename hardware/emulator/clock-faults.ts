// Faults of a board's clock: drift, steps, and a clock that stops without power.

import type { Board } from '../../firmware/board.ts'

export interface ClockStep {
  /** Seconds by which the clock jumps; negative: back. */
  seconds: number
  /** When it jumps: a time after the start, or an instant (UTC since 1970) of the clock without faults. */
  when: { afterMs: number } | { atMs: number }
}

export interface ClockFaults {
  /** Drift of both clocks of the board, in parts per million; positive: fast. */
  driftPpm: number
  steps: readonly ClockStep[]
  /** The clock does not run without power: it begins at 1970 with each start. */
  lost: boolean
}

export interface FaultyClock {
  /** The board, with a faulty clock from `begin` on. */
  board(board: Board): Board
  /** Faults begin now. */
  begin(): void
  /** Power has returned. */
  powerOn(): void
  /** Steps the clock now. */
  step(seconds: number): void
}

/**
 * A clock with faults, derived from one without: `nowMs` is UTC since 1970, `upMs` never jumps. Until `begin` it has no
 * faults. Each step happens once, when it is due.
 */
export function createFaultyClock(
  faults: ClockFaults,
  right: { nowMs: () => number; upMs: () => number },
): FaultyClock {
  /** By the clock that never jumps; undefined before `begin`. */
  let beganMs: number | undefined
  /** When power returned, by the faulty clock; used if that clock does not run without power. */
  let onMs = 0
  let steppedMs = 0
  let waiting = faults.steps

  /** Time that the drift has added so far. */
  function gainedMs(): number {
    return beganMs === undefined ? 0 : ((right.upMs() - beganMs) * faults.driftPpm) / 1e6
  }

  function isDue({ when }: ClockStep): boolean {
    if (beganMs === undefined) return false
    return 'atMs' in when ? right.nowMs() >= when.atMs : right.upMs() - beganMs >= when.afterMs
  }

  function shownMs(): number {
    if (waiting.some(isDue)) {
      for (const step of waiting) if (isDue(step)) steppedMs += step.seconds * 1000
      waiting = waiting.filter((step) => !isDue(step))
    }
    return right.nowMs() + gainedMs() + steppedMs
  }

  function powerOn(): void {
    if (faults.lost && beganMs !== undefined) onMs = shownMs()
  }

  return {
    board: (board) => ({
      ...board,
      // A clock cannot show a time before 1970.
      nowMs: () => Math.max(0, shownMs() - onMs),
      upMs: () => right.upMs() + gainedMs(),
    }),
    begin() {
      beganMs = right.upMs()
      powerOn()
    },
    powerOn,
    step(seconds) {
      steppedMs += seconds * 1000
    },
  }
}

// What may be wrong with a board's clock, put around a board whose clock is right.

import type { Board } from '../../firmware/board.ts'

export interface ClockStep {
  /** How far the clock jumps, back when negative. */
  seconds: number
  /** When: so long after the start, or at an instant (UTC since 1970) of the right clock. */
  when: { afterMs: number } | { atMs: number }
}

export interface ClockFaults {
  /** How much too fast the board's clocks run, both of them, in millionths. */
  driftPpm: number
  steps: readonly ClockStep[]
  /** The clock keeps nothing without power: it begins at 1970 with each start. */
  lost: boolean
}

export interface FaultyClock {
  /** The board, with what is wrong with its clock from `begin` on. */
  board(board: Board): Board
  /** From now on the clock has its faults. */
  begin(): void
  /** Power is back. */
  powerOn(): void
}

/**
 * A clock with faults, beside one that is right: `nowMs` is UTC since 1970, `upMs` never jumps. Until `begin` it is right
 * too. Steps happen once, in whatever order they are due.
 */
export function createFaultyClock(
  faults: ClockFaults,
  right: { nowMs: () => number; upMs: () => number },
): FaultyClock {
  /** By the clock that never jumps; before `begin` nothing is wrong. */
  let beganMs: number | undefined
  /** By the faulty clock, if that one keeps no time without power. */
  let onMs = 0
  let steppedMs = 0
  let waiting = faults.steps

  /** What the crystal has gained. */
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
  }
}

// A meter whose power goes and comes: one board, and one meter after the other on it.

import type { Board } from '../../firmware/board.ts'
import type { Meter } from '../../firmware/meter.ts'
import type { EmulatedBoard } from './emulated.ts'
import { type FaultyFlash, PowerCut } from './flash-faults.ts'
import { advance, type Hand } from './virtual-run.ts'

export interface PlannedCut {
  /** Counted from when the meter is handed over: its time in ms, or inside which operation on flash. */
  after: { ms: number } | { operations: number }
  /** How long power stays away, in ms of the meter's time. */
  offMs: number
}

export type PowerNews = { power: 'off'; offMs: number; why: string } | { power: 'on'; boot: number; importWh: number }

export interface PowerSupply {
  hand: Hand & { upMs: number }
  board: EmulatedBoard
  /** The flash that the board has. */
  flash: FaultyFlash
  createMeter(board: Board): Meter
  cuts: readonly PlannedCut[]
  /** The board warns of a cut after a time; one inside an operation on flash comes without a warning. */
  lastGasp: boolean
  /** Called before power comes back, and when something has happened. */
  powerOn(): void
  said(news: PowerNews): void
}

export interface PoweredMeter {
  /** The meter, if it has power. */
  meter(): Meter | undefined
  /**
   * Brings everything to an instant, by both clocks of the hand; power goes and comes on the way.
   * @throws what the firmware throws, such as flash that is worn out
   */
  live(toMs: number, toUpMs: number): void
  /** Milliseconds of the meter's time until power goes or comes; infinite when it is not going to. */
  dueInMs(): number
  /** Takes the power away for good; the meter keeps what it has counted. */
  stop(): void
}

/** Takes over a meter that runs on the board. */
export function createPoweredMeter(supply: PowerSupply, first: Meter): PoweredMeter {
  const { hand, board, flash, lastGasp, said } = supply
  const timed = supply.cuts
    .flatMap(({ after, offMs }) => ('ms' in after ? [{ atMs: hand.upMs + after.ms, offMs }] : []))
    .sort((a, b) => a.atMs - b.atMs)
  const inside = supply.cuts
    .flatMap(({ after, offMs }) =>
      'operations' in after ? [{ operation: flash.operations() + after.operations, offMs }] : [],
    )
    .sort((a, b) => a.operation - b.operation)
  let meter: Meter | undefined = first
  /** When power comes back, by the clock that never jumps. */
  let backMs = Number.POSITIVE_INFINITY

  function armNext(): void {
    while (inside.length > 0 && inside[0]!.operation <= flash.operations()) inside.shift()
    if (inside[0] !== undefined) flash.cutInside(inside[0].operation)
  }

  function cut(offMs: number, why: string): void {
    meter = undefined
    board.off()
    backMs = hand.upMs + offMs
    said({ power: 'off', offMs, why })
  }

  /** Does something in which power may fail. */
  function powered(act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error
      const { offMs } = inside.shift()!
      armNext()
      cut(offMs, `inside ${error.message}`)
    }
  }

  function comeBack(): void {
    flash.powerOn()
    supply.powerOn()
    board.on()
    // What was to fail meanwhile had no power to fail.
    while (timed.length > 0 && timed[0]!.atMs <= hand.upMs) timed.shift()
    powered(() => {
      meter = supply.createMeter(board)
      said({ power: 'on', boot: meter.boot(), importWh: meter.importWh() })
    })
  }

  function moveTo(toMs: number, toUpMs: number): void {
    const running = meter
    if (running !== undefined) powered(() => advance(hand, running, toMs, toUpMs))
    else {
      hand.nowMs = toMs
      hand.upMs = toUpMs
    }
  }

  /** By the clock that never jumps. */
  function dueMs(): number {
    return meter === undefined ? backMs : (timed[0]?.atMs ?? Number.POSITIVE_INFINITY)
  }

  armNext()
  return {
    meter: () => meter,
    dueInMs: () => dueMs() - hand.upMs,
    live(toMs, toUpMs) {
      while (hand.upMs < toUpMs && dueMs() <= toUpMs) {
        const atUpMs = Math.max(hand.upMs, dueMs())
        const wasOn = meter !== undefined
        moveTo(toMs - (toUpMs - atUpMs), atUpMs)
        // Inside an operation on the way there power may have failed before its time.
        if (wasOn !== (meter !== undefined)) continue
        if (!wasOn) comeBack()
        else {
          const { offMs } = timed.shift()!
          if (lastGasp) powered(() => meter?.powerFails())
          if (meter !== undefined) cut(offMs, lastGasp ? 'at its time, with a warning' : 'at its time')
        }
      }
      moveTo(toMs, toUpMs)
    },
    stop() {
      powered(() => (lastGasp ? meter?.powerFails() : meter?.commit()))
      meter = undefined
      board.off()
    },
  }
}

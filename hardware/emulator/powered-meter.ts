// A meter with planned power cuts: one board, on which a new meter starts each time power returns.

import type { Board } from '../../firmware/board.ts'
import type { Meter } from '../../firmware/meter.ts'
import type { EmulatedBoard } from './emulated-board.ts'
import { type FaultyFlash, PowerCut } from './flash-faults.ts'
import { advance, type BoardClock } from './virtual-run.ts'

export interface PlannedCut {
  /** When, counted from `createPoweredMeter`: ms of the meter's time, or the number of the flash operation to interrupt. */
  after: { ms: number } | { operations: number }
  /** Length of the cut, in ms of the meter's time. */
  offMs: number
}

export type PowerEvent = { power: 'off'; offMs: number; why: string } | { power: 'on'; boot: number; importWh: number }

export interface PowerSupply {
  boardClock: BoardClock & { upMs: number }
  board: EmulatedBoard
  /** The flash that the board has. */
  flash: FaultyFlash
  createMeter(board: Board): Meter
  cuts: readonly PlannedCut[]
  /** The board warns the firmware of a cut at a time; a cut in a flash operation comes without a warning. */
  lastGasp: boolean
  /** Called before power returns. */
  powerOn(): void
  onPowerEvent(event: PowerEvent): void
}

export interface PoweredMeter {
  /** The meter, if it has power. */
  meter(): Meter | undefined
  /**
   * Runs the meter until an instant, by both clocks of the board, with the power cuts on the way.
   * @throws what the firmware throws, such as an error of worn flash
   */
  runUntil(toMs: number, toUpMs: number): void
  /** Milliseconds of the meter's time until the next cut or return of power; infinite if there is none. */
  dueInMs(): number
  /** Cuts the power now, for so long; 0: the meter starts again at once. `change` changes what the flash holds meanwhile. */
  cutNow(offMs: number, change?: () => void): void
  /** Cuts the power for good, after the meter has committed what it has counted. */
  stop(): void
}

/** The cuts that have not happened yet, in order. Those inside a flash operation are set in the flash. */
function createCutPlan({ cuts, boardClock, flash }: PowerSupply) {
  const timed = cuts
    .flatMap(({ after, offMs }) => ('ms' in after ? [{ atMs: boardClock.upMs + after.ms, offMs }] : []))
    .sort((a, b) => a.atMs - b.atMs)
  const inside = cuts
    .flatMap(({ after, offMs }) =>
      'operations' in after ? [{ operation: flash.operations() + after.operations, offMs }] : [],
    )
    .sort((a, b) => a.operation - b.operation)

  function armNext(): void {
    while (inside.length > 0 && inside[0]!.operation <= flash.operations()) inside.shift()
    if (inside[0] !== undefined) flash.cutInside(inside[0].operation)
  }

  armNext()
  return {
    /** The cut inside a flash operation that has just happened. */
    takeInside(): { offMs: number } {
      const cut = inside.shift()!
      armNext()
      return cut
    },
    takeTimed: () => timed.shift()!,
    /** When the next timed cut is due, by the clock that never jumps. */
    dueMs: () => timed[0]?.atMs ?? Number.POSITIVE_INFINITY,
    /** Skips the cuts that were planned for the time without power. */
    skipMissed(): void {
      while (timed.length > 0 && timed[0]!.atMs <= boardClock.upMs) timed.shift()
    },
  }
}

/** Runs an action; returns the power cut that interrupted it, if any. */
function interrupted(act: () => void): PowerCut | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof PowerCut) return error
    throw error
  }
}

function switchOn({ flash, board, powerOn }: PowerSupply): void {
  flash.powerOn()
  powerOn()
  board.on()
}

/** Takes control of a meter that runs on the board. */
export function createPoweredMeter(supply: PowerSupply, first: Meter): PoweredMeter {
  const { boardClock, board, lastGasp, onPowerEvent } = supply
  const plan = createCutPlan(supply)
  let meter: Meter | undefined = first
  /** When power returns, by the clock that never jumps. */
  let restoreMs = Number.POSITIVE_INFINITY

  function cut(offMs: number, why: string): void {
    meter = undefined
    board.off()
    restoreMs = boardClock.upMs + offMs
    onPowerEvent({ power: 'off', offMs, why })
  }

  /** Runs an action in which power may fail. */
  function withPowerCut(act: () => void): void {
    const interruption = interrupted(act)
    if (interruption !== undefined) cut(plan.takeInside().offMs, `inside ${interruption.message}`)
  }

  function restorePower(): void {
    switchOn(supply)
    plan.skipMissed()
    withPowerCut(() => {
      meter = supply.createMeter(board)
      onPowerEvent({ power: 'on', boot: meter.boot(), importWh: meter.importWh() })
    })
  }

  function moveTo(toMs: number, toUpMs: number): void {
    const running = meter
    if (running !== undefined) withPowerCut(() => advance(boardClock, running, toMs, toUpMs))
    else Object.assign(boardClock, { nowMs: toMs, upMs: toUpMs })
  }

  /** By the clock that never jumps. */
  const dueMs = () => (meter === undefined ? restoreMs : plan.dueMs())

  return {
    meter: () => meter,
    dueInMs: () => dueMs() - boardClock.upMs,
    runUntil(toMs, toUpMs) {
      while (boardClock.upMs < toUpMs && dueMs() <= toUpMs) {
        const atUpMs = Math.max(boardClock.upMs, dueMs())
        const wasOn = meter !== undefined
        moveTo(toMs - (toUpMs - atUpMs), atUpMs)
        // A flash operation on the way may have cut the power before its time.
        if (wasOn !== (meter !== undefined)) continue
        if (!wasOn) restorePower()
        else {
          const { offMs } = plan.takeTimed()
          if (lastGasp) withPowerCut(() => meter?.powerFails())
          if (meter !== undefined) cut(offMs, lastGasp ? 'at its time, with a warning' : 'at its time')
        }
      }
      moveTo(toMs, toUpMs)
    },
    cutNow(offMs, change) {
      cut(offMs, 'on order')
      change?.()
      if (offMs === 0) restorePower()
    },
    stop() {
      withPowerCut(() => (lastGasp ? meter?.powerFails() : meter?.commit()))
      meter = undefined
      board.off()
    },
  }
}

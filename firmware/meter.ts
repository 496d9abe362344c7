// The meter: connects the board to metering and to the session. Nothing is decided here.

import { createFrameDecoder, encodeFrame } from '../protocol/frame.ts'
import type { Board } from './board.ts'
import { commitAll, powerFails, startMetering, stepMetering } from './metering.ts'
import { createSession } from './session.ts'
import { readSettings } from './settings.ts'

export interface Meter {
  /** Does all that is due: pulses, the end of a half-hour or a day, packets received, the next block of an answer. */
  step(): void
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** True while an answer has blocks left: step again as soon as the line is ready. */
  busy(): boolean
  /** True from a wake until the meter sleeps again. */
  awake(): boolean
  /** Active import register, in Wh. */
  importWh(): number
  /** The newest half-hour recorded, -1 when there is none. */
  lastHalfHour(): number
  /** Starts of the meter, this one included. */
  boot(): number
  /** Frames dropped since the start. */
  dropped(): number
  /** Commits what is counted: what follows is no power cut, or one that is no loss. */
  commit(): void
  /** Power is about to fail: commits what is counted and records the last gasp. Call it once. */
  powerFails(): void
}

/** Packets that wait for the next step; more than an honest asker ever has under way. */
const packetsWaitingMax = 2

/** Starts the meter on a board. @throws Error when the flash holds no settings */
export function createMeter(board: Board): Meter {
  const settings = readSettings(board.flash)
  if (settings === undefined) throw new Error('this meter has no settings: it has no identity and no key yet')
  const metering = startMetering(board, settings)
  const journal = metering.logs.journal
  const waiting: Uint8Array[] = []
  const counts = { framesDropped: 0, notOpened: 0 }
  const session = createSession(metering, counts, (packet) => board.uart.write(encodeFrame(packet)))
  const decoder = createFrameDecoder(
    (packet) => {
      if (waiting.length < packetsWaitingMax) waiting.push(packet)
      else counts.framesDropped += 1
    },
    () => {
      counts.framesDropped += 1
    },
  )

  return {
    step: () => {
      stepMetering(metering)
      while (waiting.length > 0) session.packet(waiting.shift()!, metering.upMs)
      session.step(metering.upMs, board.uart.ready())
    },
    received: (bytes) => decoder.push(bytes),
    busy: session.busy,
    awake: session.awake,
    importWh: () => journal.registers[0]! + metering.counter.wh[0]!,
    lastHalfHour: () => journal.newest,
    boot: () => journal.boots,
    dropped: () => counts.framesDropped,
    commit: () => commitAll(metering),
    powerFails: () => powerFails(metering),
  }
}

// The meter: connects metrology, clock, log and line. Interrupts only count and queue; step() does all the work.

import { createFrameDecoder, encodeFrame } from '../protocol/frame.ts'
import { dayOfHalfHour } from '../protocol/half-hour.ts'
import type { Board } from './board.ts'
import { endedAt, nextRunning, startClock } from './clock.ts'
import { openProfileLog } from './profile-log.ts'
import { createRegister } from './registers.ts'
import { createSession } from './session.ts'
import { readSettings } from './settings.ts'

export interface Meter {
  /** Does all that is due: pulses, the end of a half-hour or a day, packets received, the next block of an answer. */
  step(): void
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** True while an answer has blocks left: step again as soon as the line is ready. */
  busy(): boolean
  /** Active import register, in Wh. */
  importWh(): number
  /** The newest half-hour recorded, -1 when there is none. */
  lastHalfHour(): number
  /** Starts of the meter, this one included. */
  boot(): number
  /** Frames dropped since the start. */
  dropped(): number
}

/** Packets that wait for the next step; more than an honest asker ever has under way. */
const packetsWaitingMax = 2

/** Starts the meter on a board. @throws Error when the flash holds no settings */
export function createMeter(board: Board): Meter {
  const settings = readSettings(board.flash)
  if (settings === undefined) throw new Error('this meter has no settings: it has no identity and no key yet')
  const log = openProfileLog(board.flash)
  const register = createRegister(settings.pulsesPerKwh, log.committedWh())
  const waiting: Uint8Array[] = []
  let drops = 0
  const session = createSession(settings, log, (packet) => board.uart.write(encodeFrame(packet)))
  const decoder = createFrameDecoder(
    (packet) => {
      if (waiting.length < packetsWaitingMax) waiting.push(packet)
      else drops += 1
    },
    () => {
      drops += 1
    },
  )
  // Pulses from before the start belong to no time that this meter knows.
  board.takePulses()
  let running = startClock(board.nowMs(), register.wh())
  log.closeDaysBefore(dayOfHalfHour(running.halfHour))

  function step(): void {
    const nowMs = board.nowMs()
    const whBefore = register.wh()
    register.add(board.takePulses())
    const ended = endedAt(running, nowMs, whBefore, register.wh())
    running = nextRunning(running, nowMs, register.wh())
    if (ended !== undefined) {
      log.record(ended.halfHour, ended.wh, ended.marked, register.wh())
      log.closeDaysBefore(dayOfHalfHour(running.halfHour))
    }
    while (waiting.length > 0) session.packet(waiting.shift()!, nowMs)
    session.step(nowMs, board.uart.ready())
  }

  function received(bytes: Uint8Array): void {
    decoder.push(bytes)
  }

  function dropped(): number {
    return drops
  }

  return {
    step: step,
    received: received,
    busy: session.busy,
    importWh: register.wh,
    lastHalfHour: log.lastHalfHour,
    boot: log.boot,
    dropped: dropped,
  }
}

// A board emulated in software, on which the firmware runs unchanged. Clock, load, line and flash are parameters.

import type { Board, Flash } from '../../firmware/board.ts'
import { frameBytesMax } from '../../protocol/limits.ts'
import { Metrology } from './metrology.ts'

/** Timers of the line: a clock that never jumps, and one timer at a time. `systemTimers` are those of the machine. */
export interface Timers {
  /** Milliseconds since an arbitrary instant. */
  nowMs(): number
  set(due: () => void, delayMs: number): unknown
  clear(timer: unknown): void
}

export interface EmulatedBoardOptions {
  flash: Flash
  /** Milliseconds of UTC since 1970 by the board's clock; the load is looked up by it. */
  clock: () => number
  /** Wh of active import in a half-hour (number since 1970); `undefined` if not known, which counts nothing. */
  load: (halfHour: number) => number | undefined
  /** Wh of active export (1), varh of reactive import (2) and reactive export (3) in a half-hour; none unless given. */
  otherLoad?: (halfHour: number, channel: number) => number
  /** Milliseconds of a clock that never jumps; `clock` unless given. */
  up?: () => number
  /** As in the meter's settings. */
  pulsesPerKwh: number
  /** Called with bytes as they leave the board. */
  send: (bytes: Uint8Array) => void
  /** Bits per second of the line, 10 for each byte; 0 sends everything at once. */
  baud: number
  timers: Timers
}

export interface EmulatedBoard extends Board {
  /** The load the board was given. */
  loadAt(halfHour: number): number | undefined
  /** Cuts the power: bytes not yet sent are lost, no pulses are counted, and flash operations throw. */
  off(): void
  /** Restores the power; pulses count from the present time of the clock. The caller creates a new meter. */
  on(): void
  /**
   * Sets how much of each channel (Wh, varh) has been counted of the present half-hour, instead of the share by time; the
   * rest is counted by its end. For a new meter that continues the log of the meter before it.
   */
  resumeFrom(countedWh: ArrayLike<number>): void
}

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  set: (due, delayMs) => setTimeout(due, delayMs),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export interface PacedWriter {
  write(bytes: Uint8Array): void
  waiting(): number
  drop(): void
}

/** Passes bytes on at the speed of a line, each when its last bit has been sent. */
export function createPacedWriter(baud: number, timers: Timers, send: (bytes: Uint8Array) => void): PacedWriter {
  let queue: Uint8Array[] = []
  let waiting = 0
  // The line has been busy since `busySinceMs` and has carried `carried` bytes since then.
  let busySinceMs = 0
  let carried = 0
  let timer: unknown

  function take(count: number): Uint8Array {
    const taken = new Uint8Array(count)
    let at = 0
    while (at < count) {
      const first = queue[0]!
      const part = first.subarray(0, count - at)
      taken.set(part, at)
      at += part.length
      if (part.length === first.length) queue.shift()
      else queue[0] = first.subarray(part.length)
    }
    waiting -= count
    return taken
  }

  function pump(): void {
    timer = undefined
    // The small addend keeps rounding from delaying a byte that is due exactly now.
    const due = Math.floor(((timers.nowMs() - busySinceMs) * baud) / 10000 + 1e-6) - carried
    const count = Math.min(waiting, due)
    if (count > 0) {
      carried += count
      send(take(count))
    }
    if (waiting > 0 && timer === undefined) {
      // The bytes of about 2 ms, or all of them: timers are not more precise.
      const next = carried + Math.min(waiting, Math.max(1, Math.ceil(baud / 5000)))
      timer = timers.set(pump, Math.max(0, busySinceMs + (next * 10000) / baud - timers.nowMs()))
    }
  }

  return {
    write(bytes) {
      if (bytes.length === 0) return
      if (baud === 0) return send(bytes.slice())
      if (waiting === 0) {
        busySinceMs = timers.nowMs()
        carried = 0
      }
      queue.push(bytes.slice())
      waiting += bytes.length
      if (timer === undefined) pump()
    },
    waiting: () => waiting,
    drop() {
      queue = []
      waiting = 0
      if (timer !== undefined) timers.clear(timer)
      timer = undefined
    },
  }
}

/**
 * Creates a board with power on.
 * @throws RangeError when `baud` is negative or infinite, or `pulsesPerKwh` is not above 0
 */
export function createEmulatedBoard(options: EmulatedBoardOptions): EmulatedBoard {
  const { flash, clock, load, pulsesPerKwh, baud } = options
  if (!(baud >= 0) || baud === Number.POSITIVE_INFINITY) throw new RangeError(`baud is 0 or more, not ${baud}`)
  if (!(pulsesPerKwh > 0)) throw new RangeError(`pulses per kWh are more than 0, not ${pulsesPerKwh}`)
  const writer = createPacedWriter(baud, options.timers, options.send)
  const { otherLoad } = options
  const energyOf = (halfHour: number, channel: number) =>
    channel === 0 ? load(halfHour) : otherLoad?.(halfHour, channel)
  const metrology = new Metrology(energyOf, pulsesPerKwh, clock())
  let powered = true

  function requirePower(): void {
    if (!powered) throw new Error('the board has no power: create a new meter after on()')
  }

  return {
    nowMs: clock,
    upMs: options.up ?? clock,
    loadAt: load,
    flash: {
      pageBytes: flash.pageBytes,
      pages: flash.pages,
      read(address, count) {
        requirePower()
        return flash.read(address, count)
      },
      program(address, bytes) {
        requirePower()
        flash.program(address, bytes)
      },
      erase(page) {
        requirePower()
        flash.erase(page)
      },
    },
    uart: {
      write: (bytes) => {
        if (powered) writer.write(bytes)
      },
      ready: () => powered && writer.waiting() < frameBytesMax,
    },
    takePulses: () => (powered ? metrology.pulsesUntil(clock()) : [0, 0, 0, 0]),
    off() {
      powered = false
      writer.drop()
    },
    on() {
      powered = true
      metrology.resetTo(clock())
    },
    resumeFrom: (countedWh) => metrology.resumeFrom(countedWh),
  }
}

// A board that is a program: the firmware runs on it unchanged. The world comes in through arguments.

import type { Board, Flash } from '../../firmware/board.ts'
import { halfHourMs, halfHourOf, startOfHalfHour } from '../../protocol/half-hour.ts'
import { frameBytesMax } from '../../protocol/limits.ts'

/** Time for the line: a clock that never jumps, and one timer at a time. `systemTimers` is the machine's own. */
export interface Timers {
  /** Milliseconds since any moment. */
  nowMs(): number
  set(due: () => void, delayMs: number): unknown
  clear(timer: unknown): void
}

export interface EmulatedBoardOptions {
  flash: Flash
  /** Milliseconds of UTC since 1970, as the board's clock shows them; the load follows it. */
  clock: () => number
  /** Wh that the household takes in a half-hour (its number since 1970); `undefined` for none known, which counts nothing. */
  load: (halfHour: number) => number | undefined
  /** Wh of active export (1), varh of reactive import (2) and reactive export (3) in a half-hour; none unless given. */
  otherLoad?: (halfHour: number, channel: number) => number
  /** Milliseconds of a clock that never jumps; `clock` unless given. */
  up?: () => number
  /** As in the meter's settings. */
  pulsesPerKwh: number
  /** Takes bytes as they leave the board. */
  send: (bytes: Uint8Array) => void
  /** Bits a second on the line, 10 a byte; 0 sends everything at once. */
  baud: number
  timers: Timers
}

export interface EmulatedBoard extends Board {
  /** The load the board was given. */
  loadAt(halfHour: number): number | undefined
  /** Cuts the power: what waits for the line is lost, nothing is counted, and flash refuses the firmware left running. */
  off(): void
  /** Power is back; pulses count from the clock's time now. A new meter is created by the caller. */
  on(): void
  /**
   * Says what of each channel (Wh, varh) has been counted of the running half-hour, whatever its time so far would make
   * it: its end brings the rest. For a new meter that goes on where the log of the one before ended.
   */
  goOnFrom(countedWh: ArrayLike<number>): void
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

/** Hands bytes on no faster than a line of that speed carries them, the last bit of each having left. */
export function createPacedWriter(baud: number, timers: Timers, send: (bytes: Uint8Array) => void): PacedWriter {
  let queue: Uint8Array[] = []
  let waiting = 0
  // The line has been busy since then, and has carried so many bytes.
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
    // A hair more, so that a byte due exactly now is not left for another round by the division.
    const due = Math.floor(((timers.nowMs() - busySinceMs) * baud) / 10000 + 1e-6) - carried
    const count = Math.min(waiting, due)
    if (count > 0) {
      carried += count
      send(take(count))
    }
    if (waiting > 0 && timer === undefined) {
      // As many bytes as pass in about 2 ms, or all: timers are no finer.
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

interface Metrology {
  /** Pulses up to an instant that were not taken yet. */
  takeTo(atMs: number): number
  /** Forgets what was not taken and goes on from an instant. */
  moveTo(atMs: number): void
  /** Goes on with so many Wh of the running half-hour taken. */
  goOnFrom(countedWh: number): void
}

/**
 * Pulses in proportion to the time passed inside each half-hour, whole at its end. What does not make a pulse is carried
 * into the next half-hour, so that the sum is never a pulse off. A clock set back gives no pulses for time already
 * counted; one set forward gives the pulses of the time it skipped.
 */
function createMetrology(
  load: (halfHour: number) => number | undefined,
  pulsesPerKwh: number,
  startMs: number,
): Metrology {
  let halfHour = halfHourOf(startMs)
  let pulses = 0
  let taken = 0
  // Thousandths of a pulse.
  let rest = 0

  function enter(next: number): void {
    halfHour = next
    const owed = rest + (load(next) ?? 0) * pulsesPerKwh
    pulses = Math.floor(owed / 1000)
    rest = owed - pulses * 1000
    taken = 0
  }

  function reached(atMs: number): number {
    return Math.floor((pulses * (atMs - startOfHalfHour(halfHour))) / halfHourMs)
  }

  function moveTo(atMs: number): void {
    enter(halfHourOf(atMs))
    taken = reached(atMs)
  }

  moveTo(startMs)
  return {
    moveTo,
    goOnFrom(countedWh) {
      taken = Math.min(pulses, Math.floor((countedWh * pulsesPerKwh) / 1000))
    },
    takeTo(atMs) {
      const until = halfHourOf(atMs)
      if (until < halfHour) {
        moveTo(atMs)
        return 0
      }
      let count = 0
      while (halfHour < until) {
        count += pulses - taken
        enter(halfHour + 1)
      }
      const now = reached(atMs)
      if (now > taken) {
        count += now - taken
        taken = now
      }
      return count
    },
  }
}

/**
 * A board for the firmware: flash, clock and load as given, a line of `baud`. It is powered from the start.
 * @throws RangeError for a speed or a pulse rate that is no positive number
 */
export function createEmulatedBoard(options: EmulatedBoardOptions): EmulatedBoard {
  const { flash, clock, load, pulsesPerKwh, baud } = options
  if (!(baud >= 0) || baud === Number.POSITIVE_INFINITY) throw new RangeError(`baud is 0 or more, not ${baud}`)
  if (!(pulsesPerKwh > 0)) throw new RangeError(`pulses per kWh are more than 0, not ${pulsesPerKwh}`)
  const writer = createPacedWriter(baud, options.timers, options.send)
  const { otherLoad } = options
  const metrologies = [0, 1, 2, 3].map((channel) => {
    const ofChannel = channel === 0 ? load : (halfHour: number) => otherLoad?.(halfHour, channel)
    return createMetrology(ofChannel, pulsesPerKwh, clock())
  })
  let powered = true

  function demandPower(): void {
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
        demandPower()
        return flash.read(address, count)
      },
      program(address, bytes) {
        demandPower()
        flash.program(address, bytes)
      },
      erase(page) {
        demandPower()
        flash.erase(page)
      },
    },
    uart: {
      write: (bytes) => {
        if (powered) writer.write(bytes)
      },
      ready: () => powered && writer.waiting() < frameBytesMax,
    },
    takePulses: () => metrologies.map((metrology) => (powered ? metrology.takeTo(clock()) : 0)),
    off() {
      powered = false
      writer.drop()
    },
    on() {
      powered = true
      for (const metrology of metrologies) metrology.moveTo(clock())
    },
    goOnFrom(countedWh) {
      for (const [channel, metrology] of metrologies.entries()) metrology.goOnFrom(countedWh[channel] ?? 0)
    },
  }
}

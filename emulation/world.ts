// Host and meter on one virtual clock, without a real line.

import type { Board } from '../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../firmware/flash-map.ts'
import { createMeter, type Meter } from '../firmware/meter.ts'
import { type Configuration, defaultConfiguration, writeSettings } from '../firmware/settings.ts'
import { euiToBytes } from '../protocol/bytes.ts'
import { halfHourMs } from '../protocol/half-hour.ts'
import { countLoad, followLoad, type OthersOf, type WhOf } from './follow-load.ts'
import { createRandom, type Random } from './random.ts'
import { createSimFlash, type SimFlash } from './sim-flash.ts'
import { createSimLine, type SimLine } from './sim-line.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

export interface SimMeter {
  meter(): Meter
  hasPower(): boolean
  flash: SimFlash
  /** Power off: the meter loses everything but its flash; on: it boots. */
  off(): void
  on(): void
  /** Whether it ignores what comes over the line. */
  silent(isSilent: boolean): void
  /** Sets the board's own clock, which runs on from there. */
  showClock(ms: number): void
  /** Steps it, milliseconds. */
  stepClock(byMs: number): void
  /** Counts pulses before the next step: of active import, active export, reactive import, reactive export. */
  count(channel: number, pulses: number): void
  /**
   * Runs the meter through the half-hours from `first` on the virtual clock, with these Wh of active import;
   * `othersOf` gives active export, reactive import and reactive export. Undefined: it has no power in that half-hour.
   */
  live(first: number, wh: (number | undefined)[], othersOf?: OthersOf): void
  /** From the half-hour of now on, counts this load as time passes. Undefined: it has no power in that half-hour. */
  follow(whOf: WhOf, othersOf?: OthersOf): void
  /** Takes the meter off the line for good. */
  remove(): void
}

/** A board with simulated flash on a simulated line, and the pulses that it has counted. */
function createSimBoard(clock: VirtualClock, line: SimLine, flash: SimFlash) {
  let pulses = [0, 0, 0, 0]
  let aheadMs = 0
  const board: Board = {
    nowMs: () => clock.nowMs() + aheadMs,
    upMs: clock.nowMs,
    flash,
    uart: { write: (bytes) => line.send(bytes), ready: () => line.ready() },
    takePulses() {
      const taken = pulses
      pulses = [0, 0, 0, 0]
      return taken
    },
  }
  return {
    board,
    showClock(ms: number) {
      aheadMs = ms - clock.nowMs()
    },
    stepClock(byMs: number) {
      aheadMs += byMs
    },
    count(channel: number, more: number) {
      pulses[channel]! += more
    },
  }
}

/** A real meter on simulated flash, attached to a simulated line. */
export function createSimMeter(
  clock: VirtualClock,
  line: SimLine,
  eui: string,
  key: Uint8Array,
  random: Random = createRandom(1),
  configuration: Configuration = defaultConfiguration(),
): SimMeter {
  const flash = createSimFlash(pageBytes, flashPagesFull, random)
  writeSettings(flash, { eui: euiToBytes(eui), key, version: 1, configuration })
  const { board, showClock, stepClock, count } = createSimBoard(clock, line, flash)
  let meter: Meter | undefined
  let due = false
  let isSilent = false
  let following: (() => void) | undefined

  function stepSoon(ms: number): void {
    if (due) return
    due = true
    clock.after(ms, () => {
      due = false
      meter?.step()
      if (meter?.busy()) stepSoon(1)
    })
  }

  line.attach({
    received(bytes) {
      if (isSilent) return
      meter?.received(bytes)
      stepSoon(0)
    },
  })

  const sim: SimMeter = {
    flash,
    meter() {
      if (meter === undefined) throw new Error('the meter has no power')
      return meter
    },
    hasPower: () => meter !== undefined,
    off() {
      meter = undefined
    },
    on() {
      meter = createMeter(board)
    },
    silent(silent) {
      isSilent = silent
    },
    showClock,
    stepClock,
    count,
    live: (first, wh, othersOf) => runThrough(clock, sim, first, wh, othersOf),
    follow(whOf, othersOf) {
      following?.()
      following = followLoad(clock, sim, whOf, othersOf)
    },
    remove() {
      following?.()
      meter = undefined
      isSilent = true
    },
  }
  return sim
}

/** Runs a meter through half-hours, as `SimMeter.live` says. */
function runThrough(
  clock: VirtualClock,
  meter: SimMeter,
  first: number,
  wh: (number | undefined)[],
  othersOf?: OthersOf,
): void {
  clock.set(first * halfHourMs)
  if (!meter.hasPower() && wh[0] !== undefined) meter.on()
  for (const [i, value] of wh.entries()) {
    if (value === undefined) meter.off()
    else {
      if (!meter.hasPower()) meter.on()
      countLoad(meter, [value, ...(othersOf?.(first + i) ?? [])])
    }
    clock.set((first + i + 1) * halfHourMs)
    if (meter.hasPower()) meter.meter().step()
  }
}

/** A clock and a line with one meter that has run for `days` days up to `clock.nowMs()`, with `whOf` each half-hour. */
export function createWorld(options: {
  seed: number
  days: number
  eui: string
  key: Uint8Array
  baud?: number
  endMs: number
  whOf(halfHour: number): number | undefined
  othersOf?: ((halfHour: number) => number[]) | undefined
  configuration?: Configuration | undefined
  /** A virtual clock unless given. */
  clock?: VirtualClock | undefined
}) {
  const random = createRandom(options.seed)
  const clock = options.clock ?? createVirtualClock(0)
  const line = createSimLine(clock, options.baud ?? 115200, random)
  const meter = createSimMeter(clock, line, options.eui, options.key, random, options.configuration)
  const end = Math.floor(options.endMs / halfHourMs)
  const first = end - options.days * 48
  meter.live(
    first,
    Array.from({ length: options.days * 48 }, (_, i) => options.whOf(first + i)),
    options.othersOf,
  )
  return { random, clock, line, meter, first, end }
}

// Host and meter on one virtual clock: the only place where the two meet without a real line.

import type { Board } from '../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../firmware/flash-map.ts'
import { createMeter, type Meter } from '../firmware/meter.ts'
import { type Configuration, defaultConfiguration, writeSettings } from '../firmware/settings.ts'
import type { Timing } from '../host/wan/serial-line.ts'
import { euiToBytes } from '../protocol/bytes.ts'
import { halfHourMs } from '../protocol/half-hour.ts'
import { createRandom, type Random } from './random.ts'
import { createSimFlash, type SimFlash } from './sim-flash.ts'
import { createSimLine, type SimLine } from './sim-line.ts'

export interface VirtualClock extends Timing {
  /** Runs timers and whatever they lead to until `promise` settles. @throws when nothing is left that could settle it */
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass, timers included. */
  pass(ms: number): Promise<void>
  set(ms: number): void
}

// Promises settle between timers; a few turns of the event loop let whole chains of them do so.
const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

export function createVirtualClock(startMs: number): VirtualClock {
  let nowMs = startMs
  let order = 0
  const timers = new Map<number, { atMs: number; call: () => void }>()

  function next(): { id: number; atMs: number; call: () => void } | undefined {
    let found: { id: number; atMs: number; call: () => void } | undefined
    for (const [id, timer] of timers) if (found === undefined || timer.atMs < found.atMs) found = { id, ...timer }
    return found
  }

  function fire(timer: { id: number; atMs: number; call: () => void }): void {
    timers.delete(timer.id)
    nowMs = Math.max(nowMs, timer.atMs)
    timer.call()
  }

  return {
    nowMs: () => nowMs,
    after(ms, call) {
      order += 1
      const id = order
      timers.set(id, { atMs: nowMs + Math.max(0, ms), call })
      return { cancel: () => void timers.delete(id) }
    },
    async run(promise) {
      let settled = false
      promise.then(
        () => {
          settled = true
        },
        () => {
          settled = true
        },
      )
      for (let idle = 0; !settled; ) {
        await settle()
        const timer = settled ? undefined : next()
        idle = timer === undefined ? idle + 1 : 0
        if (idle > 200) throw new Error('nothing is left that could settle the promise')
        if (timer !== undefined) fire(timer)
      }
      return promise
    },
    async pass(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (let timer = next(); timer !== undefined && timer.atMs <= untilMs; timer = next()) {
        fire(timer)
        await settle()
      }
      nowMs = Math.max(nowMs, untilMs)
    },
    set(ms) {
      nowMs = ms
    },
  }
}

export interface SimMeter {
  meter(): Meter
  flash: SimFlash
  /** Power off: the meter forgets all but its flash; on: it boots. */
  off(): void
  on(): void
  /** From now on the board's own clock, that nobody sets but a battery, shows this and goes on from there. */
  showClock(ms: number): void
  /** Counts pulses before the next step: of active import, active export, reactive import, reactive export. */
  count(channel: number, pulses: number): void
  /**
   * Lives through the half-hours from `first` on, on the virtual clock, with these Wh of active import, and of active
   * export, reactive import and reactive export what `othersOf` says.
   */
  live(first: number, wh: number[], othersOf?: (halfHour: number) => number[]): void
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
  let pulses = [0, 0, 0, 0]
  let meter: Meter | undefined
  let due = false
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
    off() {
      meter = undefined
    },
    on() {
      meter = createMeter(board)
    },
    showClock(ms) {
      aheadMs = ms - clock.nowMs()
    },
    count(channel, more) {
      pulses[channel]! += more
    },
    live(first, wh, othersOf) {
      clock.set(first * halfHourMs)
      if (meter === undefined) sim.on()
      for (const [i, value] of wh.entries()) {
        sim.count(0, value)
        for (const [channel, other] of (othersOf?.(first + i) ?? []).entries()) sim.count(channel + 1, other)
        clock.set((first + i + 1) * halfHourMs)
        sim.meter().step()
      }
    },
  }
  return sim
}

/** A virtual clock and a line with one meter that has lived `days` days up to `clock.nowMs()`, each half-hour as `whOf` says. */
export function createWorld(options: {
  seed: number
  days: number
  eui: string
  key: Uint8Array
  baud?: number
  endMs: number
  whOf(halfHour: number): number
  othersOf?: ((halfHour: number) => number[]) | undefined
  configuration?: Configuration | undefined
}) {
  const random = createRandom(options.seed)
  const clock = createVirtualClock(0)
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

// Espruino as far as a bundle needs it, in a realm of its own in Node: no global that Espruino lacks, a clock and timers
// that a test moves, a UART, pins, and flash that only clears bits. It finds what is missing, not what is faulty: that
// takes the interpreter (test/espruino.test.ts with ESPRUINO set).

import { createContext, runInContext } from 'node:vm'
import { releasedGlobals, releasedMembers, releasedStatics } from '../../../hardware/boards/espruino-release.ts'
import { createSpiChip } from '../../../hardware/install/spi-flash-simulator.ts'

export interface EspruinoShim {
  /** Runs a script. */
  run(code: string): void
  /** Lets time pass: timers that are due run, in order. */
  pass(ms: number): void
  nowMs(): number
  /** Timers that are set. */
  timers(): number
  /** Sets the clock, as `setTime` does; timers do not notice. */
  setClock(nowMs: number): void
  /** Bytes come in on the UART, cut into events of at most 32. */
  receive(bytes: Uint8Array): void
  /** An edge on a pin; false when nobody watches it. */
  edge(pin: string): boolean
  /** The mode that a pin had when it was watched; `undefined` for none. */
  watchedMode(pin: string): string | undefined
  /** What was said on the console. */
  said: string[]
  /** Set-ups of the UART: speed and options. */
  setups: { baud: number; options: object }[]
  /** Device that the console was forced to. */
  consoleOn(): string
  /** The flash, from `flashAt` on. */
  cells: Uint8Array
  erases(): number
  /** From now on no cell changes any more. */
  wearOut(): void
  /** The next read of the flash throws this. */
  failOnce(error: Error): void
  /** The next writes do half of what they should and throw, so many. */
  throwOnWrite(writes: number): void
  /** Seconds of the watchdog that was set, 0 for none. */
  watchdog(): number
  /** How often the watchdog was fed, and the board told to start anew. */
  calls: { kicks: number; reboots: number }
  /** True while the board may sleep deeply. */
  deepSleep(): boolean
}

export interface ShimOptions {
  cells: Uint8Array
  flashAt: number
  eraseBytes: number
  /** The UART's name. */
  serial: string
  /** The name of an SPI port with a flash chip that holds `cells`, instead of flash in the chip itself. */
  spi?: string
  /** Takes what leaves on the UART. */
  send(bytes: Uint8Array): void
  clockMs: number
}

interface Timer {
  dueMs: number
  everyMs: number | undefined
  due: () => void
}

/** Takes away what the releases of Espruino lack; a typed array's `slice` becomes Espruino's. */
function strip(realm: object): void {
  const [globals, members, statics] = [releasedGlobals, releasedMembers, releasedStatics].map((one) =>
    JSON.stringify(one),
  )
  runInContext(
    `{
      const own = Object.getOwnPropertyNames
      const typed = Object.getPrototypeOf(Uint8Array)
      const keep = ['constructor', 'length', 'prototype', 'name']
      const drop = (owner, names) => {
        for (const name of own(owner)) if (!names.includes(name) && !keep.includes(name)) delete owner[name]
      }
      const statics = ${statics}
      for (const owner of [Array, Date, JSON, Math, Number, Object, Promise, String, typed]) drop(owner, statics[owner.name ?? owner[Symbol.toStringTag]] ?? [])
      for (const owner of [Array, String, Number, Date, Promise, RegExp, typed, ArrayBuffer, DataView]) drop(owner.prototype, ${members})
      typed.prototype.slice = function (from, to) { return Array.prototype.slice.call(this, from, to) }
      drop(globalThis, ${globals})
      delete globalThis.console
    }`,
    realm as ReturnType<typeof createContext>,
  )
}

/** Timers, and a clock that only `pass` moves. */
function createTimers(clockMs: number) {
  const timers = new Set<Timer>()
  let nowMs = 0
  let clockAheadMs = clockMs

  function add(due: () => void, ms: number, everyMs: number | undefined): Timer {
    const one = { dueMs: nowMs + Math.max(ms, 0), everyMs, due }
    timers.add(one)
    return one
  }

  function next(untilMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const one of timers) if (one.dueMs <= untilMs && (first === undefined || one.dueMs < first.dueMs)) first = one
    return first
  }

  return {
    globals: {
      setTimeout: (due: () => void, ms: number) => add(due, ms, undefined),
      setInterval: (due: () => void, ms: number) => add(due, ms, ms),
    },
    nowMs: () => nowMs + clockAheadMs,
    timers: () => timers.size,
    setClock(ms: number) {
      clockAheadMs = ms - nowMs
    },
    pass(ms: number) {
      const untilMs = nowMs + ms
      for (let one = next(untilMs); one !== undefined; one = next(untilMs)) {
        nowMs = Math.max(nowMs, one.dueMs)
        if (one.everyMs === undefined) timers.delete(one)
        else one.dueMs += one.everyMs
        one.due()
      }
      nowMs = untilMs
    },
  }
}

/** The module `Flash`: writes only clear bits. */
function createFlashModule({ cells, flashAt, eraseBytes }: ShimOptions, bytesOfRealm: typeof Uint8Array) {
  let erases = 0
  let isWorn = false
  let failure: Error | undefined
  let throwing = 0

  function offset(address: number, count: number): number {
    const at = address - flashAt
    if (!Number.isInteger(address) || at < 0 || at + count > cells.length) throw new Error(`no flash at ${address}`)
    return at
  }

  return {
    module: {
      read: (count: number, address: number) => {
        const at = offset(address, count)
        const error = failure
        failure = undefined
        if (error !== undefined) throw error
        return count > 0 ? new bytesOfRealm(cells.subarray(at, at + count)) : undefined
      },
      write: (data: Uint8Array, address: number) => {
        const at = offset(address, data.length)
        if (at % 4 !== 0 || data.length % 4 !== 0) throw new Error(`a write of ${data.length} bytes at ${address}`)
        const done = throwing > 0 ? data.length / 2 : data.length
        for (let i = 0; i < done && !isWorn; i++) cells[at + i]! &= data[i]!
        if (throwing === 0) return
        throwing -= 1
        throw new Error('Flash write failed')
      },
      erasePage: (address: number) => {
        const at = offset(address, 1)
        erases += 1
        if (!isWorn) cells.fill(0xff, at - (at % eraseBytes), at - (at % eraseBytes) + eraseBytes)
      },
      getPage: (address: number) => {
        const at = address - flashAt
        return at < 0 || at >= cells.length ? undefined : { addr: address - (at % eraseBytes), length: eraseBytes }
      },
    },
    erases: () => erases,
    failOnce: (error: Error) => {
      failure = error
    },
    throwOnWrite: (writes: number) => {
      throwing = writes
    },
    wearOut: () => {
      isWorn = true
    },
  }
}

/** The UART: what is set up, and what arrives in events of at most 32 bytes. */
function createUart(send: (bytes: Uint8Array) => void) {
  const setups: EspruinoShim['setups'] = []
  let receiver: ((data: string) => void) | undefined
  return {
    port: {
      setup: (baud: number, how: object) => setups.push({ baud, options: how }),
      on: (event: string, take: (data: string) => void) => {
        if (event === 'data') receiver = take
      },
      write: (data: Uint8Array) => send(new Uint8Array(data)),
    },
    setups,
    receive(bytes: Uint8Array) {
      for (let at = 0; at < bytes.length; at += 32) {
        receiver?.(String.fromCharCode(...bytes.subarray(at, at + 32)))
      }
    },
  }
}

/** Pins and their watches, console, watchdog and sleep. */
function createControls() {
  const modes = new Map<string, string>()
  const watches = new Map<string, { due: () => void; mode: string | undefined }>()
  const said: string[] = []
  let consoleDevice = ''
  let watchdog = 0
  const calls = { kicks: 0, reboots: 0 }
  let deepSleep = false
  return {
    globals: {
      pinMode: (pin: string, mode: string) => modes.set(pin, mode),
      setWatch: (due: () => void, pin: string) => watches.set(pin, { due, mode: modes.get(pin) }),
      console: { log: (text: string) => said.push(text) },
      E: {
        setConsole: (device: string) => (consoleDevice = device),
        enableWatchdog: (seconds: number) => (watchdog = seconds),
        kickWatchdog: () => (calls.kicks += 1),
        reboot: () => (calls.reboots += 1),
      },
      setDeepSleep: (sleep: boolean) => (deepSleep = sleep),
    },
    said,
    edge(pin: string) {
      watches.get(pin)?.due()
      return watches.has(pin)
    },
    watchedMode: (pin: string) => watches.get(pin)?.mode,
    consoleOn: () => consoleDevice,
    watchdog: () => watchdog,
    calls,
    deepSleep: () => deepSleep,
  }
}

export function createEspruinoShim(options: ShimOptions): EspruinoShim {
  const realm = createContext({})
  const bytesOfRealm = runInContext('Uint8Array', realm) as typeof Uint8Array
  const { globals: timing, ...timers } = createTimers(options.clockMs)
  const { globals: controls, ...state } = createControls()
  const { module: flash, ...wear } = createFlashModule(options, bytesOfRealm)
  const uart = createUart(options.send)
  const globals = {
    ...timing,
    ...controls,
    require: (module: string) => {
      if (module !== 'Flash' || options.spi !== undefined) throw new Error(`in service the meter requires ${module}`)
      return flash
    },
    [options.serial]: uart.port,
  }
  if (options.spi !== undefined) {
    const chip = createSpiChip(options.cells)
    const send = (data: unknown[]) => new bytesOfRealm(chip.send(data))
    Object.assign(globals, { [options.spi]: { setup: () => {}, send } })
  }
  strip(realm)
  Object.assign(realm, globals)
  ;(runInContext('Date', realm) as { now: () => number }).now = timers.nowMs
  return {
    run: (code) => runInContext(code, realm),
    ...timers,
    ...state,
    ...wear,
    setups: uart.setups,
    receive: uart.receive,
    cells: options.cells,
  }
}

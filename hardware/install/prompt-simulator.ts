// A board at its Espruino prompt, as far as a program that flashes it can tell: echo and `>`, control characters, lines
// that wait for a bracket, `Uncaught` errors, a receive buffer that overruns, Storage over flash, restarts, power cuts.
// For rehearsals of a flashing, where it runs the script too, and for tests, where it is broken on purpose at any byte.

import { createContext, runInContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import type { EspruinoBoard } from '../boards/board-row.ts'
import { meterFlashBytes } from '../boards/board-rules.ts'
import { espruinoCalls } from './espruino-calls.ts'
import type { ConsolePort, PromptTiming } from './espruino-prompt.ts'
import { createSpiChip } from './spi-flash-simulator.ts'
import { createStorageSim, type SimulatedFlash, type StorageSim } from './storage-simulator.ts'

export interface PromptSimOptions extends SimulatedFlash {
  board: string
  version: string
  variables: number
  /** What this Espruino does not have: globals, or `Date.prototype.getUTCDate`. */
  without?: string[]
  /** A flash chip on SPI: the name of the port, and what the chip holds. */
  spi?: { port: string; cells: Uint8Array }
  /** Runs the script in Storage when it starts; else only its start is said. */
  runsScript?: boolean
  baud?: number
  timing: PromptTiming
  /** Bytes that the receive buffer takes while the board is at work. */
  rxBytes?: number
}

export interface PromptSim {
  port: ConsolePort
  storage: StorageSim
  /** Bytes that came, lines that were run, bytes that were lost to a full receive buffer. */
  count: { bytes: number; lines: number; overrun: number; writes: number }
  /** The power is cut inside this write to flash. */
  cutAtWrite: number
  /** Changes a byte on its way to the board (`undefined` loses it), or from it. */
  toBoard: (byte: number, index: number) => number | undefined
  fromBoard: (byte: number, index: number) => number | undefined
  /** Called before a line is run; true cuts the power there. */
  cutBefore: (line: number) => boolean
  /** Power comes (back): RAM is empty, what is in Storage starts. */
  start(): void
  /** Power goes: timers end, nothing is heard or said. */
  stop(): void
  /** Times that what starts on it was not whole. */
  halfStarts: number
  starts: number
  /** Everything that the console said. */
  said(): string
}

class Cut extends Error {}

export function createPromptSim(options: PromptSimOptions): PromptSim {
  const { timing, baud = 115200, rxBytes = 1024 } = options
  const storage = createStorageSim(options)
  let take: (bytes: Uint8Array) => void = () => {}
  let realm = createContext({})
  let input = ''
  let echo = true
  let lineEcho = true
  let powered = true
  let power = 0
  // Counts restarts, also those without a loss of power.
  let run = 0
  let busyUntilMs = 0
  let arrivesAtMs = 0
  let leavesAtMs = 0
  let waiting: number[] = []
  let said = ''
  let sentBytes = 0

  const sim: PromptSim = {
    port: {
      write: (bytes) => receive(bytes),
      onData: (taker) => {
        take = taker
      },
      onClose: () => {},
    },
    storage,
    count: { bytes: 0, lines: 0, overrun: 0, writes: 0 },
    cutAtWrite: -1,
    toBoard: (byte) => byte,
    fromBoard: (byte) => byte,
    cutBefore: () => false,
    start,
    stop: () => {
      powered = false
      run += 1
    },
    halfStarts: 0,
    starts: 0,
    said: () => said,
  }

  function print(text: string): void {
    if (!powered) return
    said += text
    const out: number[] = []
    for (const one of Buffer.from(text, 'latin1')) {
      const byte = sim.fromBoard(one, sentBytes++)
      if (byte !== undefined) out.push(byte)
    }
    leavesAtMs = Math.max(leavesAtMs, timing.nowMs()) + (text.length * 10000) / baud
    timing.after(leavesAtMs - timing.nowMs(), () => take(Uint8Array.from(out)))
  }
  const printLine = (text: string) => print(`${text}\r\n`)

  /** Runs what is in Storage, as a start does. */
  function boot(): void {
    const code = storage.read('.bootcde')
    if (code === undefined) return
    // Of a torn file the rest is blank, which is no code.
    if (!Buffer.from(code).toString('latin1').startsWith('require("smets1")')) {
      printLine('Uncaught SyntaxError: Got UNFINISHED STRING expected EOF')
      return
    }
    sim.starts += 1
    const script = storage.read('smets1')
    if (script?.includes(0xff) !== false) sim.halfStarts += 1
    if (options.runsScript && script !== undefined) runInContext(Buffer.from(script).toString('latin1'), realm)
    else printLine(`smets1: started, boot ${sim.starts}`)
  }

  /** A UART: what the script writes leaves the board, and nobody is at the other end. */
  function serial() {
    const takers: ((data: string) => void)[] = []
    return {
      setup: () => {},
      write: () => {},
      on: (_event: string, taker: (data: string) => void) => takers.push(taker),
      emit: (_event: string, data: string) => {
        for (const taker of takers) taker(data)
      },
    }
  }

  /** Timers of the script; a restart stops them. */
  function timer(due: () => void, ms: number, repeats: boolean): void {
    const mine = run
    timing.after(ms, () => {
      if (mine !== run || !powered) return
      due()
      if (repeats) timer(due, ms, true)
    })
  }

  function fresh(): void {
    input = ''
    echo = true
    run += 1
    realm = createContext({})
    const modules: { [name: string]: object } = { Storage: storage.storage, Flash: storage.flash }
    const { version, board, variables } = options
    if (options.spi !== undefined) {
      const chip = createSpiChip(options.spi.cells)
      const bytes = runInContext('Uint8Array', realm) as typeof Uint8Array
      const send = (data: unknown[]) => new bytes(chip.send(data))
      Object.assign(realm, { [options.spi.port]: { setup: () => {}, send } })
    }
    Object.assign(realm, {
      global: realm,
      print: (...words: unknown[]) => printLine(words.join(' ')),
      process: {
        env: { VERSION: version, BOARD: board },
        memory: () => ({ free: variables - 50, total: variables, blocksize: 13 }),
      },
      E: {
        CRC32: (data: string | Uint8Array) => crc32(typeof data === 'string' ? Buffer.from(data, 'latin1') : data),
        getConsole: () => 'USB',
        setConsole: () => {},
        enableWatchdog: () => {},
        toArrayBuffer: (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0)).buffer,
      },
      require: (name: string) => {
        if (!modules[name]) throw new Error(`Module ${name} not found`)
        return modules[name]
      },
      atob: (text: string) => Buffer.from(text, 'base64').toString('latin1'),
      btoa: (data: string | Uint8Array) =>
        Buffer.from(typeof data === 'string' ? Buffer.from(data, 'latin1') : data).toString('base64'),
      console: { log: printLine },
      setWatch: () => {},
      pinMode: () => {},
      setDeepSleep: () => {},
      setTimeout: (due: () => void, ms: number) => timer(due, ms, false),
      setInterval: (due: () => void, ms: number) => timer(due, ms, true),
      Serial1: serial(),
      Serial2: serial(),
      Serial3: serial(),
      echo: (on: number) => {
        echo = on !== 0
      },
      reset: () => {
        fresh()
        banner()
      },
      load: () => {
        fresh()
        boot()
      },
    })
    for (const name of options.without ?? []) runInContext(`delete globalThis.${name}`, realm)
  }
  function banner(): void {
    if (echo) print(`\r\n|____| espruino.com\r\n ${options.version} (c) 2026 G.Williams\r\n\r\n>`)
  }
  function start(): void {
    power += 1
    powered = true
    busyUntilMs = timing.nowMs()
    waiting = []
    fresh()
    banner()
    boot()
  }

  function runLine(line: string): void {
    if (sim.cutBefore(sim.count.lines++)) throw new Cut()
    try {
      const value = runInContext(line, realm)
      if (echo && lineEcho) printLine(`=${String(value)}`)
    } catch (error) {
      if (error instanceof Cut) throw error
      printLine(`Uncaught ${String(error)}\r\n    at REPL (:1:1)\r\n${line.slice(0, 60)}\r\n^`)
    }
    if (echo && lineEcho) print('>')
  }
  const isOpen = (line: string) => {
    const code = line.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, '')
    return (code.match(/[([{]/g)?.length ?? 0) > (code.match(/[)\]}]/g)?.length ?? 0)
  }

  function handle(byte: number): void {
    if (byte === 0x03) input = ''
    else if (byte === 0x15) input = input.slice(0, input.lastIndexOf('\n') + 1)
    else if (byte === 0x05) {
      if (input === '') printLine(`Espruino ${options.version} ${options.board}`)
    } else if (byte === 0x10) lineEcho = input !== ''
    else if (byte === 0x0a) {
      if (isOpen(input)) {
        input += '\n'
        return
      }
      const line = input
      input = ''
      if (line.trim() !== '') {
        runLine(line)
        // Espruino is at work for a while, and only its buffer listens.
        busyUntilMs = timing.nowMs() + 3
      }
      lineEcho = true
    } else {
      input += String.fromCharCode(byte)
      if (echo && lineEcho) print(String.fromCharCode(byte))
    }
  }

  function work(mine: number): void {
    if (mine !== power || !powered) return
    try {
      while (waiting.length > 0 && timing.nowMs() >= busyUntilMs) handle(waiting.shift()!)
    } catch (error) {
      if (!(error instanceof Cut)) throw error
      powered = false
      return
    }
    if (waiting.length > 0) timing.after(busyUntilMs - timing.nowMs(), () => work(mine))
  }
  function receive(bytes: Uint8Array): void {
    const mine = power
    const copy = Uint8Array.from(bytes)
    arrivesAtMs = Math.max(arrivesAtMs, timing.nowMs()) + (copy.length * 10000) / baud
    timing.after(arrivesAtMs - timing.nowMs(), () => {
      if (mine !== power || !powered) return
      for (const one of copy) {
        const byte = sim.toBoard(one, sim.count.bytes++)
        if (byte === undefined) continue
        if (waiting.length < rxBytes) waiting.push(byte)
        else sim.count.overrun += 1
      }
      work(mine)
    })
  }
  storage.beforeWrite = (at, bytes) => {
    if (powered && sim.count.writes++ !== sim.cutAtWrite) return
    // Half of it is done; of an erase half of the page.
    if (powered) for (let i = 0; i < bytes.length / 2; i++) options.cells[at + i] = options.cells[at + i]! & bytes[i]!
    powered = false
    throw new Cut()
  }
  fresh()
  return sim
}

/** What only builds after the last release have, of all that the script could call (espruino-calls.ts). */
const laterThanReleases = espruinoCalls
  .filter(({ since }) => !/^\d/.test(since))
  .map(({ name }) => name.replace(/^(\w+) (\w+)\(\)$/, '$1.prototype.$2'))

/** A new board of a row, its flash blank, as it comes with the row's Espruino. */
export function newBoard(row: EspruinoBoard, timing: PromptTiming): PromptSimOptions {
  const { flash, storage } = row
  const common = {
    board: row.reports,
    version: row.build.release ?? '2v29.277',
    variables: row.heap.variables,
    // Node has what came after the releases: a release does not.
    without: row.build.release === undefined ? [] : laterThanReleases,
    storage,
    baud: row.consoleBaud,
    timing,
  }
  if ('spi' in flash) {
    const cells = new Uint8Array(storage.bytes).fill(0xff)
    const spi = { port: flash.spi, cells: new Uint8Array(meterFlashBytes(row)).fill(0xff) }
    return { ...common, cells, address: storage.at, eraseBytes: 4096, freeAreas: [], spi }
  }
  // Pages outside Storage lie before it.
  const address = Math.min(storage.at, flash.base)
  const cells = new Uint8Array(storage.at + storage.bytes - address).fill(0xff)
  const freeAreas = address < storage.at ? [{ addr: address, length: storage.at - address }] : []
  return { ...common, cells, address, eraseBytes: flash.eraseBytes, freeAreas }
}

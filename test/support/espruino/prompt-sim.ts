// A board at its Espruino prompt, as far as a program that flashes it can tell: echo and `>`, control characters, lines
// that wait for a bracket, `Uncaught` errors, a receive buffer that overruns, Storage over flash, restarts, power cuts.
// What the real interpreter does is seen in espruino-flash.test.ts; this one can be broken on purpose, at any byte.

import { createContext, runInContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import { createVirtualClock, type VirtualClock } from '../../../emulation/world.ts'
import type { ConsolePort, PromptTiming } from '../../../hardware/install/espruino-prompt.ts'
import { createStorageSim, type StorageSim } from './storage.ts'

export interface PromptSimOptions {
  board?: string
  version?: string
  variables?: number
  /** Globals that this Espruino has not. */
  without?: string[]
  cells: Uint8Array
  address: number
  storageBytes: number
  eraseBytes: number
  freeAreas?: { addr: number; length: number }[]
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
  /** Times that what starts on it was not whole. */
  halfStarts: number
  starts: number
  /** Everything that the console said. */
  said(): string
}

class Cut extends Error {}

export function createPromptSim(options: PromptSimOptions): PromptSim {
  const { timing, baud = 115200, rxBytes = 1024 } = options
  const storage = createStorageSim(
    options.cells,
    options.address,
    options.storageBytes,
    options.eraseBytes,
    options.freeAreas ?? [],
  )
  let take: (bytes: Uint8Array) => void = () => {}
  let realm = createContext({})
  let input = ''
  let echo = true
  let lineEcho = true
  let powered = true
  let power = 0
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
    if (storage.read('smets1')?.includes(0xff) !== false) sim.halfStarts += 1
    printLine(`smets1: started, boot ${sim.starts}`)
  }
  function fresh(): void {
    input = ''
    echo = true
    realm = createContext({})
    const modules: { [name: string]: object } = { Storage: storage.storage, Flash: storage.flash }
    const { version = '2v29', board = 'LINUX', variables = 5100 } = options
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
      setWatch: () => {},
      Serial1: { setup: () => {} },
      Serial2: { setup: () => {} },
      Serial3: { setup: () => {} },
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
    for (const name of options.without ?? []) delete (realm as { [name: string]: unknown })[name]
  }
  function banner(): void {
    if (echo) print('\r\n|____| espruino.com\r\n 2v29 (c) 2026 G.Williams\r\n\r\n>')
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
      if (input === '') printLine(`Espruino ${options.version ?? '2v29'} ${options.board ?? 'LINUX'}`)
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

/** A blank board of the row `linux` on a clock of its own. */
export function blankBoard(more: Partial<PromptSimOptions> = {}): { sim: PromptSim; clock: VirtualClock } {
  const clock = createVirtualClock(1000)
  const cells = new Uint8Array(262144).fill(0xff)
  const place = { cells, address: 0x10000000, storageBytes: 262144, eraseBytes: 1024 }
  return { sim: createPromptSim({ ...place, timing: clock, ...more }), clock }
}

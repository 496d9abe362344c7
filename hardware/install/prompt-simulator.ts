// A board at its Espruino prompt, as far as a program that flashes it can tell: echo and `>`, control characters, lines
// that wait for a bracket, `Uncaught` errors, a receive buffer that overruns, Storage over flash, restarts, power cuts.
// For rehearsals, where it runs the script too, and for tests, where it is broken on purpose at any byte.

import { type Context, createContext, runInContext } from 'node:vm'
import type { ConsolePort, PromptTiming } from './espruino-prompt.ts'
import { createGlobals, type SimulatedWatchdog } from './simulated-globals.ts'
import { type SimulatedFlash, StorageSim } from './storage-simulator.ts'

export interface PromptSimOptions extends SimulatedFlash {
  board: string
  version: string
  variables: number
  /** What this Espruino does not have: globals, or `Date.prototype.getUTCDate`. */
  without?: string[]
  /** A flash chip on SPI: the name of the port, and what the chip holds. */
  spi?: { port: string; cells: Uint8Array }
  /** Runs the script in Storage when it starts; else its start is only printed. */
  runsScript?: boolean
  baud: number
  timing: PromptTiming
  /** Bytes that the receive buffer takes while the board is at work. */
  rxBytes?: number
}

/** Power is cut. */
class Cut extends Error {}

const control = { interrupt: 0x03, enquiry: 0x05, lineFeed: 0x0a, noEcho: 0x10, clearLine: 0x15 } as const

/** True for a line with a bracket that is not closed: more lines belong to it. */
function isOpen(line: string): boolean {
  const code = line.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, '')
  return (code.match(/[([{]/g)?.length ?? 0) > (code.match(/[)\]}]/g)?.length ?? 0)
}

export class PromptSim {
  readonly storage: StorageSim
  /** Bytes received, lines run, bytes lost to a full receive buffer, writes to flash. */
  readonly count = { bytes: 0, lines: 0, overrun: 0, writes: 0 }
  /** The power is cut inside this write to flash. */
  cutAtWrite = -1
  /** Changes a byte on its way to the board (`undefined` loses it), or from it. */
  toBoard: (byte: number, index: number) => number | undefined = (byte) => byte
  fromBoard: (byte: number, index: number) => number | undefined = (byte) => byte
  /** Called before a line is run; true cuts the power there. */
  cutBefore: (line: number) => boolean = () => false
  starts = 0
  /** Starts of a script that was not whole. */
  halfStarts = 0
  readonly port: ConsolePort

  private readonly options: PromptSimOptions
  private readonly timing: PromptTiming
  private onData: (bytes: Uint8Array) => void = () => {}
  private realm: Context = createContext({})
  private input = ''
  private echo = true
  private lineEcho = true
  private powered = true
  // Losses of power, restarts of the interpreter.
  private power = 0
  private run = 0
  private busyUntilMs = 0
  private fedAtMs = 0
  private arrivesAtMs = 0
  private leavesAtMs = 0
  private waiting: number[] = []
  private text = ''
  private sentBytes = 0

  constructor(options: PromptSimOptions) {
    this.options = options
    this.timing = options.timing
    this.storage = new StorageSim(options)
    this.storage.beforeWrite = (at, bytes) => this.beforeWrite(at, bytes)
    this.port = {
      write: (bytes) => this.receive(bytes),
      onData: (take) => {
        this.onData = take
      },
      onClose: () => {},
    }
    this.restart()
  }

  /** Everything that the console has printed. */
  said(): string {
    return this.text
  }

  /** Power comes (back): RAM is empty, what is in Storage starts. */
  start(): void {
    this.power += 1
    this.powered = true
    this.busyUntilMs = this.timing.nowMs()
    this.waiting = []
    this.restart()
    this.banner()
    this.boot()
  }

  /** Power goes: timers end, nothing is received or printed. */
  stop(): void {
    this.powered = false
    this.run += 1
  }

  private print(text: string): void {
    if (!this.powered) return
    this.text += text
    const out: number[] = []
    for (const one of Buffer.from(text, 'latin1')) {
      const byte = this.fromBoard(one, this.sentBytes++)
      if (byte !== undefined) out.push(byte)
    }
    this.leavesAtMs = Math.max(this.leavesAtMs, this.timing.nowMs()) + this.lineMs(text.length)
    this.timing.after(this.leavesAtMs - this.timing.nowMs(), () => this.onData(Uint8Array.from(out)))
  }

  private lineMs(bytes: number): number {
    return (bytes * 10000) / this.options.baud
  }

  private printLine(text: string): void {
    this.print(`${text}\r\n`)
  }

  private banner(): void {
    if (this.echo) this.print(`\r\n|____| espruino.com\r\n ${this.options.version} (c) 2026 G.Williams\r\n\r\n>`)
  }

  /** An empty RAM with Espruino's globals. */
  private restart(): void {
    this.input = ''
    this.echo = true
    this.run += 1
    this.realm = createContext({})
    Object.assign(this.realm, createGlobals(this.options, this.storage, this.realm, this.watchdog()), this.ownGlobals())
    for (const name of this.options.without ?? []) runInContext(`delete globalThis.${name}`, this.realm)
  }

  /** Globals that change the prompt or the interpreter itself. */
  private ownGlobals() {
    return {
      print: (...words: unknown[]) => this.printLine(words.join(' ')),
      console: { log: (text: string) => this.printLine(text) },
      setTimeout: (due: () => void, ms: number) => this.timer(due, ms, false),
      setInterval: (due: () => void, ms: number) => this.timer(due, ms, true),
      echo: (on: number) => {
        this.echo = on !== 0
      },
      reset: () => {
        this.restart()
        this.banner()
      },
      load: () => {
        this.restart()
        this.boot()
      },
    }
  }

  /** The watchdog: only power, or what it does itself, ends it; reset() does not. */
  private watchdog(): SimulatedWatchdog {
    const { power } = this
    const { nowMs, after } = this.timing
    const check = (limitMs: number) => {
      if (power !== this.power || !this.powered) return
      const leftMs = this.fedAtMs + limitMs - nowMs()
      if (leftMs <= 0) this.start()
      else after(leftMs, () => check(limitMs))
    }
    const feed = () => {
      this.fedAtMs = nowMs()
    }
    return {
      enableWatchdog: (seconds, isAutomatic) => {
        feed()
        if (!isAutomatic) check(seconds * 1000)
      },
      kickWatchdog: feed,
      reboot: () => void after(0, () => power === this.power && this.powered && this.start()),
    }
  }

  /** A timer of the script; a restart ends it. */
  private timer(due: () => void, ms: number, repeats: boolean): void {
    const { run } = this
    this.timing.after(ms, () => {
      if (run !== this.run || !this.powered) return
      due()
      if (repeats) this.timer(due, ms, true)
    })
  }

  /** Runs what is in Storage, as a start does. */
  private boot(): void {
    const code = this.storage.read('.bootcde')
    if (code === undefined) return
    // Of a torn file the rest is blank, which is no code.
    if (!Buffer.from(code).toString('latin1').startsWith('require("smets1")')) {
      this.printLine('Uncaught SyntaxError: Got UNFINISHED STRING expected EOF')
      return
    }
    this.starts += 1
    const script = this.storage.read('smets1')
    if (script?.includes(0xff) !== false) this.halfStarts += 1
    if (this.options.runsScript && script !== undefined) {
      // A module's declarations are its own: they do not hide globals, such as those that the installation defines.
      const module = `(function(exports, module) {\n${Buffer.from(script).toString('latin1')}\n})`
      runInContext(module, this.realm)({}, {})
    } else this.printLine(`smets1: started, boot ${this.starts}`)
  }

  private runLine(line: string): void {
    if (this.cutBefore(this.count.lines++)) throw new Cut()
    const echoes = () => this.echo && this.lineEcho
    try {
      const value = runInContext(line, this.realm)
      if (echoes()) this.printLine(`=${String(value)}`)
    } catch (error) {
      if (error instanceof Cut) throw error
      this.printLine(`Uncaught ${String(error)}\r\n    at REPL (:1:1)\r\n${line.slice(0, 60)}\r\n^`)
    }
    if (echoes()) this.print('>')
  }

  private endLine(): void {
    if (isOpen(this.input)) {
      this.input += '\n'
      return
    }
    const line = this.input
    this.input = ''
    if (line.trim() !== '') {
      this.runLine(line)
      // Espruino is at work for a while, and only its buffer receives.
      this.busyUntilMs = this.timing.nowMs() + 3
    }
    this.lineEcho = true
  }

  private handle(byte: number): void {
    if (byte === control.interrupt) this.input = ''
    else if (byte === control.clearLine) this.input = this.input.slice(0, this.input.lastIndexOf('\n') + 1)
    else if (byte === control.enquiry) {
      if (this.input === '') this.printLine(`Espruino ${this.options.version} ${this.options.board}`)
    } else if (byte === control.noEcho) this.lineEcho = this.input !== ''
    else if (byte === control.lineFeed) this.endLine()
    else {
      this.input += String.fromCharCode(byte)
      if (this.echo && this.lineEcho) this.print(String.fromCharCode(byte))
    }
  }

  private work(power: number): void {
    if (power !== this.power || !this.powered) return
    try {
      while (this.waiting.length > 0 && this.timing.nowMs() >= this.busyUntilMs) this.handle(this.waiting.shift()!)
    } catch (error) {
      if (!(error instanceof Cut)) throw error
      this.powered = false
      return
    }
    if (this.waiting.length > 0) this.timing.after(this.busyUntilMs - this.timing.nowMs(), () => this.work(power))
  }

  private receive(bytes: Uint8Array): void {
    const { power } = this
    const copy = Uint8Array.from(bytes)
    this.arrivesAtMs = Math.max(this.arrivesAtMs, this.timing.nowMs()) + this.lineMs(copy.length)
    this.timing.after(this.arrivesAtMs - this.timing.nowMs(), () => {
      if (power !== this.power || !this.powered) return
      for (const one of copy) {
        const byte = this.toBoard(one, this.count.bytes++)
        if (byte === undefined) continue
        if (this.waiting.length < (this.options.rxBytes ?? 1024)) this.waiting.push(byte)
        else this.count.overrun += 1
      }
      this.work(power)
    })
  }

  private beforeWrite(at: number, bytes: Uint8Array): void {
    if (this.powered && this.count.writes++ !== this.cutAtWrite) return
    // Half of it is done; of an erase the second half, which leaves the header as it was.
    const { cells } = this.options
    if (this.powered && bytes.every((byte) => byte === 0xff)) cells.fill(0xff, at + bytes.length / 2, at + bytes.length)
    else if (this.powered) for (let i = 0; i < bytes.length / 2; i++) cells[at + i]! &= bytes[i]!
    this.powered = false
    throw new Cut()
  }
}

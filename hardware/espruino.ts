// The meter on a board under Espruino. Keeps to the language that Espruino has (espruino-subset.ts).

import type { Flash, Uart } from '../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../firmware/flash-map.ts'
import { type BoardMeter, startMeter as startMeterOn } from '../firmware/meter.ts'
import type { EspruinoBoard } from './boards.ts'

// What is used of Espruino's globals (espruino.com/Reference).
interface FlashModule {
  read(length: number, address: number): Uint8Array
  write(data: Uint8Array, address: number): void
  erasePage(address: number): void
  getPage(address: number): { addr: number; length: number } | undefined
}
declare const require: (module: 'Flash') => FlashModule
declare const E: { setConsole(device: string, options: { force: boolean }): void }
declare const setWatch: (pulse: () => void, pin: string, options: object) => unknown
declare const setInterval: (due: () => void, ms: number) => unknown
declare const setTimeout: (due: () => void, ms: number) => unknown
declare const console: { log(text: string): void }

/** A UART as Espruino has it: a string holds a byte in each character. */
export interface EspruinoSerial {
  setup(baud: number, options: object): void
  on(event: 'data', received: (data: string) => void): void
  write(data: Uint8Array): void
}

/** How often the meter looks at its pulses and its clock when the line is quiet. */
const stepMs = 250

/** 2024-01-01T00:00Z. A clock before it was never set: boards begin at 1970 or 2000 when they get power. */
const clockSetMs = 1704067200000

function say(text: string): void {
  console.log('smets1: ' + text)
}

function bytesOf(data: string): Uint8Array {
  const bytes = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) bytes[i] = data.charCodeAt(i)
  return bytes
}

function createFlash(module: FlashModule, base: number, eraseBytes: number): Flash {
  function read(address: number, count: number): Uint8Array {
    return count > 0 ? module.read(count, base + address) : new Uint8Array(0)
  }

  function program(address: number, bytes: Uint8Array): void {
    module.write(bytes, base + address)
  }

  function erase(page: number): void {
    for (let at = 0; at < pageBytes; at += eraseBytes) module.erasePage((base + page * pageBytes + at) | 0)
  }

  return { pageBytes: pageBytes, pages: flashPagesFull, read: read, program: program, erase: erase }
}

/** Espruino does not tell how much of a frame has left: the line's speed does. */
function createUart(line: EspruinoSerial, baud: number): Uart {
  let freeAtMs = 0
  let lastMs = 0

  function write(bytes: Uint8Array): void {
    const nowMs = Date.now()
    lastMs = (bytes.length * 10000) / baud
    freeAtMs = Math.max(nowMs, Math.min(freeAtMs, nowMs + lastMs)) + lastMs
    line.write(bytes)
  }

  function ready(): boolean {
    const leftMs = freeAtMs - Date.now()
    // More than was ever ahead: the clock was set back, not the line slow.
    return leftMs <= 0 || leftMs > 2 * lastMs
  }

  return { write: write, ready: ready }
}

/** Pulses of the four channels since the last call, from the inputs, or of the steady load that stands in for them. */
function createPulses(pulses: EspruinoBoard['pulses'], clock: () => number): () => number[] {
  let counts = [0, 0, 0, 0]
  let lastMs = clock()
  let rest = 0

  function watch(channel: number): void {
    const input = 'pins' in pulses ? pulses.pins[channel] : undefined
    if (input === undefined || !('pins' in pulses)) return
    setWatch(
      () => {
        counts[channel] = counts[channel]! + 1
      },
      input,
      { repeat: true, edge: pulses.edge, debounce: pulses.debounceMs },
    )
  }

  for (let channel = 0; channel < 4; channel++) watch(channel)

  return () => {
    if ('perHour' in pulses) {
      const nowMs = clock()
      rest += (Math.max(0, nowMs - lastMs) * pulses.perHour) / 3600000
      lastMs = nowMs
      counts[0] = Math.floor(rest)
      rest -= counts[0]
    }
    const taken = counts
    counts = [0, 0, 0, 0]
    return taken
  }
}

/** Lets the meter work: at once when there is something to do, every quarter of a second otherwise. */
function run(meter: BoardMeter, line: EspruinoSerial, uart: Uart): void {
  let soon = false
  let stopped = false

  function step(): void {
    soon = false
    if (stopped) return
    try {
      meter.step()
    } catch (error) {
      // Flash that is worn out: a meter that cannot record must not answer as if it did.
      stopped = true
      say('stopped: ' + error)
      return
    }
    if (meter.busy()) stepSoon(uart.ready() ? 0 : 5)
  }

  function stepSoon(ms: number): void {
    if (soon) return
    soon = true
    setTimeout(step, ms)
  }

  line.on('data', (data) => {
    meter.received(bytesOf(data))
    stepSoon(0)
  })
  setInterval(step, stepMs)
}

/**
 * Starts the meter on a board. What keeps it from starting is said on the console, and the line stays quiet: flash that
 * is not the row's, no settings in it. Until the clock is set it waits; a meter without the time would have nothing to
 * record. `clock` gives milliseconds of UTC since 1970.
 */
export function startMeter(board: EspruinoBoard, line: EspruinoSerial, clock: () => number): void {
  const place = board.flash
  let asked = false

  function begin(): void {
    if (clock() < clockSetMs) {
      if (!asked) say('waits for the time: setTime(seconds since 1970)')
      asked = true
      setTimeout(begin, 1000)
      return
    }
    try {
      const uart = createUart(line, board.line.baud)
      const meter = startMeterOn({
        nowMs: clock,
        upMs: clock,
        flash: createFlash(module, place.base, place.eraseBytes),
        uart: uart,
        takePulses: createPulses(board.pulses, clock),
      })
      line.setup(board.line.baud, board.line.options)
      run(meter, line, uart)
      say('started, boot ' + meter.state.metering!.logs.journal.boots)
    } catch (error) {
      say('not started: ' + error)
    }
  }

  E.setConsole(board.console, { force: true })
  const module = require('Flash')
  const unit = module.getPage(place.base)
  if (unit === undefined || unit.addr !== place.base || unit.length !== place.eraseBytes) {
    say('not started: no erase unit of ' + place.eraseBytes + ' bytes at ' + place.base + ', this is another board')
    return
  }
  begin()
}

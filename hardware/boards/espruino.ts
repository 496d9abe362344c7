// The meter on a board under Espruino. Keeps to the language that Espruino has (espruino-subset.ts).

import type { Flash, Uart } from '../../firmware/board.ts'
import { wornOut } from '../../firmware/flash-pages.ts'
import { type BoardMeter, startMeter } from '../../firmware/meter.ts'
import type { EspruinoBoard } from './board-row.ts'

// What is used of Espruino's globals (espruino.com/Reference).
declare const E: {
  setConsole(device: string, options: { force: boolean }): void
  enableWatchdog(seconds: number, isAutomatic: boolean): void
  kickWatchdog(): void
  reboot(): void
}
declare const pinMode: (pin: string, mode: string) => void
declare const setWatch: (edge: () => void, pin: string, options: object) => unknown
declare const setInterval: (due: () => void, ms: number) => unknown
declare const setTimeout: (due: () => void, ms: number) => unknown
declare const setDeepSleep: (sleep: boolean) => void
declare const console: { log(text: string): void }

/** A UART as Espruino has it: a string holds a byte in each character. */
export interface EspruinoSerial {
  setup(baud: number, options: object): void
  on(event: 'data', received: (data: string) => void): void
  write(data: Uint8Array): void
}

/** What the script has of a board's row. */
export type RunningBoard = Pick<EspruinoBoard, 'console' | 'pulses' | 'powerFail' | 'deepSleep' | 'watchdogSeconds'> & {
  line: Pick<EspruinoBoard['line'], 'baud' | 'options'>
}

/** How often the meter looks at its pulses and its clock when the line is quiet. */
const stepMs = 250

/** A last gasp within so long of another is the same failure of the supply, and is left out. */
const gaspEveryMs = 60000

/** How long a board that was woken by an edge on its receive pin listens before it may sleep deeply again. */
const listenMs = 10000

function say(text: string): void {
  console.log('smets1: ' + text)
}

function bytesOf(data: string): Uint8Array {
  const bytes = new Uint8Array(data.length)
  for (let i = 0; i < data.length; i++) bytes[i] = data.charCodeAt(i)
  return bytes
}

/** Espruino does not tell how much of a frame has left: the line's speed does. */
function createUart(line: EspruinoSerial, baud: number): Uart {
  let freeAtMs = 0
  let lastMs = 0
  let isFirst = true

  return {
    write: (bytes) => {
      const nowMs = Date.now()
      lastMs = (bytes.length * 10000) / baud
      freeAtMs = Math.max(nowMs, Math.min(freeAtMs, nowMs + lastMs)) + lastMs
      // A zero ends what a restart in the middle of a frame has left at the other end.
      if (isFirst) line.write(new Uint8Array(1))
      isFirst = false
      line.write(bytes)
    },
    ready: () => {
      const leftMs = freeAtMs - Date.now()
      // More than was ever ahead: the clock was set back, not the line slow.
      return leftMs <= 0 || leftMs > 2 * lastMs
    },
  }
}

/** Pulses of the four channels since the last call, from the inputs, or of the steady load that stands in for them. */
function createPulses(pulses: EspruinoBoard['pulses'], clock: () => number): () => number[] {
  let counts = [0, 0, 0, 0]
  let lastMs = clock()
  let rest = 0

  function watch(pin: string, channel: number): void {
    // A watch alone sets a pull-up on ESP32 only: elsewhere an open input would count noise.
    pinMode(pin, pulses.mode)
    setWatch(
      () => {
        counts[channel] = counts[channel]! + 1
      },
      pin,
      { repeat: true, edge: pulses.edge, debounce: pulses.debounceMs },
    )
  }

  for (let channel = 0; channel < pulses.pins.length; channel++) watch(pulses.pins[channel]!, channel)

  return () => {
    const nowMs = clock()
    rest += (Math.max(0, nowMs - lastMs) * pulses.perHour) / 3600000
    lastMs = nowMs
    const steady = Math.floor(rest)
    rest -= steady
    const taken = counts
    taken[0] = taken[0]! + steady
    counts = [0, 0, 0, 0]
    return taken
  }
}

/** Calls `fails` when the supply is about to fail, once for each failure: noise on the pin must not wear the journal. */
function watchSupply(pin: string, fails: () => void): void {
  let lastMs = -gaspEveryMs
  pinMode(pin, 'input_pullup')
  setWatch(
    () => {
      const nowMs = Date.now()
      if (Math.abs(nowMs - lastMs) < gaspEveryMs) return
      lastMs = nowMs
      fails()
    },
    pin,
    { repeat: true, edge: 'falling' },
  )
}

/** Lets the meter work: at once when there is something to do, every quarter of a second otherwise. */
function run(meter: BoardMeter, line: EspruinoSerial, uart: Uart, board: RunningBoard): void {
  let soon = false
  let stopped = false
  let heardMs = 0

  function step(failing: boolean): void {
    if (stopped) return
    try {
      if (failing) meter.powerFails()
      else meter.step()
    } catch (error) {
      restart('' + error)
      return
    }
    if (board.watchdogSeconds > 0) E.kickWatchdog()
    if (meter.busy()) stepSoon(uart.ready() ? 0 : 5)
    // Deep asleep, the UART hears nothing: an edge on its pin wakes the board, and the wake that it began is sent again.
    if (board.deepSleep && !meter.state.line.session && Date.now() - heardMs > listenMs) setDeepSleep(true)
  }

  /** An error of the firmware's own is recorded, and the board starts anew: its watchdog is fed no more. */
  function restart(why: string): void {
    stopped = true
    say('fault: ' + why)
    meter.failed()
    if (board.watchdogSeconds === 0) E.reboot()
  }

  function stepSoon(ms: number): void {
    if (soon) return
    soon = true
    setTimeout(() => {
      soon = false
      step(false)
    }, ms)
  }

  line.on('data', (data) => {
    meter.received(bytesOf(data))
    stepSoon(0)
  })
  setInterval(() => step(false), stepMs)
  if (board.deepSleep) {
    setWatch(
      () => {
        heardMs = Date.now()
        setDeepSleep(false)
      },
      board.line.options.rx!,
      { repeat: true, edge: 'falling' },
    )
  }
  if (board.powerFail) watchSupply(board.powerFail, () => step(true))
  // Each step feeds it: what hangs longer, or fails, restarts the board.
  if (board.watchdogSeconds > 0) E.enableWatchdog(board.watchdogSeconds, false)
}

/**
 * Starts the meter on a board. What keeps it from starting is said on the console, and the line stays quiet: flash that
 * is not the row's, no settings in it. `openFlash` gives the flash of the row; `clock` milliseconds of UTC since 1970.
 */
export function startBoard(
  board: RunningBoard,
  line: EspruinoSerial,
  openFlash: () => Flash,
  clock: () => number,
): void {
  E.setConsole(board.console, { force: true })
  try {
    const uart = createUart(line, board.line.baud)
    const meter = startMeter({
      nowMs: clock,
      upMs: clock,
      flash: openFlash(),
      uart: uart,
      takePulses: createPulses(board.pulses, clock),
    })
    line.setup(board.line.baud, board.line.options)
    run(meter, line, uart, board)
    if (meter.state.isWornOut) say(wornOut)
    else say('started, boot ' + meter.state.metering.logs.journal.boots)
    if (meter.state.metering.lost) say('clock not set')
  } catch (error) {
    say('not started: ' + error)
  }
}

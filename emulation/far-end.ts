// The far end of simulated lines: many meters on one clock, in memory. A meter that is asleep costs its state and nothing
// else (hardware/emulator/fleet.ts).
//
// Each port that is opened is a line of its own, whatever its URL: `sim:` may be a bus for all meters, `sim:EUI` a line for
// one. A meter is found by the wake frame.

import { flashPagesFull, pageBytes } from '../firmware/flash-map.ts'
import { createMeter, type Meter } from '../firmware/meter.ts'
import { type Configuration, defaultConfiguration, writeSettings } from '../firmware/settings.ts'
import { createFlashStore, type FlashStore } from '../hardware/emulator/flash-store.ts'
import { createFleet } from '../hardware/emulator/fleet.ts'
import { FleetBoard, type FleetLine } from '../hardware/emulator/fleet-board.ts'
import type { EnergyOf } from '../hardware/emulator/metrology.ts'
import { advance } from '../hardware/emulator/virtual-run.ts'
import type { OpenPort } from '../host/wan/bindings.ts'
import type { Timing } from '../host/wan/timing.ts'
import { euiToBytes } from '../protocol/bytes.ts'
import { frameBytesMax } from '../protocol/limits.ts'

export interface FarEndMeter {
  eui: string
  /** The key that the DCO has too, 32 bytes. */
  key: Uint8Array
  /** Energy by half-hour and channel; asked for when it is needed. */
  energyOf: EnergyOf
  /** The usual configuration unless given. */
  configuration?: Configuration
  /** Since when the meter has run, ms of UTC; now unless given. Its log begins then. */
  sinceMs?: number
}

export interface FarEnd {
  openPort: OpenPort
  /** Adds a meter with its log up to now. @throws RangeError for an EUI-64 or a key that is none */
  add(meter: FarEndMeter): Meter
  size(): number
  awake(): number
  /** Brings every meter up to date, as it is at 00:00 UTC. */
  settle(): void
  /** Bytes of memory of all flash. */
  flashBytes(): number
  /** Every meter commits what it has counted; then none hears anything any more. */
  stop(): void
}

export interface FarEndOptions {
  timing: Timing
  /** Bits per second of each line, 10 for each byte; 0 sends everything at once. */
  baud: number
  /** Where the flash is; memory unless given. */
  store?: FlashStore
  /** Receives the error of a meter whose flash failed. Unless given, it is thrown by the clock. */
  failed?(error: unknown): void
}

/** One way of a line: bytes arrive when their last bit has been sent, in order. */
function createWay(timing: Timing, baud: number, arrived: (bytes: Uint8Array) => void) {
  const msPerByte = baud === 0 ? 0 : 10000 / baud
  let freeAtMs = 0
  return {
    send(bytes: Uint8Array): void {
      freeAtMs = Math.max(freeAtMs, timing.nowMs()) + bytes.length * msPerByte
      timing.after(freeAtMs - timing.nowMs(), () => arrived(bytes))
    },
    /** Until less than a frame waits to be sent. */
    busyMs: () => Math.max(0, freeAtMs - timing.nowMs() - (frameBytesMax - 1) * msPerByte),
  }
}

export function createFarEnd(options: FarEndOptions): FarEnd {
  const { timing, baud } = options
  const store = options.store ?? createFlashStore({ pageBytes, pages: flashPagesFull })
  const startMs = timing.nowMs()
  const clock = {
    nowMs: startMs,
    upMs: 0,
    update() {
      clock.nowMs = timing.nowMs()
      clock.upMs = clock.nowMs - startMs
    },
  }
  const timers = {
    nowMs: timing.nowMs,
    set: (due: () => void, delayMs: number) => timing.after(delayMs, due),
    clear: (timer: unknown) => (timer as { cancel(): void } | undefined)?.cancel(),
  }
  const failed =
    options.failed ??
    ((error: unknown) => {
      throw error
    })
  const fleet = createFleet({ clock, timers, upToDate: 'at midnight', failed })

  const openPort: OpenPort = async (_url, _baud, events) => {
    let isOpen = true
    const toHost = createWay(timing, baud, (bytes) => {
      if (isOpen) events.data(bytes)
    })
    const line: FleetLine = toHost
    const end = fleet.connect(line)
    const toMeter = createWay(timing, baud, end.received)
    return {
      write(bytes) {
        if (isOpen) toMeter.send(bytes)
      },
      async close() {
        if (!isOpen) return
        isOpen = false
        events.closed()
      },
    }
  }

  return {
    openPort,
    add({ eui, key, energyOf, configuration = defaultConfiguration(), sinceMs }) {
      clock.update()
      const flash = store.flash(store.add(1))
      const bytes = euiToBytes(eui)
      writeSettings(flash, { eui: bytes, key, version: 1, configuration })
      const board = new FleetBoard(flash, energyOf, configuration.pulsesPerKwh, sinceMs ?? clock.nowMs)
      const meter = createMeter(board)
      advance(board.clock, meter, clock.nowMs)
      fleet.add(bytes, { board, meter })
      return meter
    },
    size: fleet.size,
    awake: fleet.awake,
    settle: fleet.settle,
    flashBytes: store.bytes,
    stop: fleet.stop,
  }
}

// A serial line in virtual time: bytes take their time at the baud rate, and faults come from a seed.

import type { OpenPort, PortEvents } from '../host/wan/bindings.ts'
import { PortError } from '../host/wan/bindings.ts'
import type { Timing } from '../host/wan/serial-line.ts'
import type { LineFaults } from './line-faults.ts'
import { createNoisyUart, type NoisyUart } from './noisy-uart.ts'
import type { Random } from './random.ts'

/** A device on the line. */
export interface LineDevice {
  received(bytes: Uint8Array): void
}

export type Way = 'toDevice' | 'toHost'

export interface SimLine {
  openPort: OpenPort
  /** The device's end: sends bytes to the port, if it is open. */
  send(bytes: Uint8Array): void
  /** True while less than a frame waits to be sent by the device. */
  ready(): boolean
  attach(device: LineDevice): void
  faults: LineFaults
  /** The receiver at the end of that direction takes nothing for so long; what comes waits for it. */
  stall(way: Way, ms: number): void
  /** Unplugs the port: an open port closes, and none opens until `plug`. */
  unplug(): void
  plug(): void
  /** Nothing delays what is put on it next. Call it when the clock has gone back. */
  settle(): void
  /** Bytes put on the line in each direction since the start. */
  bytes: { [way in Way]: number }
}

const burstBytesMax = 64
const delayMsMax = 500

/** One direction of a line. */
export interface Lane {
  uart: NoisyUart
  /** When the last bit put on it has passed. */
  freeAtMs: number
  /** Before this nothing arrives: something was delayed. */
  notBeforeMs: number
  /** Until then its reader takes nothing. */
  stalledUntilMs: number
  /** What is on its way, in order. */
  underWay: Uint8Array[]
  /** Bytes that a burst still spoils. */
  burst: number
}

function freeLane(lane: Lane): void {
  Object.assign(lane, { freeAtMs: 0, notBeforeMs: 0, stalledUntilMs: 0 })
}

export function createLane(random: Random): Lane {
  return { uart: createNoisyUart(random), freeAtMs: 0, notBeforeMs: 0, stalledUntilMs: 0, underWay: [], burst: 0 }
}

/** The bytes that arrive when these are put on a lane. */
export function disturb(lane: Lane, bytes: Uint8Array, faults: LineFaults, random: Random): Uint8Array {
  const { loss = 0, flip = 0, double = 0, bursts = 0 } = faults
  if (loss + flip + double + bursts === 0) return bytes
  const out: number[] = []
  for (const byte of bytes) {
    if (random.next() < loss) continue
    if (random.next() < bursts) lane.burst = 1 + random.below(burstBytesMax)
    const turned = random.next() < flip ? byte ^ (1 << random.below(8)) : byte
    const arrives = lane.burst > 0 ? random.below(256) : turned
    if (lane.burst > 0) lane.burst -= 1
    out.push(arrives)
    if (random.next() < double) out.push(arrives)
  }
  return Uint8Array.from(out)
}

export function createSimLine(timing: Timing, baud: number, random: Random): SimLine {
  const devices: LineDevice[] = []
  let events: PortEvents | undefined
  let plugged = true
  const lanes = { toDevice: createLane(random), toHost: createLane(random) }
  const msPerByte = 10000 / baud

  const deliver = {
    toDevice(bytes: Uint8Array) {
      for (const device of devices) device.received(bytes)
    },
    toHost: (bytes: Uint8Array) => events?.data(bytes),
  }

  function arrive(way: Way): void {
    const lane = lanes[way]
    if (timing.nowMs() < lane.stalledUntilMs) {
      timing.after(lane.stalledUntilMs - timing.nowMs(), () => arrive(way))
      return
    }
    const bytes = lane.underWay.shift()!
    if (plugged) deliver[way](bytes)
  }

  function carry(bytes: Uint8Array, way: Way): void {
    line.bytes[way] += bytes.length
    const lane = lanes[way]
    const nowMs = timing.nowMs()
    const rested = lane.freeAtMs < nowMs
    lane.freeAtMs = Math.max(lane.freeAtMs, nowMs) + bytes.length * msPerByte
    const { faults } = line
    const { bitErrors = 0, delays = 0 } = faults
    lane.underWay.push(disturb(lane, lane.uart.carry(bytes, bitErrors, rested), faults, random))
    if (delays > 0 && random.next() < delays) lane.notBeforeMs = lane.freeAtMs + random.below(delayMsMax)
    timing.after(Math.max(lane.freeAtMs, lane.notBeforeMs) - nowMs, () => arrive(way))
  }

  const line: SimLine = {
    openPort: async (url, _baud, on) => {
      if (!plugged) throw new PortError(`${url} does not exist: is the meter running, the cable plugged in?`)
      events = on
      return {
        write: (bytes) => carry(bytes, 'toDevice'),
        close: async () => {
          if (events === on) events = undefined
          on.closed()
        },
      }
    },
    send: (bytes) => carry(bytes, 'toHost'),
    ready: () => lanes.toHost.freeAtMs - timing.nowMs() < 256 * msPerByte,
    attach: (device) => void devices.push(device),
    faults: {},
    stall(way, ms) {
      lanes[way].stalledUntilMs = timing.nowMs() + ms
    },
    unplug() {
      plugged = false
      const open = events
      events = undefined
      open?.closed()
    },
    plug() {
      plugged = true
    },
    settle: () => Object.values(lanes).forEach(freeLane),
    bytes: { toDevice: 0, toHost: 0 },
  }
  return line
}

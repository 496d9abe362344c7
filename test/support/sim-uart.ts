// A serial line in virtual time: bytes take their time at the baud rate, and faults come from a seed.

import type { OpenPort, PortEvents } from '../../host/wan/bindings.ts'
import { PortError } from '../../host/wan/bindings.ts'
import type { Timing } from '../../host/wan/line.ts'
import type { Random } from './random.ts'

/** What can go wrong with bytes, in either direction. Rates are per byte; 0 when left out. */
export interface LineFaults {
  /** Share of bytes lost, with one bit turned, doubled. */
  loss?: number
  flip?: number
  double?: number
}

/** A device on the line: takes bytes, says when it has something to send. */
export interface LineDevice {
  received(bytes: Uint8Array): void
}

export interface SimLine {
  openPort: OpenPort
  /** The device's end: sends bytes to whoever has the port open. */
  send(bytes: Uint8Array): void
  /** True while less than a frame waits to be sent by the device. */
  ready(): boolean
  attach(device: LineDevice): void
  faults: LineFaults
  /** Unplugs the port: what is open closes, nothing opens until `plug`. */
  unplug(): void
  plug(): void
  /** Bytes put on the line in each direction since the start. */
  bytes: { toDevice: number; toHost: number }
}

export function createSimLine(timing: Timing, baud: number, random: Random): SimLine {
  const devices: LineDevice[] = []
  let events: PortEvents | undefined
  let plugged = true
  const freeAtMs = { toDevice: 0, toHost: 0 }
  const msPerByte = 10000 / baud

  function disturb(bytes: Uint8Array, faults: LineFaults): Uint8Array {
    const out: number[] = []
    for (const byte of bytes) {
      if (random.next() < (faults.loss ?? 0)) continue
      const turned = random.next() < (faults.flip ?? 0) ? byte ^ (1 << random.below(8)) : byte
      out.push(turned)
      if (random.next() < (faults.double ?? 0)) out.push(turned)
    }
    return Uint8Array.from(out)
  }

  const line: SimLine = {
    openPort: async (url, _baud, on) => {
      if (!plugged) throw new PortError(`${url} does not exist: is the meter running, the cable plugged in?`)
      events = on
      return {
        write: (bytes) =>
          carry(bytes, 'toDevice', (arrived) => {
            for (const device of devices) device.received(arrived)
          }),
        close: async () => {
          if (events === on) events = undefined
          on.closed()
        },
      }
    },
    send: (bytes) => carry(bytes, 'toHost', (arrived) => events?.data(arrived)),
    ready: () => freeAtMs.toHost - timing.nowMs() < 256 * msPerByte,
    attach: (device) => void devices.push(device),
    faults: {},
    unplug() {
      plugged = false
      const open = events
      events = undefined
      open?.closed()
    },
    plug() {
      plugged = true
    },
    bytes: { toDevice: 0, toHost: 0 },
  }

  function carry(bytes: Uint8Array, way: 'toDevice' | 'toHost', deliver: (bytes: Uint8Array) => void): void {
    line.bytes[way] += bytes.length
    const startMs = Math.max(freeAtMs[way], timing.nowMs())
    freeAtMs[way] = startMs + bytes.length * msPerByte
    const arrived = disturb(bytes, line.faults)
    timing.after(freeAtMs[way] - timing.nowMs(), () => {
      if (plugged) deliver(arrived)
    })
  }

  return line
}

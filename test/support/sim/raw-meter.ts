// A meter on simulated flash; the test sends and receives its packets one by one.

import { createRandom } from '../../../emulation/random.ts'
import { createSimFlash } from '../../../emulation/sim-flash.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { createMeter, type Meter } from '../../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../../firmware/settings.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'

export interface RawMeter {
  meter: Meter
  nowMs(): number
  /** Lets time pass, in one step of the meter; answers the packets that it sends. */
  pass(ms: number): Uint8Array[]
  /** Lives through half-hours with these pulses of each channel. */
  live(halfHours: number, pulses: () => number[]): void
  /** Gives it a packet, and answers the packets that it sends: all of them, or as many as `blocks` steps bring. */
  say(packet: Uint8Array, blocks?: number): Uint8Array[]
  /** The same with bytes as they are on the line. */
  put(bytes: Uint8Array, blocks?: number): Uint8Array[]
}

export function createRawMeter(eui: Uint8Array, key: Uint8Array, startMs: number): RawMeter {
  const flash = createSimFlash(pageBytes, flashPagesFull, createRandom(1))
  writeSettings(flash, { eui, key, version: 1, configuration: defaultConfiguration() })
  let nowMs = startMs
  let counted = [0, 0, 0, 0]
  let ready = true
  const said: Uint8Array[] = []
  const decoder = createFrameDecoder(
    (packet) => said.push(packet),
    (why) => {
      throw new Error(`the meter sent no frame: ${why}`)
    },
  )
  const meter = createMeter({
    nowMs: () => nowMs,
    upMs: () => nowMs,
    flash,
    uart: { write: (bytes) => decoder.push(bytes), ready: () => ready },
    takePulses() {
      const taken = counted
      counted = [0, 0, 0, 0]
      return taken
    },
  })

  function put(bytes: Uint8Array, blocks = Number.POSITIVE_INFINITY): Uint8Array[] {
    said.length = 0
    meter.received(bytes)
    // Taking the packet sends nothing yet but alerts and awake.
    ready = false
    meter.step()
    ready = true
    for (let sent = 0; sent < blocks && meter.busy(); sent++) meter.step()
    return [...said]
  }

  return {
    meter,
    nowMs: () => nowMs,
    pass(ms) {
      nowMs += ms
      said.length = 0
      meter.step()
      return [...said]
    },
    live(halfHours, pulses) {
      for (let i = 0; i < halfHours; i++) {
        counted = pulses()
        nowMs += 1800000
        meter.step()
      }
    },
    say: (packet, blocks) => put(encodeFrame(packet), blocks),
    put,
  }
}

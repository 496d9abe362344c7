// Lines with faults while a request is executed: bytes that are lost or changed, a meter that is silent or slow.

import type { OpenPort } from '../host/wan/bindings.ts'
import type { Timing } from '../host/wan/timing.ts'
import type { LineFaults } from './line-faults.ts'
import { createRandom } from './random.ts'
import { createLane, disturb, type Lane } from './sim-line.ts'

/** What is wrong with a line for a while. */
export interface Disturbance {
  /** Nothing reaches the meter. */
  silent?: boolean
  /** What the meter sends arrives so much later. */
  slowMs?: number
  noise?: LineFaults
  seed?: number
}

interface Disturbed extends Disturbance {
  toMeter: Lane
  toBridge: Lane
  random: ReturnType<typeof createRandom>
}

export interface FaultyLines {
  openPort: OpenPort
  /** Disturbs a line from now on, until the function that is returned is called. `url`: as the line is opened. */
  disturb(url: string, how: Disturbance): () => void
  /** Ends all disturbances. */
  clear(): void
}

export function createFaultyLines(timing: Timing, openPort: OpenPort): FaultyLines {
  const byUrl = new Map<string, Set<Disturbed>>()

  const of = (url: string) => byUrl.get(url) ?? []

  /** The bytes that arrive. */
  function pass(url: string, bytes: Uint8Array, way: 'toMeter' | 'toBridge'): Uint8Array {
    let left = bytes
    for (const { noise, random, [way]: lane } of of(url)) {
      if (noise === undefined) continue
      left = disturb(lane, lane.uart.carry(left, noise.bitErrors ?? 0, true), noise, random)
    }
    return left
  }

  return {
    clear: () => byUrl.clear(),
    async openPort(url, baud, on) {
      /** When the last of what the meter sent arrives: nothing may pass it. */
      let lastMs = 0
      const port = await openPort(url, baud, {
        ...on,
        data(bytes) {
          const nowMs = timing.nowMs()
          const slowMs = Math.max(0, ...[...of(url)].map((one) => one.slowMs ?? 0))
          const arrived = pass(url, bytes, 'toBridge')
          lastMs = Math.max(lastMs, nowMs + slowMs)
          if (lastMs <= nowMs) on.data(arrived)
          else timing.after(lastMs - nowMs, () => on.data(arrived))
        },
      })
      return {
        ...port,
        write(bytes) {
          if (![...of(url)].some((one) => one.silent)) port.write(pass(url, bytes, 'toMeter'))
        },
      }
    },
    disturb(url, how) {
      const random = createRandom(how.seed ?? 1)
      const disturbed = { ...how, random, toMeter: createLane(random), toBridge: createLane(random) }
      const all = byUrl.get(url) ?? new Set()
      byUrl.set(url, all.add(disturbed))
      return () => {
        all.delete(disturbed)
        if (all.size === 0) byUrl.delete(url)
      }
    },
  }
}

// The meters of a rehearsal at the far end of their lines, and the keys that the DCO has of them.

import type { OpenPort } from '../../host/wan/bindings.ts'
import type { Timing } from '../../host/wan/timing.ts'
import { createFarEnd } from '../far-end.ts'
import { createRandom } from '../random.ts'
import { loadOf } from './loads.ts'
import type { RehearsedMeter } from './population.ts'

export interface Estate {
  openPort: OpenPort
  key(eui: string): Uint8Array | undefined
}

const baud = 115_200

/** Meters with a log from `sinceMs` up to now. */
export function createEstate(timing: Timing, meters: readonly RehearsedMeter[], seed: number, sinceMs: number): Estate {
  const farEnd = createFarEnd({ timing, baud })
  const keys = new Map<string, Uint8Array>()
  for (const meter of meters) {
    const key = createRandom(seed + 7919 * (meter.index + 1)).bytes(32)
    keys.set(meter.eui, key)
    farEnd.add({ eui: meter.eui, key, energyOf: loadOf(meter), sinceMs })
  }
  return { openPort: farEnd.openPort, key: (eui) => keys.get(eui) }
}

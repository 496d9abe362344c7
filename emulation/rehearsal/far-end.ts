// The meters of a rehearsal at the far end of their lines: the real firmware, each on a line of its own.

import type { OpenPort } from '../../host/wan/bindings.ts'
import { PortError } from '../../host/wan/bindings.ts'
import { halfHourMs } from '../../protocol/half-hour.ts'
import { createRandom } from '../random.ts'
import { createSimLine } from '../sim-line.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import { createSimMeter } from '../world.ts'
import { loadOf } from './loads.ts'
import type { RehearsedMeter } from './population.ts'
import { lineOfMeter } from './registry.ts'

export interface FarEnd {
  openPort: OpenPort
  /** The key of a meter, which the DCO holds. */
  key(eui: string): Uint8Array | undefined
}

/** Makes the meters with a log of the half-hours from `fromMs` until `untilMs`, where the clock then stands. */
export function createFarEnd(
  clock: VirtualClock,
  meters: readonly RehearsedMeter[],
  seed: number,
  fromMs: number,
  untilMs: number,
): FarEnd {
  const keys = new Map<string, Uint8Array>()
  const lines = new Map<string, OpenPort>()
  const first = fromMs / halfHourMs
  for (const one of meters) {
    const key = createRandom(seed + 7919 * (one.index + 1)).bytes(32)
    keys.set(one.eui, key)
    const line = createSimLine(clock, 115_200, createRandom(seed + one.index))
    const meter = createSimMeter(clock, line, one.eui, key, createRandom(one.index))
    const { whOf, othersOf } = loadOf(one)
    meter.live(
      first,
      Array.from({ length: untilMs / halfHourMs - first }, (_, i) => whOf(first + i)),
      othersOf,
    )
    meter.follow(whOf, othersOf)
    if (!one.reachable) meter.silent(true)
    lines.set(lineOfMeter(one.eui), line.openPort)
  }
  return {
    key: (eui) => keys.get(eui),
    openPort: async (url, baud, events) => {
      const open = lines.get(url)
      if (open === undefined) throw new PortError(`${url}: there is no such meter`)
      return open(url, baud, events)
    },
  }
}

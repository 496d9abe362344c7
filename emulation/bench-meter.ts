// The meter of a bench: what it measures, and what can go wrong with it and with its line.

import { halfHourMs } from '../protocol/half-hour.ts'
import type { BenchLine, BenchMeter } from './bench-api.ts'
import { type BenchLoad, loadReadings } from './bench-readings.ts'
import type { FaultyMeter } from './faulty-env.ts'
import type { OthersOf, WhOf } from './follow-load.ts'
import { durationMs, instantMs } from './instants.ts'
import { createRandom } from './random.ts'
import type { SimLine } from './sim-line.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { createSimMeter, type SimMeter } from './world.ts'

interface MeterParts {
  clock: VirtualClock
  line: SimLine
  eui: string
  mpan: string
  first: SimMeter
  household: WhOf
  othersOf: OthersOf
  /** Called after the meter was replaced by one with this key. */
  replaced(key: Uint8Array): Promise<void>
}

/** Wh of all channels up to a half-hour, lived by a new meter. */
function replacement({ clock, line, eui, othersOf }: MeterParts, load: BenchLoad, from: number, key: Uint8Array) {
  const nowMs = clock.nowMs()
  const meter = createSimMeter(clock, line, eui, key)
  const wh = Array.from({ length: Math.floor(nowMs / halfHourMs) - from }, (_, i) => load.whOf(from + i))
  meter.live(from, wh, othersOf)
  clock.set(nowMs)
  return meter
}

export interface BenchMeterControl {
  meter: BenchMeter
  /** What rules of the bench do to it. */
  faulty: FaultyMeter
  remove(): void
}

export function createBenchMeter(parts: MeterParts): BenchMeterControl {
  const { clock, eui, mpan, household, othersOf } = parts
  let current = parts.first
  let replacements = 0
  current.follow(household, othersOf)

  const meter: BenchMeter = {
    eui,
    mpan,
    importWh: () => current.meter().importWh(),
    async load(readings, options = {}) {
      const load = await loadReadings(readings, options, household, clock.nowMs())
      const from = load.first ?? 0
      if (from * halfHourMs < clock.nowMs()) {
        replacements += 1
        const key = createRandom(1000 + replacements).bytes(32)
        current.remove()
        current = replacement(parts, load, from, key)
        await parts.replaced(key)
      }
      current.follow(load.whOf, othersOf)
      return { halfHours: load.halfHours, wh: load.wh }
    },
    powerOff: () => current.off(),
    powerOn() {
      if (!current.hasPower()) current.on()
    },
    powerCut(length) {
      const ms = durationMs(length, 'the length of a power cut')
      current.off()
      const cut = current
      clock.after(ms, () => {
        if (cut === current) meter.powerOn()
      })
    },
    reboot() {
      current.off()
      current.on()
    },
    silent: (isSilent = true) => current.silent(isSilent),
    setClock: (to) => current.showClock(instantMs(to, "the clock's time")),
  }
  const faulty: FaultyMeter = {
    cut: (_eui, ms) => (ms === 0 ? meter.reboot() : meter.powerCut(ms)),
    stepClock: (_eui, seconds) => current.stepClock(seconds * 1000),
  }
  return { meter, faulty, remove: () => current.remove() }
}

export function createBenchLine(line: SimLine): BenchLine {
  return {
    noise(faults) {
      line.faults = faults
    },
    unplug: line.unplug,
    plug: line.plug,
  }
}

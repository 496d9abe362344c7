// The load of a simulated meter as time passes, counted every quarter of an hour.

import { halfHourMs } from '../protocol/half-hour.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Wh of active import in a half-hour; undefined while the meter has no power. */
export type WhOf = (halfHour: number) => number | undefined

/** Wh of active export, varh of reactive import and of reactive export in a half-hour. */
export type OthersOf = (halfHour: number) => number[]

/** The meter that a load is for. */
export interface LoadedMeter {
  hasPower(): boolean
  on(): void
  off(): void
  count(channel: number, pulses: number): void
  meter(): { step(): void }
}

const quarterMs = halfHourMs / 2

/** Counts Wh (varh) of the channels of a meter. */
export function countLoad(meter: LoadedMeter, load: number[]): void {
  for (const [channel, wh] of load.entries()) meter.count(channel, wh)
}

/**
 * Lets a meter count a load, from the beginning of the present half-hour on, and switches its power off and on where the load
 * says so. @returns a function that ends it
 */
export function followLoad(clock: VirtualClock, meter: LoadedMeter, whOf: WhOf, othersOf?: OthersOf): () => void {
  let fromMs = Math.floor(clock.nowMs() / halfHourMs) * halfHourMs
  /** Whether the load switched the power off. */
  let isOff = false
  let timer: { cancel(): void } | undefined

  function countQuarter(): void {
    const halfHour = Math.floor(fromMs / halfHourMs)
    // The second quarter has what the first leaves.
    const part = fromMs % halfHourMs === 0 ? Math.floor : Math.ceil
    const load = [whOf(halfHour) ?? 0, ...(othersOf?.(halfHour) ?? [])]
    if (meter.hasPower())
      countLoad(
        meter,
        load.map((wh) => part(wh / 2)),
      )
    fromMs += quarterMs
  }

  function run(): void {
    while (fromMs + quarterMs <= clock.nowMs()) countQuarter()
    if (meter.hasPower()) meter.meter().step()
    const isWanted = whOf(Math.floor(fromMs / halfHourMs)) !== undefined
    if (!isWanted && meter.hasPower()) {
      isOff = true
      meter.off()
    } else if (isWanted && isOff) {
      isOff = false
      if (!meter.hasPower()) meter.on()
    }
    timer = clock.after(fromMs + quarterMs - clock.nowMs(), run)
  }

  run()
  return () => timer?.cancel()
}

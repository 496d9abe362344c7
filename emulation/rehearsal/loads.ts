// What the meters of a rehearsal measure.

import type { EnergyOf } from '../../hardware/emulator/metrology.ts'
import { fridgeWh } from '../../hardware/load/household.ts'
import { simulatedHouse } from '../../hardware/load/simulated-house.ts'
import { dayMs, localAheadMs, startOfHalfHour, weekdayOfDay } from '../../protocol/half-hour.ts'
import type { RehearsedMeter } from './population.ts'

const solarPeakW = 3600

/** A small business: 400 W always and 2 to 3 kW from 08:00 to 18:00 on weekdays, local time, Wh. */
function businessWh(seed: number, halfHour: number): number {
  const atMs = startOfHalfHour(halfHour)
  const localMs = atMs + localAheadMs(atMs)
  const day = Math.floor(localMs / dayMs)
  const hour = Math.floor((localMs - day * dayMs) / 3_600_000)
  const weekday = weekdayOfDay(day)
  const isOpen = weekday > 0 && weekday < 6 && hour >= 8 && hour < 18
  return 200 + (isOpen ? 1000 + ((seed * 37 + halfHour * 11) % 500) : 0) + Math.round(fridgeWh(seed, halfHour))
}

/** The load of a meter: a function of its index and the half-hour alone, so that anybody can check a value. */
export function loadOf({ index, load, exportMpan }: RehearsedMeter): EnergyOf {
  const seed = index + 1
  const house = simulatedHouse(seed, exportMpan === undefined ? 0 : solarPeakW)
  return load === 'business' ? (halfHour, channel) => (channel === 0 ? businessWh(seed, halfHour) : 0) : house
}

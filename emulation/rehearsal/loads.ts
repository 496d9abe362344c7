// What the meters of a rehearsal measure.

import { fridgeWh, householdWh } from '../../hardware/load/household.ts'
import { reactiveVarh } from '../../hardware/load/reactive.ts'
import { solarExportWh } from '../../hardware/load/solar.ts'
import { dayMs, localAheadMs, startOfHalfHour, weekdayOfDay } from '../../protocol/half-hour.ts'
import type { OthersOf } from '../follow-load.ts'
import type { RehearsedMeter } from './population.ts'

const solarPeakW = 3600

export interface RehearsedLoad {
  whOf(halfHour: number): number
  /** Active export, reactive import, reactive export. */
  othersOf: OthersOf
}

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
export function loadOf({ index, load, exportMpan }: RehearsedMeter): RehearsedLoad {
  const seed = index + 1
  const whOf = (halfHour: number) => (load === 'business' ? businessWh(seed, halfHour) : householdWh(seed, halfHour))
  return {
    whOf,
    othersOf(halfHour) {
      if (exportMpan === undefined) return []
      const { importVarh, exportVarh } = reactiveVarh(seed, whOf(halfHour), fridgeWh(seed, halfHour))
      return [solarExportWh(seed, solarPeakW, halfHour), importVarh, exportVarh]
    },
  }
}

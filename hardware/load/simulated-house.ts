// All channels of a simulated house: the load of an emulated meter without a file of readings.

import type { EnergyOf } from '../emulator/metrology.ts'
import { fridgeWh, householdWh } from './household.ts'
import { reactiveVarh } from './reactive.ts'
import { solarExportWh } from './solar.ts'

/**
 * Energy of a simulated household, with panels of `solarW` watts peak on its roof (0 for none), by half-hour and channel.
 * A pure function of its seed: nothing is kept.
 */
export function simulatedHouse(seed: number, solarW: number): EnergyOf {
  return (halfHour, channel) => {
    if (channel === 1) return solarExportWh(seed, solarW, halfHour)
    const wh = householdWh(seed, halfHour)
    if (channel === 0) return wh
    const { importVarh, exportVarh } = reactiveVarh(seed, wh, fridgeWh(seed, halfHour))
    return channel === 2 ? importVarh : exportVarh
  }
}

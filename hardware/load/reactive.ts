// Reactive energy of a house, from its active load. Motors lag (reactive import); standby loads lead (reactive export).

import { randomAt } from '../emulator/random-at.ts'

const stream = { capacitance: 21 } as const

/** varh for each Wh at a power factor. */
function varhFor(powerFactor: number): number {
  return Math.sqrt(1 - powerFactor * powerFactor) / powerFactor
}

/** Fridges and pumps, and everything else together. */
const motorVarh = varhFor(0.65)
const otherVarh = varhFor(0.98)

export interface ReactiveVarh {
  importVarh: number
  exportVarh: number
}

/**
 * Reactive energy of a half-hour, in whole varh. A pure function.
 *
 * - Motors take their active energy at a power factor of 0.65, everything else at 0.98, both lagging.
 * - Filters and LED lamps are a capacitor on the mains, 64 to 88 var by household, always.
 * - The difference is what the meter sees: import by day, a little export in quiet half-hours at night. Never both.
 *
 * The sun does not matter: an inverter of this size feeds in at a power factor of 1.
 * @param seed of the household
 * @param loadWh active import of the half-hour
 * @param motorWh what of it motors take; at most all
 */
export function reactiveVarh(seed: number, loadWh: number, motorWh: number): ReactiveVarh {
  const motors = Math.min(loadWh, motorWh)
  const given = 32 + 12 * randomAt(seed, 0, stream.capacitance)
  const net = Math.round(motors * motorVarh + (loadWh - motors) * otherVarh - given)
  return { importVarh: Math.max(0, net), exportVarh: Math.max(0, -net) }
}

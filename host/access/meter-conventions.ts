// Differences between cohorts of meters in the meaning of half-hourly values, and how the S1SP converts them. Both are
// assumptions: the matrix of device model variations (S1SR, Annex A) was not available.

import type { StampConvention } from '../catalogue/read-window.ts'

export interface MeterConventions {
  /**
   * Whether the Timestamp of a half-hour in a response is its end (default) or its start. A read window is compared with
   * the stamps as the response shows them.
   */
  stamps: StampConvention
  /**
   * For a meter that records the average power of a half-hour in W in the place of the energy in Wh: `as-is` (default) passes
   * the values on, which are twice the energy; `corrected` halves them.
   */
  averagePower: 'as-is' | 'corrected'
}

/** The values of each; the first is the default. */
export const conventions: {
  readonly [name in keyof MeterConventions]: readonly [MeterConventions[name], ...MeterConventions[name][]]
} = {
  stamps: ['end', 'start'],
  averagePower: ['as-is', 'corrected'],
}

export const conventionNames = Object.keys(conventions) as (keyof MeterConventions)[]

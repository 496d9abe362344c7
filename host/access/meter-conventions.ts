// Where meters of some cohorts differ in what their half-hours mean, and what the S1SP makes of it. Assumptions, both: the
// matrix of device model variations (S1SR, Annex A) was not available.

export interface MeterConventions {
  /**
   * What the Timestamp of a half-hour in a response is: its end (unless told otherwise), or its beginning. The half-hours
   * that a read window selects are the same.
   */
  stamps: 'end' | 'start'
  /**
   * For a meter that records the average power of a half-hour, in W, where its energy in Wh belongs: the S1SP passes the
   * values on as they are (unless told otherwise), twice what they should be, or corrects them by half.
   */
  averagePower: 'as-is' | 'corrected'
}

/** What each may be; the first holds for a device that names none. */
export const conventions: {
  readonly [name in keyof MeterConventions]: readonly [MeterConventions[name], ...MeterConventions[name][]]
} = {
  stamps: ['end', 'start'],
  averagePower: ['as-is', 'corrected'],
}

export const conventionNames = Object.keys(conventions) as (keyof MeterConventions)[]

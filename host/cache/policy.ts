// What of a read the S1SP's cache keeps. The MP256 consultation says it in one sentence, which can be read in two ways;
// the clause of SEC Appendix AM itself was not available.

import { dayOfHalfHour, firstHalfHourOfDay, halfHourOf } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'

/**
 * `previous-day`: half-hours of the last complete UTC day and later. `sliding-24h`: half-hours that ended in the 24 hours
 * before the read, which are 48. `any`: every half-hour read. `off`: nothing.
 * It rules what is kept; what was kept is answered until its key's end.
 */
export type CachePolicy = 'previous-day' | 'sliding-24h' | 'any' | 'off'

const mp256 =
  'MP256 consultation: "Once the S1SP retrieves the previous 24 hours (or any missing data in that period) data for these ' +
  'SRs from a specific SMETS1 Electricity Smart Metering Equipment (ESME), the S1SP will cache the data"'

/** Each policy, and the text it comes from. */
export const cachePolicies: { readonly [policy in CachePolicy]: string } = {
  'previous-day': `${mp256}; "the previous 24 hours" read as the last complete UTC day (assumption)`,
  'sliding-24h': `${mp256}; "the previous 24 hours" read as the 24 hours before the retrieval (assumption)`,
  any: 'none: for comparison, keeps more than the consultation says',
  off: 'none: for comparison, a bridge without the cache',
}

/** The first half-hour that is kept of a read at an instant (ms UTC); Infinity when none is. */
export function keptFrom(policy: CachePolicy, readMs: number): number {
  if (policy === 'off') return Number.POSITIVE_INFINITY
  if (policy === 'any') return 0
  if (policy === 'sliding-24h') return halfHourOf(readMs) - halfHoursPerDay
  return firstHalfHourOfDay(dayOfHalfHour(halfHourOf(readMs)) - 1)
}

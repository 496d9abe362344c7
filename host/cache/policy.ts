// Which half-hours of a read are cached. The sentence in the MP256 consultation can be interpreted in two ways; the clause of
// SEC Appendix AM itself was not available.

import { dayOfHalfHour, firstHalfHourOfDay, halfHourOf } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'

/**
 * `previous-day`: half-hours of the last complete UTC day and later. `sliding-24h`: half-hours that ended in the 24 hours
 * before the read, which are 48. `any`: every half-hour read. `off`: nothing.
 * The policy applies to what is added to the cache. Cached half-hours are used until the end of their key.
 */
export type CachePolicy = 'previous-day' | 'sliding-24h' | 'any' | 'off'

const mp256 =
  'MP256 consultation: "Once the S1SP retrieves the previous 24 hours (or any missing data in that period) data for these ' +
  'SRs from a specific SMETS1 Electricity Smart Metering Equipment (ESME), the S1SP will cache the data"'

/** Each policy, and its source. */
export const cachePolicies: { readonly [policy in CachePolicy]: string } = {
  'previous-day': `${mp256}; "the previous 24 hours" read as the last complete UTC day (assumption)`,
  'sliding-24h': `${mp256}; "the previous 24 hours" read as the 24 hours before the retrieval (assumption)`,
  any: 'none: for comparison, caches more than the consultation says',
  off: 'none: for comparison, a bridge without the cache',
}

/** The first half-hour of a read at `readMs` (UTC) that is cached; Infinity when none is. */
export function cachedFrom(policy: CachePolicy, readMs: number): number {
  if (policy === 'off') return Number.POSITIVE_INFINITY
  if (policy === 'any') return 0
  if (policy === 'sliding-24h') return halfHourOf(readMs) - halfHoursPerDay
  return firstHalfHourOfDay(dayOfHalfHour(halfHourOf(readMs)) - 1)
}

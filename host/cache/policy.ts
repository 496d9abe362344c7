// What of a read the S1SP's cache keeps, and when it deletes it. The MP256 consultation says it in one sentence, which can
// be read in several ways; the clause of SEC Appendix AM itself was not available. Each reading is a policy.

import { dayOfHalfHour, firstHalfHourOfDay, halfHourMs, halfHourOf } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'
import { dayBefore, settlementDayBounds, settlementDayOf } from '../access/settlement-day.ts'

export type CachePolicy = 'both-days' | 'utc-day' | 'settlement-day' | 'sliding-24h' | 'under-25h' | 'any' | 'off'

/** `period`: a read that wakes the meter also brings what is missing of the kept period. `asked`: only what was asked for. */
export type CacheTopUp = 'period' | 'asked'

/**
 * `age`: 24 to 25 hours after its retrieval (25 hours after the beginning of the hour of retrieval). `purge`: everything
 * together, every 25 hours, so at an age of 0 to 25 hours.
 */
export type CacheDeletion = 'age' | 'purge'

const mp256 =
  'MP256 consultation: "Once the S1SP retrieves the previous 24 hours (or any missing data in that period) data for these ' +
  'SRs from a specific SMETS1 Electricity Smart Metering Equipment (ESME), the S1SP will cache the data"'
const previous24h = `${mp256}; "the previous 24 hours" read as`

/** Each policy, and the words it comes from. What was kept is answered until it is deleted. */
export const cachePolicies: { readonly [policy in CachePolicy]: string } = {
  'both-days': `${previous24h} the last complete UTC day and the last complete Settlement Day, from the earlier of the two (assumption)`,
  'utc-day': `${previous24h} the last complete UTC day (assumption)`,
  'settlement-day': `${previous24h} the last complete Settlement Day (assumption)`,
  'sliding-24h': `${previous24h} the 24 hours before the retrieval (assumption)`,
  'under-25h': `${mp256}; "deleted (with a frequency of 25 hours)": everything that ended in the 25 hours before the retrieval (assumption)`,
  any: 'none: for comparison, keeps more than the consultation says',
  off: 'none: for comparison, a bridge without the cache',
}

/** The words that each way of topping up comes from. */
export const cacheTopUps: { readonly [topUp in CacheTopUp]: string } = {
  period: '"(or any missing data in that period)": whatever is missing of the period (assumption)',
  asked: '"(or any missing data in that period)": whatever is missing of what the request asks for (assumption)',
}

/** The words that each way of deletion comes from. */
export const cacheDeletions: { readonly [deletion in CacheDeletion]: string } = {
  age: '"deleted (with a frequency of 25 hours)", "up to 25 hours": each entry by its age, 24 to 25 hours (assumption)',
  purge: '"deleted (with a frequency of 25 hours)": all entries together, every 25 hours (assumption)',
}

/** Half-hours from `from` until `to` (excluded). */
export interface CachedPeriod {
  from: number
  to: number
}

/** The complete period that a policy names, as it stands at an instant (ms UTC); undefined when it names none. */
export function cachedPeriod(policy: CachePolicy, readMs: number): CachedPeriod | undefined {
  const now = halfHourOf(readMs)
  const today = dayOfHalfHour(now)
  const utcDay = { from: firstHalfHourOfDay(today - 1), to: firstHalfHourOfDay(today) }
  switch (policy) {
    case 'utc-day':
      return utcDay
    case 'settlement-day':
      return lastSettlementDay(readMs)
    case 'both-days': {
      const { from, to } = lastSettlementDay(readMs)
      return { from: Math.min(from, utcDay.from), to: Math.max(to, utcDay.to) }
    }
    case 'sliding-24h':
      return { from: now - halfHoursPerDay, to: now }
    case 'under-25h':
      return { from: now - halfHoursPerDay - 2, to: now }
    default:
      return undefined
  }
}

function lastSettlementDay(readMs: number): CachedPeriod {
  const { startMs, endMs } = settlementDayBounds(dayBefore(settlementDayOf(readMs)))
  return { from: startMs / halfHourMs, to: endMs / halfHourMs }
}

/**
 * The first half-hour that is kept of a read at an instant (ms UTC); Infinity when none is. It is the one stamped at the
 * beginning of the period, so that a closed window of the period needs no read of the meter. Later ones are kept too.
 */
export function cachedFrom(policy: CachePolicy, readMs: number): number {
  if (policy === 'off') return Number.POSITIVE_INFINITY
  const period = cachedPeriod(policy, readMs)
  return period === undefined ? 0 : Math.max(0, period.from - 1)
}

/** The first day whose daily read (of its 00:00 UTC) is kept of a read at an instant; Infinity when none is. */
export function cachedFromDay(policy: CachePolicy, readMs: number): number {
  if (policy === 'off') return Number.POSITIVE_INFINITY
  const period = cachedPeriod(policy, readMs)
  return period === undefined ? 0 : Math.ceil(period.from / halfHoursPerDay)
}

// What a read of the meter brings besides what was asked for: whatever is missing of the period that the cache keeps.

import { halfHoursPerAskMax } from '../../protocol/limits.ts'
import { type HourlyKeys, hourOf } from './hourly-keys.ts'
import { type CachePolicy, cachedPeriod } from './policy.ts'
import { lengthen, type ReadingCache, type Run } from './reading-cache.ts'

/** The runs to read for `asked`, in order, none longer than one ask may name. */
export type TopUp = (eui: string, channel: string, asked: readonly Run[], nowMs: number) => Run[]

/** Reads only what was asked for. */
export const noTopUp: TopUp = (_eui, _channel, asked) => [...asked]

/**
 * Adds the missing half-hours of the kept period, with the one stamped at its beginning. When some of `asked` is in that
 * period, a half-hour that was retrieved in an earlier hour is read again: it would be deleted before the rest, and cost
 * the next party a wake-up.
 */
export function createTopUp(cache: Pick<ReadingCache, 'lookup'>, keys: HourlyKeys, policy: CachePolicy): TopUp {
  return (eui, channel, asked, nowMs) => {
    const period = cachedPeriod(policy, nowMs)
    if (period === undefined) return [...asked]
    const first = Math.max(0, period.from - 1)
    const { known } = cache.lookup(eui, channel, first, Math.max(0, period.to - first), nowMs)
    const refreshes = asked.some((run) => run.first < period.to && run.first + run.count > first)
    const endMs = keys.endMs(hourOf(nowMs))
    const wanted = new Set(asked.flatMap(halfHoursOf))
    for (let halfHour = first; halfHour < period.to; halfHour++) {
      const kept = known.get(halfHour)
      const endsSooner = kept !== undefined && keys.endMs(hourOf(kept.retrievedMs)) < endMs
      if (kept === undefined || (refreshes && endsSooner)) wanted.add(halfHour)
    }
    return runsOf(wanted)
  }
}

function runsOf(halfHours: ReadonlySet<number>): Run[] {
  const runs: Run[] = []
  for (const halfHour of [...halfHours].sort((a, b) => a - b)) {
    if (runs.at(-1)?.count === halfHoursPerAskMax) runs.push({ first: halfHour, count: 1 })
    else lengthen(runs, halfHour)
  }
  return runs
}

export function halfHoursOf({ first, count }: Run): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

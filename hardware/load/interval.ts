// The interval that a file's readings cover, judged over all of them.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'

/** The most frequent step between instants that follow one another; undefined for fewer than two. */
export function usualStepMs(atMs: Iterable<number>): number | undefined {
  const sorted = Float64Array.from(new Set(atMs)).sort()
  const counts = new Map<number, number>()
  for (let i = 1; i < sorted.length; i++) {
    const step = (sorted[i] ?? 0) - (sorted[i - 1] ?? 0)
    counts.set(step, (counts.get(step) ?? 0) + 1)
  }
  return mostFrequent(counts)
}

/** The key counted most often; of several the smallest. */
function mostFrequent(counts: Map<number, number>): number | undefined {
  let best: number | undefined
  for (const [key, count] of counts) {
    const most = best === undefined ? 0 : (counts.get(best) ?? 0)
    if (count > most || (count === most && key < (best ?? 0))) best = key
  }
  return best
}

/** The length that most rows give themselves, by a start and an end; undefined when most give none. */
export function usualLengthMs(lengths: (number | undefined)[]): number | undefined {
  const counts = new Map<number, number>()
  let given = 0
  for (const length of lengths) {
    if (length === undefined) continue
    given += 1
    counts.set(length, (counts.get(length) ?? 0) + 1)
  }
  return given * 2 > lengths.length ? mostFrequent(counts) : undefined
}

export type Interval =
  /** So many readings make a half-hour. */
  { kind: 'parts'; ms: number; parts: number } | { kind: 'hour'; ms: number } | { kind: 'unusable'; ms: number }

/** What can be made of readings of a length. */
export function intervalOf(ms: number): Interval {
  if (ms >= 60000 && ms <= halfHourMs && halfHourMs % ms === 0) return { kind: 'parts', ms, parts: halfHourMs / ms }
  return ms === 2 * halfHourMs ? { kind: 'hour', ms } : { kind: 'unusable', ms }
}

/** A length of time in words. */
export function inWords(ms: number): string {
  if (ms === dayMs) return 'a day'
  if (ms === 2 * halfHourMs) return 'an hour'
  if (ms % dayMs === 0) return `${ms / dayMs} days`
  if (ms % 3600000 === 0) return `${ms / 3600000} hours`
  return ms % 60000 === 0 ? `${ms / 60000} minutes` : `${ms / 1000} s`
}

/** Steps of one length in a row that are no longer taken for gaps. */
const runMin = 4

/**
 * The instants of stretches in which readings come regularly but less often than usual: their readings cover more than
 * the interval. A single longer step is a gap.
 */
export function longerStretches(atMs: number[], stepMs: number): Set<number> {
  const sorted = Float64Array.from(new Set(atMs)).sort()
  const found = new Set<number>()
  for (let from = 0; from < sorted.length - 1; ) {
    const step = (sorted[from + 1] ?? 0) - (sorted[from] ?? 0)
    let until = from + 1
    while (until < sorted.length - 1 && (sorted[until + 1] ?? 0) - (sorted[until] ?? 0) === step) until += 1
    if (step > stepMs && until - from >= runMin) {
      for (let i = from; i <= until; i++) found.add(sorted[i] ?? 0)
    }
    from = until
  }
  return found
}

/** The most that the instants of a file may lie apart from the rest of it, and the share of rows that may. */
const apartMs = 400 * dayMs
const apartShare = 0.03

/** The instants that lie more than 400 days from the others: a wrong year. At most 3 % of them, or none. */
export function farApart(atMs: number[]): Set<number> {
  const sorted = Float64Array.from(atMs).sort()
  const limit = Math.floor(sorted.length * apartShare)
  let low = 0
  let high = sorted.length
  for (let i = 1; i < sorted.length; i++) {
    if ((sorted[i] ?? 0) - (sorted[i - 1] ?? 0) <= apartMs) continue
    if (i <= limit) low = i
    else if (sorted.length - i <= limit) {
      high = i
      break
    }
  }
  return new Set([...sorted.subarray(0, low), ...sorted.subarray(high)])
}

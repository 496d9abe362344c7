// Reads through the cache: only what is missing is read from the meter, and once for everybody who is waiting.
//
// One read at a time per device and channel. Whoever waits is given what the reads under way bring, also what is too
// old to be cached, and reads only what is then still missing.

import { halfHourOf } from '../../protocol/half-hour.ts'
import type { Reading } from '../wan/reading.ts'
import { isSettled, type KeptReading, lengthen, type ReadingCache, type Run } from './reading-cache.ts'

/** Where a half-hour came from: the cache, a read of one's own, or one that was under way for somebody else. */
export type ReadingSource = 'cache' | 'meter' | 'shared'

/** A reading, where it came from, and how long ago the meter was asked for it. */
export type SourcedReading = Reading & { from: ReadingSource; ageMs: number }

/**
 * Reads half-hours `first` to `first + count - 1` (19,056 at most): one reading each, in order. `fetch` is called once
 * per missing run, and must answer one reading per half-hour in order, `wh` undefined where the meter has no record.
 * Rejects with the error of the fetch that failed; so does everybody who waited for a half-hour of it, and nothing of
 * it is kept. Rejects with RangeError for a range that cannot be.
 */
export type ReadThrough = (
  eui: string,
  channel: string,
  first: number,
  count: number,
  fetch: (first: number, count: number) => Promise<Reading[]>,
) => Promise<SourcedReading[]>

type Brought = Reading & { from: 'meter' | 'shared'; askedMs: number }

type Waiter = {
  arrivedMs: number
  /** Half-hours still missing. */
  wanted: Set<number>
  brought: Map<number, Brought>
  /** Goes on: with true when it may read the meter now, with false when it has everything. */
  resume(mayRead: boolean): void
  fail(error: unknown): void
}

/**
 * `nowMs` is asked, and not given once, because a read waits. `report` receives one line when readings cannot be kept:
 * they are answered all the same. The number waiting is for the caller to limit.
 */
export function createReadThrough(
  cache: ReadingCache,
  nowMs: () => number,
  report: (line: string) => void,
): ReadThrough {
  /** By device and channel that is being read: those who wait, in the order of their arrival. */
  const waitingByLine = new Map<string, Waiter[]>()

  function wait(waiting: Waiter[], missing: readonly Run[], brought: Map<number, Brought>): Promise<boolean> {
    const wanted = new Set(missing.flatMap(halfHoursOf))
    return new Promise((resume, fail) => waiting.push({ arrivedMs: nowMs(), wanted, brought, resume, fail }))
  }

  async function readRun(eui: string, channel: string, run: Run, waiting: Waiter[], fetch: Fetch): Promise<Brought[]> {
    const askedMs = nowMs()
    const emptied = cache.emptied()
    let readings: Reading[]
    try {
      readings = await fetch(run.first, run.count)
      checkAnswer(run, readings)
    } catch (error) {
      failThoseWho(waiting, run, error)
      throw error
    }
    share(waiting, readings, askedMs)
    try {
      if (cache.emptied() === emptied) await cache.keep(eui, channel, readings, askedMs)
    } catch (error) {
      report(`half-hours of ${eui} were read and cannot be kept in the cache: ${(error as Error).message}`)
    }
    return readings.map((reading) => ({ ...reading, from: 'meter', askedMs }))
  }

  return async (eui, channel, first, count, fetch) => {
    const line = `${eui}/${channel}`
    const brought = new Map<number, Brought>()
    let waiting: Waiter[] | undefined
    try {
      for (;;) {
        const { known, missing } = cache.lookup(eui, channel, first, count, nowMs())
        const left = withoutBrought(missing, brought)
        if (left.length === 0) return assemble(first, count, known, brought, nowMs())
        if (waiting === undefined) {
          const before = waitingByLine.get(line)
          if (before === undefined) {
            waiting = []
            waitingByLine.set(line, waiting)
          } else if (await wait(before, left, brought)) waiting = before
          continue
        }
        const queue = waiting
        // All at once: a meter is woken once for everything that waits, and reads it one after the other.
        const runs = await Promise.allSettled(left.map((run) => readRun(eui, channel, run, queue, fetch)))
        for (const run of runs) {
          if (run.status === 'rejected') throw run.reason
          for (const one of run.value) brought.set(one.halfHour, one)
        }
      }
    } finally {
      const next = waiting?.shift()
      if (next !== undefined) next.resume(true)
      else if (waiting !== undefined) waitingByLine.delete(line)
    }
  }
}

type Fetch = Parameters<ReadThrough>[4]

/** Hands a finished run to everybody who waits for some of it. */
function share(waiting: Waiter[], readings: readonly Reading[], askedMs: number): void {
  for (const waiter of [...waiting]) {
    // What was not final when the meter was asked is old news to who came after the next half-hour had ended.
    const sameHalfHour = halfHourOf(waiter.arrivedMs) === halfHourOf(askedMs)
    for (const reading of readings) {
      if (!waiter.wanted.has(reading.halfHour) || !(sameHalfHour || isSettled(reading, askedMs))) continue
      waiter.wanted.delete(reading.halfHour)
      waiter.brought.set(reading.halfHour, { ...reading, from: 'shared', askedMs })
    }
    if (waiter.wanted.size > 0) continue
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.resume(false)
  }
}

function failThoseWho(waiting: Waiter[], run: Run, error: unknown): void {
  for (const waiter of [...waiting]) {
    if (!halfHoursOf(run).some((halfHour) => waiter.wanted.has(halfHour))) continue
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.fail(error)
  }
}

function withoutBrought(runs: readonly Run[], brought: ReadonlyMap<number, Brought>): Run[] {
  const left: Run[] = []
  for (const halfHour of runs.flatMap(halfHoursOf)) if (!brought.has(halfHour)) lengthen(left, halfHour)
  return left
}

function assemble(
  first: number,
  count: number,
  known: ReadonlyMap<number, KeptReading>,
  brought: ReadonlyMap<number, Brought>,
  nowMs: number,
): SourcedReading[] {
  return halfHoursOf({ first, count }).map((halfHour) => {
    const fresh = brought.get(halfHour)
    if (fresh !== undefined) {
      const { wh, marked, from, askedMs } = fresh
      return { halfHour, wh, marked, from, ageMs: Math.max(0, nowMs - askedMs) }
    }
    const cached = known.get(halfHour)
    if (cached === undefined) throw new Error(`half-hour ${halfHour} is neither cached nor read`)
    const { wh, marked, retrievedMs } = cached
    return { halfHour, wh, marked, from: 'cache', ageMs: Math.max(0, nowMs - retrievedMs) }
  })
}

function checkAnswer(run: Run, readings: readonly Reading[]): void {
  const whole = readings.length === run.count && readings.every(({ halfHour }, index) => halfHour === run.first + index)
  if (!whole) throw new Error(`a fetch of ${run.count} half-hours from ${run.first} answered others`)
}

function halfHoursOf({ first, count }: Run): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

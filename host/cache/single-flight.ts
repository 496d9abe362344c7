// Reads through the cache: only missing half-hours are read from the meter, and once for all requests that wait.
//
// There is one read at a time per device and channel. A waiting request receives the half-hours that the current read
// returns, including those too old to be cached, and then reads only what is still missing.

import { halfHourOf } from '../../protocol/half-hour.ts'
import { ReadError, type ReadFault } from '../wan/read-error.ts'
import type { Reading } from '../wan/reading.ts'
import { type Priority, priority } from '../wan/waiting-requests.ts'
import { type CachedReading, isSettled, lengthen, type ReadingCache, type Run } from './reading-cache.ts'
import { halfHoursOf, noTopUp, type TopUp } from './top-up.ts'

/** The source of a half-hour: the cache, a read for this request, or a read that was in progress for another. */
export type ReadingSource = 'cache' | 'meter' | 'shared'

/** A reading, its source, and the time since the meter was asked for it. */
export type SourcedReading = Reading & { from: ReadingSource; ageMs: number }

/**
 * Reads half-hours `first` to `first + count - 1` (19,056 at most): one reading each, in order. `fetch` is called once
 * per missing run and must return one reading per half-hour in order, `wh` undefined where the meter has no record.
 * When a fetch fails, nothing of it is cached. Where another attempt may succeed (`isOwnFault`), the next request that waits
 * reads with its own `fetch`, and so within its own deadline; otherwise all that wait for a half-hour of it reject with its error.
 * Rejects with RangeError for an invalid range.
 */
export type ReadThrough = (
  eui: string,
  channel: string,
  first: number,
  count: number,
  fetch: (first: number, count: number) => Promise<Reading[]>,
  /** On demand when it is left out. */
  urgency?: Priority,
) => Promise<SourcedReading[]>

type Fetched = Reading & { from: 'meter' | 'shared'; countedFromMs: number }

type Waiter = {
  arrivedMs: number
  /** Half-hours still missing. */
  wanted: Set<number>
  fetched: Map<number, Fetched>
  /** Resumes the request: true when it may read the meter now, false when it has everything. */
  resume(mayRead: boolean): void
  fail(error: unknown): void
}

/** The requests for one device and channel that share reads. The first of them reads. */
interface Group {
  waiting: Waiter[]
  urgency: Priority
  /** Half-hours that the current read of the meter asks for. */
  reading: number
}

/** A more urgent request waits for a read of at most so many half-hours, two days; it does not wait for a longer one. */
const sharedByUrgentMax = 96

/** The group that a request joins; undefined when it is the first of a new one. */
function groupOf(groups: ReadonlyMap<string, Group>, line: string, urgency: Priority) {
  const group = groups.get(line)
  const isPassed = group !== undefined && urgency < group.urgency && group.reading > sharedByUrgentMax
  const key = isPassed ? `${line}/${urgency}` : line
  return { key, group: isPassed ? groups.get(key) : group }
}

/**
 * `nowMs` is a function because a read takes time. `report` receives one line when readings cannot be cached: the request is
 * answered all the same. The caller limits the number of waiting requests. `topUp` says what a read of the meter brings.
 */
export function createReadThrough(
  cache: ReadingCache,
  nowMs: () => number,
  report: (line: string) => void,
  topUp: TopUp = noTopUp,
): ReadThrough {
  /** Requests that share reads, by device and channel; those that could not wait for a long read, apart. */
  const groups = new Map<string, Group>()

  function wait(waiting: Waiter[], missing: readonly Run[], fetched: Map<number, Fetched>): Promise<boolean> {
    const wanted = new Set(missing.flatMap(halfHoursOf))
    return new Promise((resume, fail) => waiting.push({ arrivedMs: nowMs(), wanted, fetched, resume, fail }))
  }

  async function readRun(eui: string, channel: string, run: Run, waiting: Waiter[], fetch: Fetch): Promise<Fetched[]> {
    const countedFromMs = nowMs()
    const emptied = cache.emptied()
    let readings: Reading[]
    try {
      readings = await fetch(run.first, run.count)
      checkAnswer(run, readings)
    } catch (error) {
      if (!isOwnFault(error)) failWaiters(waiting, run, error)
      throw error
    }
    share(waiting, readings, countedFromMs)
    try {
      if (cache.emptied() === emptied) await cache.keep(eui, channel, readings, countedFromMs)
    } catch (error) {
      report(`half-hours of ${eui} were read and cannot be cached: ${(error as Error).message}`)
    }
    return readings.map((reading) => ({ ...reading, from: 'meter', countedFromMs }))
  }

  return async (eui, channel, first, count, fetch, urgency = priority.onDemand) => {
    const line = `${eui}/${channel}`
    const fetched = new Map<number, Fetched>()
    let mine: { key: string; group: Group } | undefined
    try {
      for (;;) {
        const { known, missing } = cache.lookup(eui, channel, first, count, nowMs())
        const left = withoutFetched(missing, fetched)
        if (left.length === 0) return assemble(first, count, known, fetched, nowMs())
        if (mine === undefined) {
          const { key, group } = groupOf(groups, line, urgency)
          if (group === undefined) {
            mine = { key, group: { waiting: [], urgency, reading: 0 } }
            groups.set(key, mine.group)
          } else if (await wait(group.waiting, left, fetched)) mine = { key, group }
          continue
        }
        const queue = mine.group.waiting
        const runs = topUp(eui, channel, left, nowMs())
        mine.group.urgency = urgency
        mine.group.reading = runs.reduce((sum, run) => sum + run.count, 0)
        // All runs at once, so that the meter is woken once; they are read one after the other.
        const reads = await Promise.allSettled(runs.map((run) => readRun(eui, channel, run, queue, fetch)))
        for (const [i, read] of reads.entries()) {
          if (read.status === 'fulfilled') for (const one of read.value) fetched.set(one.halfHour, one)
          // What was not asked for may fail.
          else if (left.some((run) => overlaps(run, runs[i]))) throw read.reason
        }
      }
    } finally {
      const next = mine?.group.waiting.shift()
      if (next !== undefined) next.resume(true)
      else if (mine !== undefined) groups.delete(mine.key)
    }
  }
}

type Fetch = Parameters<ReadThrough>[4]

/** What a read fails with that had too little time, or met a meter that may answer the next one. */
const ownFaults: readonly ReadFault[] = ['too late', 'no awake', 'no answer']

/** Whether a shared read failed for its reader alone: who waits for it may do better with a read within its own deadline. */
export function isOwnFault(error: unknown): boolean {
  return error instanceof ReadError && ownFaults.includes(error.fault)
}

/** Passes a finished run to every request that waits for some of it. */
function share(waiting: Waiter[], readings: readonly Reading[], countedFromMs: number): void {
  for (const waiter of [...waiting]) {
    // A value that was not final when the meter was asked is out of date for a request that arrived in a later half-hour.
    const sameHalfHour = halfHourOf(waiter.arrivedMs) === halfHourOf(countedFromMs)
    for (const reading of readings) {
      if (!waiter.wanted.has(reading.halfHour) || !(sameHalfHour || isSettled(reading, countedFromMs))) continue
      waiter.wanted.delete(reading.halfHour)
      waiter.fetched.set(reading.halfHour, { ...reading, from: 'shared', countedFromMs })
    }
    if (waiter.wanted.size > 0) continue
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.resume(false)
  }
}

function failWaiters(waiting: Waiter[], run: Run, error: unknown): void {
  for (const waiter of [...waiting]) {
    if (!halfHoursOf(run).some((halfHour) => waiter.wanted.has(halfHour))) continue
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.fail(error)
  }
}

function overlaps(a: Run, b: Run | undefined): boolean {
  return b !== undefined && a.first < b.first + b.count && b.first < a.first + a.count
}

function withoutFetched(runs: readonly Run[], fetched: ReadonlyMap<number, Fetched>): Run[] {
  // Before a read, as on every hit of the cache, there is nothing to take away.
  if (fetched.size === 0) return [...runs]
  const left: Run[] = []
  for (const halfHour of runs.flatMap(halfHoursOf)) if (!fetched.has(halfHour)) lengthen(left, halfHour)
  return left
}

function assemble(
  first: number,
  count: number,
  known: ReadonlyMap<number, CachedReading>,
  fetched: ReadonlyMap<number, Fetched>,
  nowMs: number,
): SourcedReading[] {
  return halfHoursOf({ first, count }).map((halfHour) => {
    const fresh = fetched.get(halfHour)
    if (fresh !== undefined) {
      const { wh, marked, from, countedFromMs } = fresh
      return { halfHour, wh, marked, from, ageMs: Math.max(0, nowMs - countedFromMs) }
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

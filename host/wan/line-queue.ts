// The order and rate of sessions on the lines. Every session with a meter passes through this queue: on-demand requests
// first, then requests for settlement (MHHS), then scheduled ones, each class in order of arrival. Rates are sessions per
// minute, that is wake-up SMS and PDP contexts: per cohort (risk R4 of the SECMP0162 preliminary impact assessment) and
// per line.

import { ReadError } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'

/** A lower number is served first. */
export const priority = { onDemand: 0, settlement: 1, scheduled: 2 } as const
export type Priority = (typeof priority)[keyof typeof priority]

/** A session that is to be held. */
export type LineRequest = {
  /** Name of the line: sessions on one line run one after the other. */
  line: string
  cohort: string
  eui: string
  priority: Priority
  /** The session must have begun by then, ms since 1970. */
  deadlineMs: number
}

export interface LineQueue {
  /** The line for one request: its `use` waits for the request's turn. */
  forRequest(line: Line, lineRequest: LineRequest): Line
  /** Raises the priority of waiting sessions with a device: a more urgent request waits for the same data. */
  raisePriority(eui: string, to: Priority): void
  /** Number of sessions that wait. */
  waiting(): number
  /**
   * Rejects sessions for settlement and schedules, those that wait and later ones, with StoppedError: they are resumed
   * after the next start. On-demand sessions still get their turn.
   */
  stop(): void
}

/** The bridge is stopping. The request is resumed after the next start. */
export class StoppedError extends Error {
  constructor() {
    super('the bridge is stopping; this request is resumed after the next start')
  }
}

export type LineQueueLimits = {
  /** Sessions a minute of a cohort, and of any one line; 0: no limit. */
  cohortRate(cohort: string): number
  lineRate: number
}

const minuteMs = 60_000

type QueuedRequest = LineRequest & { order: number; start(): void; reject(why: Error): void }

/** The rates that apply to a request, by name. Sessions are spaced evenly: 60 a minute allows one a second. */
function spacingsOf(one: LineRequest, limits: LineQueueLimits): [string, number][] {
  const rates: [string, number][] = [
    [`cohort ${one.cohort}`, limits.cohortRate(one.cohort)],
    [`line ${one.line}`, limits.lineRate],
  ]
  return rates.filter(([, rate]) => rate !== 0)
}

/** The request to start now, if any, and the earliest time at which a rate allows another one. */
function chooseNext(
  queue: Iterable<QueuedRequest>,
  busyLines: ReadonlySet<string>,
  startsAtMs: (one: QueuedRequest) => number,
  nowMs: number,
): { best: QueuedRequest | undefined; earliestMs: number } {
  let best: QueuedRequest | undefined
  let earliestMs = Number.POSITIVE_INFINITY
  for (const one of queue) {
    if (busyLines.has(one.line)) continue
    const startMs = startsAtMs(one)
    if (startMs > nowMs) earliestMs = Math.min(earliestMs, startMs)
    else if (best === undefined || one.priority < best.priority) best = one
    else if (one.priority === best.priority && one.order < best.order) best = one
  }
  return { best, earliestMs }
}

/** When the rates of cohorts and lines allow the next session. */
function createRates(limits: LineQueueLimits) {
  const freeAtMs = new Map<string, number>()
  return {
    startsAtMs: (one: LineRequest) => Math.max(0, ...spacingsOf(one, limits).map(([name]) => freeAtMs.get(name) ?? 0)),
    /** Counts a session that begins. */
    count(one: LineRequest, nowMs: number): void {
      for (const [name, rate] of spacingsOf(one, limits)) freeAtMs.set(name, nowMs + minuteMs / rate)
    },
  }
}

/** A request in the queue. It is rejected with a ReadError when its deadline passes. */
function withDeadline(
  lineRequest: LineRequest,
  order: number,
  timing: Timing,
  turn: { start(): void; reject(why: Error): void },
): QueuedRequest {
  const tooLate = new ReadError('too late', 'no turn on the line within the target response time')
  const waitMs = Math.max(0, lineRequest.deadlineMs - timing.nowMs())
  const late = timing.after(waitMs, () => turn.reject(tooLate))
  return {
    ...lineRequest,
    order,
    start() {
      late.cancel()
      turn.start()
    },
    reject(why) {
      late.cancel()
      turn.reject(why)
    },
  }
}

export function createLineQueue(limits: LineQueueLimits, timing: Timing): LineQueue {
  const queue = new Set<QueuedRequest>()
  const busyLines = new Set<string>()
  const rates = createRates(limits)
  let orders = 0
  let stopped = false
  let timer: { cancel(): void } | undefined

  function begin(one: QueuedRequest): void {
    queue.delete(one)
    busyLines.add(one.line)
    rates.count(one, timing.nowMs())
    one.start()
  }

  function pump(): void {
    timer?.cancel()
    timer = undefined
    for (;;) {
      const nowMs = timing.nowMs()
      const { best, earliestMs } = chooseNext(queue, busyLines, rates.startsAtMs, nowMs)
      if (best === undefined) {
        if (Number.isFinite(earliestMs)) timer = timing.after(earliestMs - nowMs, pump)
        return
      }
      begin(best)
    }
  }

  /** Resolves when the request has its turn. @throws ReadError when its deadline comes first */
  function turnOf(lineRequest: LineRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      orders += 1
      const one: QueuedRequest = withDeadline(lineRequest, orders, timing, {
        start: resolve,
        reject(why) {
          if (queue.delete(one)) reject(why)
        },
      })
      queue.add(one)
      if (stopped && one.priority !== priority.onDemand) one.reject(new StoppedError())
      else if (!busyLines.has(one.line)) pump()
    })
  }

  return {
    forRequest: (line, lineRequest) => ({
      async use<T>(usage: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
        await turnOf(lineRequest)
        try {
          return await line.use(usage, session)
        } finally {
          busyLines.delete(lineRequest.line)
          pump()
        }
      },
      close: () => line.close(),
    }),
    raisePriority(eui, to) {
      for (const one of queue) if (one.eui === eui && one.priority > to) one.priority = to
    },
    waiting: () => queue.size,
    stop() {
      stopped = true
      for (const one of [...queue]) if (one.priority !== priority.onDemand) one.reject(new StoppedError())
    },
  }
}

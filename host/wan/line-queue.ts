// The order and rate of sessions on the lines. Every session with a meter passes through this queue: on-demand requests
// first, then requests for settlement (MHHS), then scheduled ones, each class in order of arrival. Rates are sessions per
// minute, that is wake-up SMS and PDP contexts: per cohort (risk R4 of the SECMP0162 preliminary impact assessment) and
// per line.

import { ReadError } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'
import {
  createSpacing,
  createWaiting,
  isBefore,
  type LineQueueLimits,
  type LineRequest,
  type Place,
  type Priority,
  priority,
  type QueuedRequest,
  unresponsive,
} from './waiting-requests.ts'

export interface LineQueue {
  /** The line for one request: its `use` waits for the request's turn. */
  forRequest(line: Line, lineRequest: LineRequest): Line
  /** Raises the priority of waiting sessions with a device: a more urgent request waits for the same data. */
  raisePriority(eui: string, to: Priority): void
  /** Number of sessions that wait, and of those that wait for one line. */
  waiting(): number
  waitingOn(line: string): number
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

/** A session of a class ends after this time when others of its class wait, milliseconds: on demand, and all others. */
const shareMs = { onDemand: 800, other: 5000 }

/** A session that has brought nothing new for so long ends when anybody waits, milliseconds. */
const stalledMs = 800

interface WhoWaits {
  timing: Timing
  /** Meters that did not answer their last wake, or brought nothing new in their last session. */
  silent: Set<string>
  /** The most urgent request that waits for the same line. */
  next(): Place | undefined
}

/** The turn of a request, which knows who waits. */
function turnFor(lineRequest: LineRequest, turn: Turn, { timing, silent, next }: WhoWaits): Turn {
  const { eui } = lineRequest
  const startedMs = timing.nowMs()
  const share = lineRequest.priority === priority.onDemand ? shareMs.onDemand : shareMs.other
  return {
    ...turn,
    shouldYield(progressMs) {
      const other = next()
      if (other === undefined) return false
      const own = silent.has(eui) ? unresponsive : lineRequest.priority
      if (other.priority < own) return true
      const nowMs = timing.nowMs()
      if (nowMs - Math.max(startedMs, progressMs) >= stalledMs) {
        silent.add(eui)
        return true
      }
      return other.priority === own && nowMs - startedMs >= share
    },
    responds(answers) {
      if (answers) silent.delete(eui)
      else silent.add(eui)
    },
  }
}

/** Starts requests: one at a time on each line, the most urgent first, at the rates of lines and cohorts. */
function createStarter(limits: LineQueueLimits, timing: Timing) {
  const waiting = createWaiting()
  const spacing = createSpacing(limits)
  /** Lines that are free and wait for a rate alone. */
  const heldBack = new Set<string>()
  let timer: { cancel(): void; atMs: number } | undefined

  /** Looks again at the lines that a rate holds back, once the first of them may go on. */
  function wakeAt(atMs: number): void {
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    const look = () => {
      timer = undefined
      for (const name of [...heldBack]) startNext(name)
    }
    timer = { ...timing.after(atMs - timing.nowMs(), look), atMs }
  }

  /** The most urgent request for a line that its rates allow now, and when they allow the next of the others. */
  function nextOn(name: string): { best: Place | undefined; earliestMs: number } {
    const nowMs = timing.nowMs()
    const cohorts = waiting.lines.get(name)?.cohorts
    let best: Place | undefined
    let earliestMs = Number.POSITIVE_INFINITY
    for (const [cohort, heap] of cohorts ?? []) {
      const place = waiting.first(heap)
      if (place === undefined) {
        cohorts?.delete(cohort)
        continue
      }
      const startMs = spacing.startsAtMs(name, cohort)
      if (startMs > nowMs) earliestMs = Math.min(earliestMs, startMs)
      else if (best === undefined || isBefore(place, best) < 0) best = place
    }
    return { best, earliestMs }
  }

  /** Starts the next session of a line if it is free. */
  function startNext(name: string): void {
    heldBack.delete(name)
    if (waiting.lineOf(name).busy) return
    const { best, earliestMs } = nextOn(name)
    if (best !== undefined) {
      waiting.remove(best.request)
      waiting.lineOf(name).busy = true
      spacing.begun(best.request, timing.nowMs())
      best.request.start()
    } else if (Number.isFinite(earliestMs)) {
      heldBack.add(name)
      wakeAt(earliestMs)
    } else waiting.lines.delete(name)
  }

  return {
    waiting,
    startNext,
    next: (name: string) => nextOn(name).best,
    release(name: string): void {
      waiting.lineOf(name).busy = false
      startNext(name)
    },
  }
}

export function createLineQueue(limits: LineQueueLimits, timing: Timing): LineQueue {
  const { waiting, startNext, next, release } = createStarter(limits, timing)
  /** Meters that did not answer their last wake, or brought nothing new in their last session. */
  const silent = new Set<string>()
  let orders = 0
  let stopped = false

  /** Resolves when the request has its turn. @throws ReadError when its deadline comes first */
  function turnOf(lineRequest: LineRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const waitMs = Math.max(0, lineRequest.deadlineMs - timing.nowMs())
      const rejectRequest = (why: Error) => {
        late.cancel()
        if (waiting.remove(one)) reject(why)
      }
      const tooLate = () => new ReadError('too late', 'no turn on the line within the target response time')
      const late = timing.after(waitMs, () => rejectRequest(tooLate()))
      const start = () => {
        late.cancel()
        resolve()
      }
      orders += 1
      const urgency = silent.has(lineRequest.eui) ? unresponsive : lineRequest.priority
      const one: QueuedRequest = { ...lineRequest, priority: urgency, order: orders, start, reject: rejectRequest }
      waiting.add(one)
      if (stopped && lineRequest.priority !== priority.onDemand) rejectRequest(new StoppedError())
      else startNext(one.line)
    })
  }

  return {
    forRequest: (line, lineRequest) => ({
      async use<T>(usage: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
        await turnOf(lineRequest)
        const whoWaits = { timing, silent, next: () => next(lineRequest.line) }
        try {
          return await line.use(usage, (turn) => session(turnFor(lineRequest, turn, whoWaits)))
        } finally {
          release(lineRequest.line)
        }
      },
      close: () => line.close(),
    }),
    raisePriority: waiting.raise,
    waiting: waiting.count,
    waitingOn: waiting.countOn,
    stop() {
      stopped = true
      for (const one of waiting.all()) if (one.priority !== priority.onDemand) one.reject(new StoppedError())
    },
  }
}

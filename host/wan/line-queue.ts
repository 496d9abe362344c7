// Who goes next on a line, and how fast. Every session with a meter passes here: on-demand requests first, then those for
// settlement (MHHS), then scheduled ones, each class in the order of asking. Rates are sessions a minute, which is wake-up
// SMS and PDP contexts: per cohort (risk R4 of the SECMP0162 preliminary impact assessment) and per line.

import type { Line, Timing, Turn } from './line.ts'
import { ReadError } from './read-error.ts'
import type { Usage } from './usage.ts'

/** Less is sooner. */
export const priority = { onDemand: 0, settlement: 1, scheduled: 2 } as const
export type Priority = (typeof priority)[keyof typeof priority]

/** Whose session it is. */
export type LineRequest = {
  /** Which line: sessions on one line come one after the other. */
  line: string
  cohort: string
  eui: string
  priority: Priority
  /** Until when it makes sense at all, milliseconds. */
  deadlineMs: number
}

export interface LineQueue {
  /** The line, as one lineRequest may use it: `use` waits for its turn. */
  forRequest(line: Line, lineRequest: LineRequest): Line
  /** Moves sessions that wait for a device up to a priority: a more urgent request shares what they will bring. */
  raisePriority(eui: string, to: Priority): void
  /** Sessions that wait. */
  waiting(): number
  /**
   * Turns away what waits and has time (settlement, schedules), now and from now on, with StoppedError: it is taken up
   * after the next start. What was asked on demand still has its turn.
   */
  stop(): void
}

/** The bridge stops; nothing is wrong with the request. */
export class StoppedError extends Error {
  constructor() {
    super('the bridge stops; this goes on after the next start')
  }
}

export type LineQueueLimits = {
  /** Sessions a minute of a cohort, and of any one line; 0: no limit. */
  cohortRate(cohort: string): number
  lineRate: number
}

const minuteMs = 60_000

type Waiting = LineRequest & { order: number; go(): void; turnAway(why: Error): void }

export function createLineQueue(limits: LineQueueLimits, timing: Timing): LineQueue {
  const queue = new Set<Waiting>()
  const busyLines = new Set<string>()
  /** When the next session of a cohort or line may begin. */
  const freeAtMs = new Map<string, number>()
  let orders = 0
  let stopped = false
  let timer: { cancel(): void } | undefined

  /** Sessions are spaced evenly: a rate of 60 a minute is one a second, never sixty at once. */
  const spacings = (one: LineRequest) =>
    [
      [`cohort ${one.cohort}`, limits.cohortRate(one.cohort)],
      [`line ${one.line}`, limits.lineRate],
    ].filter((limit): limit is [string, number] => limit[1] !== 0)

  const startsAtMs = (one: LineRequest) => Math.max(0, ...spacings(one).map(([name]) => freeAtMs.get(name) ?? 0))

  function begin(one: Waiting): void {
    queue.delete(one)
    busyLines.add(one.line)
    for (const [name, rate] of spacings(one)) freeAtMs.set(name, timing.nowMs() + minuteMs / rate)
    one.go()
  }

  function pump(): void {
    timer?.cancel()
    timer = undefined
    for (;;) {
      const nowMs = timing.nowMs()
      let best: Waiting | undefined
      let earliestMs = Number.POSITIVE_INFINITY
      for (const one of queue) {
        if (busyLines.has(one.line)) continue
        const startMs = startsAtMs(one)
        if (startMs > nowMs) earliestMs = Math.min(earliestMs, startMs)
        else if (best === undefined || one.priority < best.priority) best = one
        else if (one.priority === best.priority && one.order < best.order) best = one
      }
      if (best === undefined) {
        if (Number.isFinite(earliestMs)) timer = timing.after(earliestMs - nowMs, pump)
        return
      }
      begin(best)
    }
  }

  /** Resolves when it is the lineRequest's turn. @throws ReadError when its deadline comes first */
  function turnOf(lineRequest: LineRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const waitMs = Math.max(0, lineRequest.deadlineMs - timing.nowMs())
      const turnAway = (why: Error) => {
        late.cancel()
        if (queue.delete(one)) reject(why)
      }
      const tooLate = new ReadError('too late', 'no turn on the line within the target response time')
      const late = timing.after(waitMs, () => turnAway(tooLate))
      const go = () => {
        late.cancel()
        resolve()
      }
      orders += 1
      const one: Waiting = { ...lineRequest, order: orders, go, turnAway }
      queue.add(one)
      if (stopped && one.priority !== priority.onDemand) turnAway(new StoppedError())
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
      for (const one of [...queue]) if (one.priority !== priority.onDemand) one.turnAway(new StoppedError())
    },
  }
}

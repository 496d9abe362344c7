// The order and rate of sessions on the lines. Every session with a meter passes through this queue: on-demand requests
// first, then requests for settlement (MHHS), then scheduled ones, each class in order of arrival. What holds sessions back
// are rates, in sessions per minute, that is wake-up SMS and PDP contexts: per cohort (risk R4 of the SECMP0162 preliminary
// impact assessment) and per line; and what a model of the WAN allows (gates.ts).

import { createGates, type GateLimits, nextAtMs } from './gates.ts'
import { createHeldBack } from './held-back.ts'
import type { LineLimits } from './line-limits.ts'
import { ReadError } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'
import {
  createWaiting,
  isBefore,
  type LineRequest,
  type Place,
  type Priority,
  priority,
  type QueuedRequest,
  unresponsive,
} from './waiting-requests.ts'
import { noWanWaits, type WanLimit, type WanWaits } from './wan-model.ts'
import type { WanPlace } from './wan-place.ts'

export interface LineQueueLimits extends GateLimits {
  /** Sessions a minute of any one line; 0: no limit. */
  lineRate: number
  /** What the WAN adds to the waits of a session; nothing unless given. */
  waits?(place: WanPlace): WanWaits
  /** Called when a session begins; what it returns is called when it has ended. */
  begun?(place: WanPlace): () => void
  /** Called when a session begins that a limit of the WAN has held back. */
  heldBack?(request: LineRequest, by: WanLimit, ms: number): void
}

export interface LineQueue {
  /** The line for one request: its `use` waits for the request's turn. */
  forRequest(line: Line, lineRequest: LineRequest): Line
  /** Raises the priority of waiting sessions with a device: a more urgent request waits for the same data. */
  raisePriority(eui: string, to: Priority): void
  /** To be called when the limits have changed. */
  limitsChanged(): void
  /** Number of sessions that wait, and of those that wait for one line. */
  waiting(): number
  waitingOn(line: string): number
  /**
   * Ends sessions with StoppedError, at the next block boundary, and rejects those that wait and later ones: they are resumed
   * after the next start. On-demand sessions go on for `stopGraceMs`.
   */
  stop(): void
  close(): void
}

/** The bridge is stopping. The request is resumed after the next start. */
export class StoppedError extends Error {
  constructor() {
    super('the bridge is stopping; this request is resumed after the next start')
  }
}

/** A session of a class ends after this time when others of its class wait, milliseconds: on demand, and all others. */
const shareMs = { onDemand: 800, other: 5000 }

/** On-demand sessions have so long to end when the bridge stops, milliseconds. */
const stopGraceMs = 5000

/** A session that has brought nothing new for so long ends when anybody waits, milliseconds. */
const stalledMs = 800

const minuteMs = 60_000

interface WhoWaits {
  timing: Timing
  /** Meters that did not answer their last wake, or brought nothing new in their last session. */
  silent: Set<string>
  waits: WanWaits
  /** The most urgent request that waits for the same line. */
  next(): Place | undefined
  /** Whether sessions of a priority are to end because the bridge stops. */
  isStopped(priority: Priority): boolean
}

/** The waits of a line, with what the WAN adds to them. */
function withWan(limits: LineLimits, { wakeMs, roundTripMs }: WanWaits): LineLimits {
  const silenceMs = limits.silenceMs + 3 * (wakeMs + roundTripMs)
  return { ...limits, silenceMs, wanWakeMs: wakeMs, wanRoundTripMs: roundTripMs }
}

/** The turn of a request, which knows who waits. */
function turnFor(lineRequest: LineRequest, turn: Turn, whoWaits: WhoWaits): Turn {
  const { timing, silent, waits, next, isStopped } = whoWaits
  const { eui } = lineRequest
  const stalledAfterMs = stalledMs + waits.wakeMs + waits.roundTripMs
  // The share of a session counts from the first answer: a wake may take long.
  let startedMs = timing.steadyMs()
  let hasAnswered = false
  const share = lineRequest.priority === priority.onDemand ? shareMs.onDemand : shareMs.other
  return {
    ...turn,
    limits: withWan(turn.limits, waits),
    shouldYield(progressMs) {
      if (isStopped(lineRequest.priority)) return true
      const other = next()
      if (other === undefined) return false
      const own = silent.has(eui) ? unresponsive : lineRequest.priority
      if (other.priority < own) return true
      const nowMs = timing.steadyMs()
      if (nowMs - Math.max(startedMs, progressMs) >= stalledAfterMs) {
        silent.add(eui)
        return true
      }
      return other.priority === own && hasAnswered && nowMs - startedMs >= share
    },
    responds(answers) {
      if (!answers) return void silent.add(eui)
      silent.delete(eui)
      if (hasAnswered) return
      hasAnswered = true
      startedMs = timing.steadyMs()
    },
  }
}

/** Starts requests: one at a time on each line, the most urgent first, within the limits. */
function createStarter(limits: LineQueueLimits, timing: Timing) {
  const waiting = createWaiting()
  const gates = createGates(limits, timing, () => heldBack.look())
  const heldBack = createHeldBack(timing, gates.openAtMs, startNext)

  /** The most urgent request for a line that the limits allow now. `closed` receives those that they hold back. */
  function nextOn(name: string, closed?: (place: WanPlace, first: Place) => void): Place | undefined {
    const line = waiting.lines.get(name)
    const nowMs = timing.steadyMs()
    let best: Place | undefined
    for (const [group, { place, heap }] of line?.groups ?? []) {
      const first = waiting.first(heap)
      if (first === undefined) line?.groups.delete(group)
      else if (gates.openAtMs(place) > nowMs) closed?.(place, first)
      else if (best === undefined || isBefore(first, best) < 0) best = first
    }
    return best
  }

  /** Starts the next session of a line if it is free. */
  function startNext(name: string): void {
    const line = waiting.lineOf(name)
    if (line.busy) return
    const nowMs = timing.steadyMs()
    if (line.freeAtMs > nowMs) {
      if (line.count > 0) line.timer ??= timing.after(line.freeAtMs - nowMs, () => rateAllows(name))
      return
    }
    const best = nextOn(name, (place, first) => {
      first.request.heldBy ??= gates.closedBy(place)
      heldBack.hold(name, place, first)
    })
    if (best !== undefined) start(name, best.request)
    else if (line.groups.size === 0 && line.freeAtMs <= nowMs) waiting.lines.delete(name)
  }

  function rateAllows(name: string): void {
    delete waiting.lineOf(name).timer
    startNext(name)
  }

  function start(name: string, request: QueuedRequest): void {
    const line = waiting.lineOf(name)
    waiting.remove(request)
    line.busy = true
    if (limits.lineRate > 0) line.freeAtMs = nextAtMs(timing.steadyMs(), minuteMs / limits.lineRate)
    if (request.heldBy !== undefined) {
      limits.heldBack?.(request.asked, request.heldBy, timing.steadyMs() - request.sinceMs)
    }
    request.start(gates.begin(request.place))
  }

  return {
    waiting,
    startNext,
    /** To be called when the limits have changed. */
    look: heldBack.look,
    next: (name: string) => ((waiting.lines.get(name)?.freeAtMs ?? 0) > timing.steadyMs() ? undefined : nextOn(name)),
    release(name: string): void {
      waiting.lineOf(name).busy = false
      startNext(name)
    },
  }
}

/** What is no longer served because the bridge stops: first settlement and schedules, then everything. */
function createStop(waiting: () => Iterable<QueuedRequest>, timing: Timing) {
  /** The least urgent priority that is still served. */
  let served: number = priority.scheduled
  let grace: { cancel(): void } | undefined

  function serveOnly(least: number): void {
    served = least
    for (const one of waiting()) {
      if (Math.min(one.asked.priority, one.priority) > served) one.reject(new StoppedError())
    }
  }

  return {
    isStopped: (one: Priority) => one > served,
    stop(): void {
      serveOnly(priority.onDemand)
      grace = timing.after(stopGraceMs, () => serveOnly(priority.onDemand - 1))
    },
    close: () => grace?.cancel(),
  }
}

export function createLineQueue(limits: LineQueueLimits, timing: Timing): LineQueue {
  const { waiting, startNext, look, next, release } = createStarter(limits, timing)
  /** Meters that did not answer their last wake, or brought nothing new in their last session. */
  const silent = new Set<string>()
  let orders = 0
  const { isStopped, stop, close } = createStop(waiting.all, timing)

  /**
   * Resolves when the request has its turn, with what is to be called when its session has ended.
   * @throws ReadError when `endMs`, its deadline by `Timing.steadyMs`, comes first
   */
  function turnOf(lineRequest: LineRequest, endMs: number): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const rejectRequest = (why: Error) => {
        late.cancel()
        if (waiting.remove(one)) reject(why)
      }
      const tooLate = () => new ReadError('too late', 'no turn on the line within the target response time')
      const late = timing.after(Math.max(0, endMs - timing.steadyMs()), () => rejectRequest(tooLate()))
      const start = (ended: () => void) => {
        late.cancel()
        resolve(ended)
      }
      orders += 1
      const urgency = silent.has(lineRequest.eui) ? unresponsive : lineRequest.priority
      const one: QueuedRequest = {
        ...lineRequest,
        asked: lineRequest,
        sinceMs: timing.steadyMs(),
        priority: urgency,
        order: orders,
        start,
        reject: rejectRequest,
      }
      waiting.add(one)
      if (isStopped(lineRequest.priority)) rejectRequest(new StoppedError())
      else startNext(one.line)
    })
  }

  return {
    forRequest(line, lineRequest) {
      const endMs = timing.steadyMs() + lineRequest.deadlineMs - timing.nowMs()
      return {
        async use<T>(usage: Usage, session: (turn: Turn) => Promise<T>): Promise<T> {
          const ended = await turnOf(lineRequest, endMs)
          const counted = limits.begun?.(lineRequest.place)
          const waits = limits.waits?.(lineRequest.place) ?? noWanWaits
          const whoWaits = { timing, silent, waits, next: () => next(lineRequest.line), isStopped }
          try {
            return await line.use(usage, (turn) => session(turnFor(lineRequest, turn, whoWaits)))
          } finally {
            ended()
            counted?.()
            release(lineRequest.line)
          }
        },
        close: () => line.close(),
      }
    },
    raisePriority(eui, to) {
      for (const line of waiting.raise(eui, to)) startNext(line)
    },
    limitsChanged: look,
    waiting: waiting.count,
    waitingOn: waiting.countOn,
    stop,
    close,
  }
}

// The requests that wait for the lines, in heaps, and the rates at which sessions may begin.

import TinyQueue from 'tinyqueue'

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

export type LineQueueLimits = {
  /** Sessions a minute of a cohort, and of any one line; 0: no limit. */
  cohortRate(cohort: string): number
  lineRate: number
}

const minuteMs = 60_000

/** Behind every priority: meters that do not answer their wakes. */
export const unresponsive = 3

export interface QueuedRequest extends Omit<LineRequest, 'priority'> {
  priority: number
  order: number
  start(): void
  reject(why: Error): void
}

/** A place in a heap. Places whose request has left, or has moved to a higher priority, are skipped when they come up. */
export interface Place {
  request: QueuedRequest
  priority: number
}

/** Requests that wait for one line, by cohort: a rate holds back all requests of a cohort, never one of them. */
interface WaitingLine {
  busy: boolean
  count: number
  cohorts: Map<string, TinyQueue<Place>>
}

export const isBefore = (a: Place, b: Place) => a.priority - b.priority || a.request.order - b.request.order

/** The waiting requests: each operation costs the logarithm of their number at most. */
export function createWaiting() {
  const queued = new Set<QueuedRequest>()
  const byDevice = new Map<string, Set<QueuedRequest>>()
  const lines = new Map<string, WaitingLine>()

  function lineOf(name: string): WaitingLine {
    const found = lines.get(name) ?? { busy: false, count: 0, cohorts: new Map<string, TinyQueue<Place>>() }
    lines.set(name, found)
    return found
  }

  function push(request: QueuedRequest): void {
    const { cohorts } = lineOf(request.line)
    const heap = cohorts.get(request.cohort) ?? new TinyQueue<Place>([], isBefore)
    cohorts.set(request.cohort, heap)
    heap.push({ request, priority: request.priority })
  }

  return {
    lines,
    lineOf,
    all: (): Iterable<QueuedRequest> => [...queued],
    count: () => queued.size,
    countOn: (line: string) => lines.get(line)?.count ?? 0,
    add(request: QueuedRequest): void {
      queued.add(request)
      lineOf(request.line).count += 1
      const same = byDevice.get(request.eui) ?? new Set<QueuedRequest>()
      byDevice.set(request.eui, same.add(request))
      push(request)
    },
    /** False when the request was not waiting any more. */
    remove(request: QueuedRequest): boolean {
      const same = byDevice.get(request.eui)
      same?.delete(request)
      if (same?.size === 0) byDevice.delete(request.eui)
      const wasQueued = queued.delete(request)
      if (wasQueued) lineOf(request.line).count -= 1
      return wasQueued
    },
    raise(eui: string, to: Priority): void {
      for (const request of byDevice.get(eui) ?? []) {
        if (request.priority <= to || request.priority === unresponsive) continue
        request.priority = to
        push(request)
      }
    },
    /** The first place of a heap whose request still waits in it. */
    first(heap: TinyQueue<Place>): Place | undefined {
      for (let place = heap.peek(); place !== undefined; place = heap.peek()) {
        if (queued.has(place.request) && place.request.priority === place.priority) return place
        heap.pop()
      }
      return undefined
    },
  }
}

/** When the rates of a cohort and of a line allow the next session. Sessions are spaced evenly: 60 a minute is one a second. */
export function createSpacing(limits: LineQueueLimits) {
  const freeAtMs = new Map<string, number>()
  const cohortKey = (cohort: string) => `cohort ${cohort}`
  const lineKey = (line: string) => `line ${line}`

  function hold(key: string, rate: number, nowMs: number): void {
    if (rate !== 0) freeAtMs.set(key, nowMs + minuteMs / rate)
  }

  return {
    startsAtMs: (line: string, cohort: string) =>
      Math.max(freeAtMs.get(lineKey(line)) ?? 0, freeAtMs.get(cohortKey(cohort)) ?? 0),
    begun({ line, cohort }: Pick<LineRequest, 'line' | 'cohort'>, nowMs: number): void {
      hold(cohortKey(cohort), limits.cohortRate(cohort), nowMs)
      hold(lineKey(line), limits.lineRate, nowMs)
    },
  }
}

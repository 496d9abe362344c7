// The requests that wait for the lines, in heaps.

import TinyQueue from 'tinyqueue'
import type { WanLimit } from './wan-model.ts'
import { nameOf, type WanPlace } from './wan-place.ts'

/** A lower number is served first. */
export const priority = { onDemand: 0, settlement: 1, scheduled: 2 } as const
export type Priority = (typeof priority)[keyof typeof priority]

/** A session that is to be held. */
export type LineRequest = {
  /** Name of the line: sessions on one line run one after the other. */
  line: string
  /** Where the meter is on the WAN: limits hold back all that is there. */
  place: WanPlace
  eui: string
  priority: Priority
  /** The session must have begun by then, ms UTC by the clock as it is when the request is made. */
  deadlineMs: number
}

/** Behind every priority: meters that do not answer their wakes. */
export const unresponsive = 3

export interface QueuedRequest extends Omit<LineRequest, 'priority'> {
  priority: number
  order: number
  /** The request as it was made, and when by `Timing.steadyMs`. */
  asked: LineRequest
  sinceMs: number
  /** The first limit of the WAN that held it back. */
  heldBy?: WanLimit | undefined
  /** Begins its session; `ended` is called after it. */
  start(ended: () => void): void
  reject(why: Error): void
}

/** A place in a heap. Places whose request has left, or has moved to a higher priority, are skipped when they come up. */
export interface Place {
  request: QueuedRequest
  priority: number
}

/** Requests for one line from one place on the WAN. What holds back one of them holds back all. */
export interface WaitingGroup {
  place: WanPlace
  heap: TinyQueue<Place>
}

/** Requests that wait for one line, by place. */
export interface WaitingLine {
  busy: boolean
  /** When its rate allows the next session, by `Timing.steadyMs`. */
  freeAtMs: number
  count: number
  groups: Map<string, WaitingGroup>
  /** Runs until that time. */
  timer?: { cancel(): void }
}

export const isBefore = (a: Place, b: Place) => a.priority - b.priority || a.request.order - b.request.order

/** The waiting requests: each operation costs the logarithm of their number at most. */
export function createWaiting() {
  const queued = new Set<QueuedRequest>()
  const byDevice = new Map<string, Set<QueuedRequest>>()
  const lines = new Map<string, WaitingLine>()

  function lineOf(name: string): WaitingLine {
    const found: WaitingLine = lines.get(name) ?? { busy: false, freeAtMs: 0, count: 0, groups: new Map() }
    lines.set(name, found)
    return found
  }

  function push(request: QueuedRequest): void {
    const { groups } = lineOf(request.line)
    const { place } = request
    const group = groups.get(nameOf(place)) ?? { place, heap: new TinyQueue<Place>([], isBefore) }
    groups.set(nameOf(place), group)
    group.heap.push({ request, priority: request.priority })
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
    /** Raises the priority of what waits for a device. @returns the lines on which something moved up */
    raise(eui: string, to: Priority): Set<string> {
      const raised = new Set<string>()
      for (const request of byDevice.get(eui) ?? []) {
        if (request.priority <= to || request.priority === unresponsive) continue
        request.priority = to
        push(request)
        raised.add(request.line)
      }
      return raised
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

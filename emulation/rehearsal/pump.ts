// Requests that wait for their time, with one timer for the next of them.

import type { Timing } from '../../host/wan/timing.ts'
import type { Wanted } from './demand.ts'

export interface Pump {
  add(more: readonly Wanted[]): void
  isEmpty(): boolean
  /** Forgets what was not sent. */
  clear(): void
}

/** Calls `send` with each request at its time. */
export function createPump(clock: Timing, send: (wanted: Wanted) => void): Pump {
  const queue: Wanted[] = []
  let next = 0
  let timer: { cancel(): void } | undefined

  function arm(): void {
    timer?.cancel()
    const wanted = queue[next]
    timer = wanted === undefined ? undefined : clock.after(Math.max(0, wanted.atMs - clock.nowMs()), fire)
  }

  function fire(): void {
    for (let wanted = queue[next]; wanted !== undefined && wanted.atMs <= clock.nowMs(); wanted = queue[next]) {
      next += 1
      send(wanted)
    }
    arm()
  }

  return {
    add(more: readonly Wanted[]): void {
      const waiting = [...queue.slice(next), ...more].sort((a, b) => a.atMs - b.atMs)
      queue.splice(0, queue.length, ...waiting)
      next = 0
      arm()
    },
    isEmpty: () => next >= queue.length,
    clear(): void {
      queue.splice(0)
      next = 0
      arm()
    },
  }
}

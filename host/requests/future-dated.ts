// Requests that were accepted to be executed later (ExecutionDateTime). They are stored with the other accepted requests;
// this file has their timers.

import { dayMs } from '../../protocol/half-hour.ts'
import type { Timing } from '../wan/serial-line.ts'

/** How far ahead a request may be dated. An assumption: DUIS was not available to say. */
export const futureDatedDaysMax = 30

/** Requests that wait at a time; more are refused, so that no User can fill the disk. */
export const futureDatedMax = 10_000

/** Why a date is refused, or undefined. `waiting`: how many requests wait already. */
export function wrongExecution(executionMs: number, nowMs: number, waiting: number): string | undefined {
  if (executionMs <= nowMs) return 'ExecutionDateTime is past'
  if (executionMs > nowMs + futureDatedDaysMax * dayMs) {
    return `ExecutionDateTime is more than ${futureDatedDaysMax} days ahead (that this is the limit is an assumption)`
  }
  return waiting < futureDatedMax ? undefined : `${futureDatedMax} future-dated requests wait already`
}

export interface FutureDated {
  /** Calls `due` at the execution time, at once when that has passed. */
  wait(id: string, executionMs: number, due: () => void): void
  count(): number
  /** Cancels all timers; what is stored waits for the next start. */
  stop(): void
}

/** The longest single wait: many timers cannot wait longer than 24 days. */
const stepMs = dayMs

export function createFutureDated(timing: Timing): FutureDated {
  const waiting = new Map<string, { cancel(): void }>()

  function wait(id: string, executionMs: number, due: () => void): void {
    const left = executionMs - timing.nowMs()
    const timer = timing.after(Math.min(Math.max(left, 0), stepMs), () => {
      waiting.delete(id)
      if (timing.nowMs() < executionMs) wait(id, executionMs, due)
      else due()
    })
    waiting.set(id, timer)
  }

  return {
    wait,
    count: () => waiting.size,
    stop() {
      for (const timer of waiting.values()) timer.cancel()
      waiting.clear()
    },
  }
}

// Executions of accepted requests that are under way.

import type { Log } from '../state/log-event.ts'
import type { Timing } from '../wan/timing.ts'
import type { StoredRequest } from './accepted-request.ts'

/** Wait after an execution that failed, as when its response cannot be stored. */
const waitAfterFaultMs = 10_000

/** Executions under way. One that fails is logged and tried again: the request stays stored. */
export function createUnderWay(log: Log, timing: Timing, again: (id: string, stored: StoredRequest) => void) {
  const underWay = new Set<Promise<void>>()
  const waiting = new Map<string, { cancel(): void }>()

  function failed(id: string, stored: StoredRequest, error: Error): void {
    log('answer failed', { requestId: id, problem: error.message })
    const execute = () => {
      waiting.delete(id)
      again(id, stored)
    }
    waiting.set(id, timing.after(waitAfterFaultMs, execute))
  }

  return {
    track(id: string, stored: StoredRequest, promise: Promise<void>): void {
      const work = promise.catch((error) => failed(id, stored, error)).finally(() => underWay.delete(work))
      underWay.add(work)
    },
    async ended() {
      await Promise.all(underWay)
      for (const timer of waiting.values()) timer.cancel()
    },
  }
}

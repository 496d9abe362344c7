// Responses on their way to Users: on disk before the first try, tried again until a User has taken them.

import { type PushTerms, pushTermsOf } from '../access/user-details.ts'
import { oneOf, optional, readNumber, readText, record } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'
import type { Timing } from '../wan/serial-line.ts'

/** A response that a User has not taken yet. */
export interface Outgoing {
  /** RequestID that it answers; of an alert, its own ResponseID. */
  id: string
  url: string
  body: string
  tries: number
  createdMs: number
  state: 'waiting' | 'refused' | 'given up'
  lastProblem: string
  /** Not to be sent before this time, milliseconds UTC. */
  notBeforeMs?: number
  /** Why it is a failure, or where its data came from, for a bench's User that wants to know. */
  explanation?: string
}

/** Reads a row of the table `outbox`. */
export const readOutgoing = record<Outgoing>({
  id: readText,
  url: readText,
  body: readText,
  tries: readNumber,
  createdMs: readNumber,
  state: oneOf(['waiting', 'refused', 'given up']),
  lastProblem: readText,
  notBeforeMs: optional(readNumber),
  explanation: optional(readText),
})

/** What became of a try. */
export type DeliveryEvent =
  | { event: 'delivered'; requestId: string; tries: number }
  | {
      event: 'not delivered'
      requestId: string
      url: string
      tries: number
      problem: string
      state: Outgoing['state']
    }

/** POSTs XML, and an explanation in a header of its own; answers the HTTP status. Rejects when there is none. */
export type Post = (url: string, body: string, timeoutMs: number, explanation?: string) => Promise<number>

export interface Delivery {
  /** Resolves when the response is on disk. It is not sent before `start`. */
  keep(id: string, url: string, body: string, more?: Pick<Outgoing, 'explanation' | 'notBeforeMs'>): Promise<void>
  /** Sends a response that is kept. */
  start(id: string): void
  /** True while a response is kept. */
  has(id: string): boolean
  /** Takes up what an earlier run left. */
  resume(): void
  /** Everything not taken yet. */
  pending(): Outgoing[]
  /** Stops trying and waits for what is under way; what is left stays on disk. */
  stop(): Promise<void>
}

/** Waits between tries. The source documents name none: an assumption. */
const waitsMs = [1000, 5000, 30000, 120000, 600000, 1800000]
/** The longest that a response is tried: the longest target response time. */
export const giveUpAfterMs = 24 * 3600 * 1000
/** POSTs under way at once. */
const postsMax = 64

/** True for answers that another try will not change. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429
}

export function createDelivery(
  store: Store<{ outbox: Outgoing }>,
  post: Post,
  timing: Timing,
  tell: (event: DeliveryEvent) => void,
  failed: (error: Error) => void,
  termsOf: (url: string) => PushTerms = () => pushTermsOf({}),
): Delivery {
  const waiting = new Map<string, { cancel(): void }>()
  const kept = new Map<string, Outgoing>()
  /** By URL: what is to be sent there, and how many POSTs to it are under way. */
  const lanes = new Map<string, { queue: Outgoing[]; posting: number }>()
  const posting = new Set<Promise<void>>()
  let stopped = false

  async function attempt(outgoing: Outgoing): Promise<void> {
    const { id, url, body, explanation } = outgoing
    const tries = outgoing.tries + 1
    const outcome = await post(url, body, termsOf(url).pushTimeoutMs, explanation).catch(
      (error: Error) => error.message,
    )
    if (typeof outcome === 'number' && outcome >= 200 && outcome < 300) {
      await store.remove('outbox', id)
      tell({ event: 'delivered', requestId: id, tries })
      return
    }
    const lastProblem = typeof outcome === 'number' ? `HTTP ${outcome}` : outcome
    const givenUp = timing.nowMs() - outgoing.createdMs >= giveUpAfterMs
    const state = typeof outcome === 'number' && isRefusal(outcome) ? 'refused' : givenUp ? 'given up' : 'waiting'
    const next: Outgoing = { ...outgoing, tries, lastProblem, state }
    await store.put('outbox', id, next)
    tell({ event: 'not delivered', requestId: id, url, tries, problem: lastProblem, state })
    if (state === 'waiting') wait(next, waitsMs[Math.min(tries, waitsMs.length) - 1]!)
  }

  function enqueue(outgoing: Outgoing): void {
    const lane = lanes.get(outgoing.url) ?? { queue: [], posting: 0 }
    lanes.set(outgoing.url, lane)
    lane.queue.push(outgoing)
    pump()
  }

  /** The next response to send, of each URL in turn. */
  function next(): Outgoing | undefined {
    for (const [url, lane] of lanes) {
      if (lane.posting >= termsOf(url).pushesAtOnce) continue
      const outgoing = lane.queue.shift()
      if (outgoing === undefined) continue
      lanes.delete(url)
      lanes.set(url, lane)
      lane.posting += 1
      return outgoing
    }
    return undefined
  }

  function pump(): void {
    while (!stopped && posting.size < postsMax) {
      const outgoing = next()
      if (outgoing === undefined) return
      const work: Promise<void> = attempt(outgoing)
        .catch(failed)
        .finally(() => {
          posting.delete(work)
          const lane = lanes.get(outgoing.url)
          if (lane !== undefined) lane.posting -= 1
          if (lane?.posting === 0 && lane.queue.length === 0) lanes.delete(outgoing.url)
          pump()
        })
      posting.add(work)
    }
  }

  function wait(outgoing: Outgoing, ms: number): void {
    if (stopped) return
    const timer = timing.after(ms, () => {
      waiting.delete(outgoing.id)
      enqueue(outgoing)
    })
    waiting.set(outgoing.id, timer)
  }

  function pending(): Outgoing[] {
    return [...store.range('outbox', '', '\uffff')].map((entry) => entry.value)
  }

  return {
    async keep(id, url, body, more = {}) {
      const createdMs = timing.nowMs()
      const outgoing: Outgoing = { id, url, body, tries: 0, createdMs, state: 'waiting', lastProblem: '', ...more }
      await store.put('outbox', id, outgoing)
      kept.set(id, outgoing)
    },
    start(id) {
      const outgoing = kept.get(id)
      if (outgoing === undefined) return
      kept.delete(id)
      const early = (outgoing.notBeforeMs ?? 0) - timing.nowMs()
      if (early > 0) wait(outgoing, early)
      else enqueue(outgoing)
    },
    has: (id) => kept.has(id) || store.get('outbox', id) !== undefined,
    resume() {
      for (const outgoing of pending()) {
        if (outgoing.state !== 'waiting') continue
        wait(outgoing, Math.max(0, (outgoing.notBeforeMs ?? 0) - timing.nowMs()))
      }
    },
    pending,
    async stop() {
      stopped = true
      for (const timer of waiting.values()) timer.cancel()
      await Promise.all(posting)
    },
  }
}

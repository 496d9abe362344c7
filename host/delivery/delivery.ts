// Responses on their way to Users: on disk before the first try, tried again until a User has taken them.

import { mailboxAddress } from '../access/callback.ts'
import { type PushTerms, pushTermsOf } from '../access/user-details.ts'
import type { Store } from '../store/store.ts'
import type { Timing } from '../wan/serial-line.ts'
import { giveUpAfterMs } from './age-limit.ts'
import type { Outgoing } from './outgoing.ts'
import { createUnfetched } from './unfetched.ts'

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
  keep(
    id: string,
    url: string,
    body: string,
    more?: Pick<Outgoing, 'explanation' | 'notBeforeMs' | 'mailbox'>,
  ): Promise<void>
  /** Sends a response that is kept. */
  start(id: string): void
  /** True while a response is kept. */
  has(id: string): boolean
  /** Removes a response that its User has fetched from its mailbox. Resolves when that is on disk. */
  fetched(id: string): Promise<void>
  /** Takes up what an earlier run left. */
  resume(): void
  /** Everything not taken yet. */
  pending(): Outgoing[]
  /** Stops trying and waits for what is under way; what is left stays on disk. */
  stop(): Promise<void>
}

/** Waits between tries. The source documents name none: an assumption. */
const waitsMs = [1000, 5000, 30000, 120000, 600000, 1800000]
/** POSTs under way at once. */
const postsMax = 64

/** True for answers that another try will not change. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429
}

/** What is to be sent, by URL, and how many POSTs to each are under way. */
function createLanes(termsOf: (url: string) => PushTerms) {
  const lanes = new Map<string, { queue: Outgoing[]; posting: number }>()
  return {
    add(outgoing: Outgoing): void {
      const lane = lanes.get(outgoing.url) ?? { queue: [], posting: 0 }
      lanes.set(outgoing.url, lane)
      lane.queue.push(outgoing)
    },
    /** The next response to send, of each URL in turn. */
    next(): Outgoing | undefined {
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
    },
    /** Call it when the POST of a response has ended. */
    posted({ url }: Outgoing): void {
      const lane = lanes.get(url)
      if (lane === undefined) return
      lane.posting -= 1
      if (lane.posting === 0 && lane.queue.length === 0) lanes.delete(url)
    },
  }
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
  const lanes = createLanes(termsOf)
  const posting = new Set<Promise<void>>()
  const inMailbox = createUnfetched({
    store,
    timing,
    failed,
    delivered: (id) => tell({ event: 'delivered', requestId: id, tries: 0 }),
  })
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
    lanes.add(outgoing)
    pump()
  }

  function pump(): void {
    while (!stopped && posting.size < postsMax) {
      const outgoing = lanes.next()
      if (outgoing === undefined) return
      const work: Promise<void> = attempt(outgoing)
        .catch(failed)
        .finally(() => {
          posting.delete(work)
          lanes.posted(outgoing)
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
      if (outgoing.url === mailboxAddress) inMailbox.hold(outgoing)
      else if (early > 0) wait(outgoing, early)
      else enqueue(outgoing)
    },
    fetched: inMailbox.fetched,
    has: (id) => kept.has(id) || store.get('outbox', id) !== undefined,
    resume() {
      for (const outgoing of pending().sort((a, b) => a.createdMs - b.createdMs)) {
        if (outgoing.state !== 'waiting') continue
        if (outgoing.url === mailboxAddress) inMailbox.hold(outgoing)
        else wait(outgoing, Math.max(0, (outgoing.notBeforeMs ?? 0) - timing.nowMs()))
      }
    },
    pending,
    async stop() {
      stopped = true
      inMailbox.stop()
      for (const timer of waiting.values()) timer.cancel()
      await Promise.all(posting)
    },
  }
}

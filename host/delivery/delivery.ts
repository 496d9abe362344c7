// Responses on their way to Users: on disk before the first try, tried again until a User has taken them.

import { type PushTerms, pushTermsOf } from '../access/user-details.ts'
import type { Timing } from '../wan/serial-line.ts'
import { createLanes } from './lanes.ts'
import { leavable } from './leavable-post.ts'
import type { KeepOptions, Outbox } from './outbox.ts'
import type { AnsweredRequest, Entry } from './outbox-rows.ts'
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
      state: Entry['state']
    }

/** What a User answered: a status, and of a redirection where to. */
export type PostAnswer = number | { status: number; location: string | undefined }

/** POSTs XML, and an explanation in a header of its own. Rejects when there is no answer. */
export type Post = (url: string, body: string, timeoutMs: number, explanation?: string) => Promise<PostAnswer>

export interface Delivery {
  /** Resolves when the response is on disk. It is not sent before `start`. */
  keep(id: string, url: string, body: string, options?: KeepOptions): Promise<void>
  /** Sends a response that is kept. */
  start(id: string): void
  /** True while a response is kept. */
  has(id: string): boolean
  /** Removes a response that its User has fetched from its mailbox. Resolves when that is on disk. */
  fetched(id: string): Promise<void>
  /** Continues with what an earlier run left. */
  resume(answerAgain?: AnswerAgain): void
  /** Everything not taken yet, the oldest first. */
  pending(): Entry[]
  /** What is to be sent; undefined when there is none, or its body is gone. */
  read(id: string): string | undefined
  /** Tries a response again now, also one that was refused. False when there is none, or its body is gone. */
  retry(id: string): Promise<boolean>
  /** Removes a response. False when there is none. */
  discard(id: string): Promise<boolean>
  /** Stops trying and waits a few seconds for what is under way; what is left stays on disk. */
  stop(): Promise<void>
}

export interface DeliveryParts {
  outbox: Outbox
  post: Post
  timing: Timing
  report(event: DeliveryEvent): void
  failed(error: Error): void
  termsOf?(url: string): PushTerms
  /** Where a User takes responses now; undefined for one that is not registered any more. */
  addressOf?(user: string): string | undefined
}

/** Makes a response again whose key is lost. */
export type AnswerAgain = (id: string, request: AnsweredRequest) => Promise<void>

/** Waits between tries. The source documents name none: an assumption. */
const waitsMs = [1000, 5000, 30000, 120000, 600000, 1800000]
const sweepEveryMs = 60_000
/** After a fault of our own, as when the disk is full. */
const waitAfterFaultMs = 10_000
/** Bodies in memory for their first try; the others are read from the disk. */
const freshMax = 256

/** True for answers that another try will not change. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429
}

function problemOf(answer: PostAnswer): { status: number; problem: string } {
  if (typeof answer === 'number') return { status: answer, problem: `HTTP ${answer}` }
  const { status, location } = answer
  const redirected =
    location === undefined ? '' : `, redirected to ${location}: the User's callback address must be that`
  return { status, problem: `HTTP ${status}${redirected}` }
}

type Fresh = { body: string; explanation: string | undefined }

/** One try. Resolves with the wait before the next one, or undefined when there is none. */
async function attempt(
  entry: Entry,
  fresh: Fresh | undefined,
  parts: DeliveryParts,
  answerAgain: AnswerAgain | undefined,
): Promise<number | undefined> {
  const { outbox, post, report } = parts
  const kept = fresh ?? outbox.read(entry)
  if (kept === undefined) return lostKey(entry, parts, answerAgain)
  const url = parts.addressOf?.(entry.user) ?? entry.url
  const terms = (parts.termsOf ?? (() => pushTermsOf({})))(url)
  const outcome = await post(url, kept.body, terms.pushTimeoutMs, kept.explanation).then(problemOf, (error: Error) => ({
    status: 0,
    problem: error.message,
  }))
  const { id } = entry
  // It was discarded or given up meanwhile.
  if (outbox.entries.get(id) !== entry || entry.slot === 0) return undefined
  entry.tries += 1
  if (outcome.status >= 200 && outcome.status < 300) {
    await outbox.remove(entry)
    report({ event: 'delivered', requestId: id, tries: entry.tries })
    return undefined
  }
  entry.lastProblem = outbox.shared(outcome.problem)
  if (isRefusal(outcome.status)) entry.state = 'refused'
  await outbox.save(entry)
  const { tries, state, lastProblem: problem } = entry
  report({ event: 'not delivered', requestId: id, url, tries, problem, state })
  return state === 'waiting' ? waitsMs[Math.min(tries, waitsMs.length) - 1] : undefined
}

/** Reports a fault of our own, and returns the wait before the next try. */
function faulted(error: Error, { failed }: DeliveryParts): number {
  failed(error)
  return waitAfterFaultMs
}

/** A restored outbox has no keys: the request is executed again. Without it there is nothing to send. */
async function lostKey(
  entry: Entry,
  { outbox, report }: DeliveryParts,
  answerAgain: AnswerAgain | undefined,
): Promise<undefined> {
  const request = outbox.requestOf(entry)
  const { id: requestId, url, tries } = entry
  const problem = request === undefined ? 'its key is lost' : 'its key is lost: it is made again'
  report({ event: 'not delivered', requestId, url, tries, problem, state: 'given up' })
  // The request first, so that a crash leaves one of the two. Its key belongs to the request again.
  if (request !== undefined) await answerAgain?.(requestId, request)
  entry.requestSlot = undefined
  await outbox.remove(entry)
}

/** Sends what is due, to each URL as many at once as it takes. */
function createSender(parts: DeliveryParts) {
  const { outbox, timing } = parts
  const { entries } = outbox
  const stopWaits = leavable(parts.post, timing)
  const leaving = { ...parts, post: stopWaits.post }
  const termsOf = parts.termsOf ?? (() => pushTermsOf({}))
  /** Of responses that were not tried yet in this run. */
  const fresh = new Map<string, Fresh>()
  const isWanted = (entry: Entry) => entries.get(entry.id) === entry && entry.state === 'waiting' && entry.slot !== 0
  /** URLs whose last push failed: they are tried with one at a time until one is taken. */
  const failing = new Set<string>()
  const lanes = createLanes<Entry>((url) => (failing.has(url) ? 1 : termsOf(url).pushesAtOnce), isWanted)
  const posting = new Set<Promise<void>>()
  let timer: { cancel(): void } | undefined
  let stopped = false
  let again: AnswerAgain | undefined

  function pump(): void {
    timer?.cancel()
    timer = undefined
    while (!stopped) {
      const due = lanes.next(timing.steadyMs())
      if (due === undefined) break
      send(due.item, due.url)
    }
    const dueMs = stopped ? undefined : lanes.dueMs()
    if (dueMs !== undefined) timer = timing.after(Math.min(Math.max(0, dueMs - timing.steadyMs()), sweepEveryMs), pump)
  }

  function send(entry: Entry, lane: string): void {
    const first = fresh.get(entry.id)
    fresh.delete(entry.id)
    const work: Promise<void> = attempt(entry, first, leaving, again)
      .catch((error) => faulted(error, parts))
      .then((waitMs) => {
        if (waitMs === undefined) failing.delete(lane)
        else failing.add(lane)
        if (waitMs !== undefined && isWanted(entry)) add(entry, waitMs)
      })
      .finally(() => {
        posting.delete(work)
        lanes.done(lane)
        pump()
      })
    posting.add(work)
  }

  /** Has an entry sent after `waitMs`, however the clock is set meanwhile. */
  function add(entry: Entry, waitMs: number): void {
    const heldMs = (entry.notBeforeMs ?? 0) - timing.nowMs()
    lanes.add(parts.addressOf?.(entry.user) ?? entry.url, entry, timing.steadyMs() + Math.max(waitMs, heldMs))
  }

  return {
    fresh,
    add,
    pump,
    isWanted,
    makeDue: (entry: Entry) => lanes.makeDue(entry, timing.steadyMs()),
    answerAgain(how: AnswerAgain | undefined) {
      again = how
    },
    async stop() {
      stopped = true
      timer?.cancel()
      await stopWaits.wait(Promise.all(posting))
    },
  }
}

function bodiesOf({ entries, read }: Outbox): Delivery['read'] {
  return (id) => {
    const entry = entries.get(id)
    return entry && read(entry)?.body
  }
}

export function createDelivery(parts: DeliveryParts): Delivery {
  const { outbox, timing, failed } = parts
  const { entries } = outbox
  const sender = createSender(parts)
  const inMailbox = createUnfetched((entry) => void fetched(entry.id).catch(failed))
  let sweeping = timing.after(sweepEveryMs, sweep)

  function sweep(): void {
    sweeping = timing.after(sweepEveryMs, sweep)
    outbox.expire().catch(failed)
    for (const id of sender.fresh.keys()) if (!entries.has(id)) sender.fresh.delete(id)
  }

  async function fetched(id: string): Promise<void> {
    const entry = entries.get(id)
    if (entry?.mailbox === undefined) return
    await outbox.remove(entry)
    parts.report({ event: 'delivered', requestId: id, tries: 0 })
  }

  function add(entry: Entry): void {
    if (entry.mailbox === undefined) sender.add(entry, 0)
    else inMailbox.hold(entry)
  }

  return {
    async keep(id, url, body, options = {}) {
      const entry = await outbox.keep(id, url, body, options)
      if (sender.fresh.size >= freshMax || entry.mailbox !== undefined) return
      sender.fresh.set(id, { body, explanation: options.explanation })
    },
    start(id) {
      const entry = entries.get(id)
      if (entry === undefined) return
      add(entry)
      sender.pump()
    },
    has: (id) => entries.has(id),
    fetched,
    resume(answerAgain) {
      sender.answerAgain(answerAgain)
      for (const entry of entries.values()) if (sender.isWanted(entry)) add(entry)
      sender.pump()
    },
    pending: () => [...entries.values()],
    read: bodiesOf(outbox),
    async retry(id) {
      const entry = entries.get(id)
      if (entry === undefined || entry.slot === 0) return false
      if (entry.state === 'waiting') sender.makeDue(entry)
      else {
        entry.state = 'waiting'
        await outbox.save(entry)
        add(entry)
      }
      sender.pump()
      return true
    },
    async discard(id) {
      const entry = entries.get(id)
      if (entry === undefined) return false
      await outbox.remove(entry)
      return true
    },
    async stop() {
      sweeping.cancel()
      await sender.stop()
    },
  }
}

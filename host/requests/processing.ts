// Every request from its arrival to its delivery: what is stored when, so that a crash at any moment leaves either the
// request or its response on disk, and what is recorded before anything leaves the bridge.

import { responseAddress } from '../access/callback.ts'
import { pushTermsOf } from '../access/user-details.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Mailbox } from '../delivery/mailbox.ts'
import type { AnsweredRequest } from '../delivery/outbox-rows.ts'
import type { Log } from '../state/log-event.ts'
import { UnwritableError } from '../store/store.ts'
import type { Timing } from '../wan/timing.ts'
import { noUsage } from '../wan/usage.ts'
import type { AcceptedRequest, CompletedRequest, StoredRequest } from './accepted-request.ts'
import type { AcceptedStore } from './accepted-store.ts'
import type { Admission, Outcome } from './admission.ts'
import type { Direct } from './direct-response.ts'
import type { Acknowledgement, IncomingRequest } from './duis-endpoint.ts'
import type { Execution } from './execution.ts'
import type { FutureDated } from './future-dated.ts'
import { provenanceText } from './provenance.ts'
import type { Recall } from './recall.ts'
import type { Recorder } from './recorder.ts'
import { headerText, type RefusedRequest } from './refusal.ts'
import { createUnderWay } from './under-way.ts'

export interface ProcessingParts {
  timing: Timing
  accepted: AcceptedStore
  recorder: Recorder
  admission: Pick<Admission, 'admit'>
  /** Decides again on a stored request (`createRecall`). */
  recall: Recall
  execution: Pick<Execution, 'respond'>
  delivery: Delivery & { mailbox: Pick<Mailbox, 'open'>; trouble(): string | undefined }
  times: ExecutionTimes
  /** Whether a User is told why its request failed. */
  explain: boolean
  report: ProcessingReport
}

/** Requests that are not executed at once, and when they are. */
export interface ExecutionTimes {
  futureDated: FutureDated
  /** Requests that wait for a window. */
  windows: FutureDated
  /** The earliest time at which a request may be executed: now, or when its window begins; ms UTC. */
  earliestMs(accepted: AcceptedRequest): number
}

/** What is reported of requests, for the log, the measures and the line queue. */
export interface ProcessingReport {
  /** A request waits for its window. */
  waiting(accepted: AcceptedRequest, untilMs: number): void
  /** The execution of a request begins. */
  started(accepted: AcceptedRequest): void
  /** The response of a request is about to be delivered. */
  completed(accepted: AcceptedRequest, completed: CompletedRequest): void
  direct(direct: Direct, receivedMs: number): void
  refused(refused: RefusedRequest): void
  log: Log
}

export interface Processing {
  /** What is to be answered to a request that came in. An accepted request is then executed without further calls. */
  receive(incoming: IncomingRequest): Promise<Acknowledgement>
  /** Continues with the requests that an earlier run accepted and did not answer. Call it after `delivery.resume`. */
  resume(): void
  /** Executes a request again whose response cannot be read any more. */
  again(id: string, request: AnsweredRequest): Promise<void>
  /** Waits for executions under way. Future-dated requests stay on disk. */
  stop(): Promise<void>
}

export function createProcessing(parts: ProcessingParts): Processing {
  const { timing, report } = parts
  const { futureDated, windows, earliestMs } = parts.times
  const { track, ended } = createUnderWay(report.log, timing, (id, stored) => {
    // Not from the store: a write that failed may have removed it there.
    if (!parts.delivery.has(id)) reprocess(id, stored)
  })

  function start(accepted: AcceptedRequest, stored: StoredRequest, acknowledgedMs?: number): void {
    const { id } = accepted
    // A request that has waited for its window is executed now, even if the settings have changed since.
    const atMs = stored.windowMs ?? earliestMs(accepted)
    if (atMs <= timing.nowMs()) {
      report.started(accepted)
      track(id, stored, complete(accepted, stored, parts, acknowledgedMs))
      return
    }
    report.waiting(accepted, atMs)
    const waits = { ...stored, windowMs: atMs }
    track(
      id,
      waits,
      parts.accepted.save(id, waits).then(() => waitForWindow(id, atMs, parts, reprocess)),
    )
  }

  /** Executes a stored request: at once, or at its execution time. */
  function reprocess(id: string, stored: StoredRequest, lateMs = 0): void {
    const { executionMs, windowMs } = stored
    if (executionMs !== undefined && timing.nowMs() < executionMs) {
      // The machine may have been suspended at that time, or its clock set past it: nobody was late but the clock.
      futureDated.wait(id, executionMs, () => reprocess(id, stored, timing.nowMs() - executionMs))
    } else if (windowMs !== undefined && timing.nowMs() < windowMs) {
      waitForWindow(id, windowMs, parts, reprocess)
    } else
      track(
        id,
        stored,
        reexamine(id, stored, parts, (accepted) => start(delayed(accepted, lateMs), stored)),
      )
  }

  return {
    async receive(incoming) {
      const trouble = parts.delivery.trouble()
      if (trouble !== undefined) throw new UnwritableError(trouble)
      const { acknowledgement, outcome } = await parts.admission.admit(incoming)
      if (outcome.kind === 'accepted') {
        const { accepted, counted } = outcome
        const box = accepted.allowed.user.callback === undefined ? parts.delivery.mailbox.open(accepted.id) : undefined
        const stored = await storeAccepted(accepted, storedRequest(accepted, incoming.body, box), counted, parts)
        if (stored.executionMs === undefined) start(accepted, stored, timing.nowMs())
        else reprocess(accepted.id, stored)
        if (box === undefined) return acknowledgement
        return { ...acknowledgement, headers: { ...acknowledgement.headers, location: box.location } }
      }
      await recordAnswer(outcome, incoming.receivedMs, parts)
      return acknowledgement
    },
    resume: () => resume(parts, reprocess),
    again: (id, request) => parts.accepted.save(id, request).then(() => reprocess(id, request)),
    async stop() {
      futureDated.stop()
      await ended()
      // Last: a request that was being stored begins to wait only then.
      windows.stop()
    },
  }
}

/** Records what needs no execution. */
async function recordAnswer(
  outcome: Exclude<Outcome, { kind: 'accepted' }>,
  receivedMs: number,
  { recorder, report }: ProcessingParts,
): Promise<void> {
  if (outcome.kind === 'refused') {
    recorder.refused(outcome.refused)
    report.refused(outcome.refused)
  } else {
    recorder.direct(outcome.direct)
    report.direct(outcome.direct, receivedMs)
  }
  // While the audit trail cannot be written, nothing is accepted. Refusals continue, and the DCC has already done what it
  // answered.
  await recorder.committed().catch(() => {})
}

function resume({ accepted, delivery }: ProcessingParts, reprocess: (id: string, stored: StoredRequest) => void): void {
  for (const { key, value } of [...accepted.all()]) {
    // It was answered before the crash. Only the stored request is left.
    if (delivery.has(key)) accepted.handOver(key).catch(() => {})
    else reprocess(key, value)
  }
}

/** A request whose target response time begins later. */
function delayed(accepted: AcceptedRequest, lateMs: number): AcceptedRequest {
  return lateMs <= 0 ? accepted : { ...accepted, deadlineMs: accepted.deadlineMs + lateMs }
}

/** Many may wait for a window, so only their RequestIDs are in memory. */
function waitForWindow(
  id: string,
  windowMs: number,
  { accepted, times }: ProcessingParts,
  reprocess: (id: string, stored: StoredRequest) => void,
): void {
  times.windows.wait(id, windowMs, () => {
    const stored = accepted.get(id)
    if (stored !== undefined) reprocess(id, stored)
  })
}

function storedRequest(
  { request: { executionMs }, receivedMs }: AcceptedRequest,
  body: Uint8Array,
  box: { sha256: string } | undefined,
): StoredRequest {
  return { body, receivedMs, ...(executionMs !== undefined && { executionMs }), ...(box && { mailbox: box.sha256 }) }
}

/**
 * Stores an accepted request and the record of it: first the request, so that what is recorded as accepted is always
 * answered. If the process ends in between, the record is made after the restart.
 */
async function storeAccepted(
  accepted: AcceptedRequest,
  plain: StoredRequest,
  counted: Promise<void>,
  { accepted: requests, recorder }: ProcessingParts,
): Promise<StoredRequest> {
  let stored: StoredRequest | undefined
  try {
    // The RequestID was put into the store earlier, so it is on disk no later than the request.
    ;[stored] = await Promise.all([requests.keep(accepted.id, plain), counted])
    recorder.accepted(accepted)
    await recorder.committed()
    return stored
  } catch (error) {
    // Where even that cannot be written, the request is executed after a restart: it was sent, and nobody was told I99.
    await requests.drop(accepted.id, stored ?? plain).catch(() => {})
    throw error
  }
}

/**
 * Executes a request and queues its response for delivery. `acknowledgedMs`: when it was acknowledged, if that was just
 * now.
 */
async function complete(
  accepted: AcceptedRequest,
  stored: StoredRequest,
  parts: ProcessingParts,
  acknowledgedMs?: number,
): Promise<void> {
  const { xml, completed, forUser, notBeforeMs: heldUntilMs = 0 } = await parts.execution.respond(accepted, noUsage())
  parts.recorder.completed(accepted, completed, xml)
  const { user } = accepted.allowed
  const why = completed.provenance === undefined ? forUser : provenanceText(completed.provenance)
  const { pushDelayMs } = pushTermsOf(user)
  const delayedMs = acknowledgedMs === undefined || pushDelayMs === 0 ? 0 : acknowledgedMs + pushDelayMs
  const notBeforeMs = Math.max(delayedMs, heldUntilMs) || undefined
  await enqueueResponse({ id: accepted.id, stored, callback: responseAddress(user), xml, why, notBeforeMs }, parts)
  parts.report.completed(accepted, completed)
}

interface Response {
  id: string
  stored: StoredRequest
  callback: string
  xml: string
  /** Why it failed, or where its data came from. */
  why: string
  notBeforeMs?: number | undefined
}

/** The response takes the place of the request on disk in one transaction. Its record is on disk before it is sent. */
async function enqueueResponse(
  { id, stored, callback, xml, why, notBeforeMs }: Response,
  { accepted, delivery, recorder, explain }: ProcessingParts,
): Promise<void> {
  const { mailbox } = stored
  const more = {
    ...(mailbox !== undefined && { mailbox }),
    ...(explain && why !== '' && { explanation: headerText(why) }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    request: accepted.answered(stored),
    isAnswer: true,
  }
  await recorder.committed()
  await delivery.keep(id, callback, xml, more)
  delivery.start(id)
}

/** Continues with a stored request as the registry allows now. */
async function reexamine(
  id: string,
  stored: StoredRequest,
  parts: ProcessingParts,
  start: (accepted: AcceptedRequest) => void,
): Promise<void> {
  const { recorder, report } = parts
  const body = parts.accepted.open(id, stored)
  const recalled = body && parts.recall(body, stored.receivedMs)
  if (recalled === undefined) {
    const gone = 'its User is no longer in the registry: there is nobody to answer'
    const reason = body === undefined ? 'its key is lost: it cannot be read' : gone
    report.log('dropped', { requestId: id, reason })
    recorder.dropped(id, reason)
    await parts.accepted.drop(id, stored)
  } else if ('xml' in recalled) {
    report.log('answered', { requestId: id, reason: recalled.reason })
    recorder.recalled(id, recalled)
    const { callback, xml, forUser: why } = recalled
    await enqueueResponse({ id, stored, callback, xml, why }, parts)
  } else {
    recorder.accepted(recalled, true)
    start(recalled)
  }
}

// The way of a request that was read and verified (door.ts): count, decide; then read, format, sign, deliver. Nothing
// else knows the order.

import { type AccessPolicy, decide, decideUser, explain } from '../access/access-control.ts'
import { tooLargeForBoxed, tooLongForBoxed } from '../access/boxed-limits.ts'
import type { Registry, User } from '../access/parties.ts'
import { counterWords, type RequestCounters } from '../access/request-counters.ts'
import type { Endpoint } from '../catalogue/endpoint.ts'
import { servesSettlement } from '../catalogue/for-settlement.ts'
import type { Fault, FaultCodes } from '../catalogue/response-code.ts'
import type { Role } from '../catalogue/role.ts'
import { type SrvRow, srvRow } from '../catalogue/srv-table.ts'
import { formatFailure, type Smets1Answer } from '../duis/format.ts'
import { parseRequest } from '../duis/parse.ts'
import type { ServiceRequest } from '../duis/request.ts'
import { trtMsOf } from '../metrics/performance.ts'
import type { Signer } from '../pki/signer.ts'
import { type AcceptedRequest, askedMs, type CompletedRequest, type Handler } from '../requests/accepted-request.ts'
import type { Direct, DirectHandler } from '../requests/dcc-response.ts'
import { type Acknowledgement, headerOf, type IncomingRequest } from '../requests/duis-endpoint.ts'
import { wrongExecution } from '../requests/future-dated.ts'
import { faultOf, headerText, Refusal, type RefusedRequest, type StoredRefusal } from '../requests/refusal.ts'
import { StoppedError } from '../wan/line-queue.ts'
import { ReadError } from '../wan/read-error.ts'
import type { Usage } from '../wan/usage.ts'

export interface RouterParts {
  nowMs(): number
  registry(): Registry
  policy: AccessPolicy
  codes: FaultCodes
  counters: RequestCounters
  dsp: Signer
  /** EUI-64 of the DSP, the target of requests that the DCC answers itself. */
  dspEui: string
  s1sp: Signer
  /** Looks at what is about to be sent (`schemaCheck`). */
  checkOwn(xml: string, id: string): void
  /** Whether callers that ask for it are told why they are refused. */
  explain: boolean
  handlers: { [variant: string]: Handler }
  /** Future-dated requests that wait. */
  futureDated(): number
  /** For the requests that the DCC answers itself. */
  directHandlers: { [variant: string]: DirectHandler }
  log(event: string, fields: { [name: string]: unknown }): void
}

/** What became of a request that came in. */
export type Outcome =
  /** `counted` resolves when the RequestID is on disk as used. */
  | { accepted: AcceptedRequest; counted: Promise<void>; direct?: never; refused?: never }
  | { direct: Direct; accepted?: never; refused?: never }
  | { refused: RefusedRequest; accepted?: never; direct?: never }

export interface Router {
  /**
   * Takes a request up to its acknowledgement: `accepted` when it is to be carried out; `direct` when this is the answer,
   * by the DCC itself; `refused` otherwise.
   */
  receive(asked: IncomingRequest): Promise<{ acknowledgement: Acknowledgement; outcome: Outcome }>
  /**
   * What a request that was accepted before a restart means now: it goes on, or, when the registry no longer allows it,
   * here is its final answer. `undefined` when nobody is left to tell.
   */
  recall(body: Uint8Array, receivedMs: number): Promise<AcceptedRequest | StoredRefusal | undefined>
  /**
   * Carries out a request, on demand or scheduled. @throws ReadError when the meter does not answer in time, Refusal for an
   * answer that cannot be sent to its User
   */
  execute(accepted: AcceptedRequest, usage: Usage): ReturnType<Handler>
  /** The final answer, whatever happens. */
  answer(accepted: AcceptedRequest, usage: Usage): Promise<{ xml: string; answered: CompletedRequest }>
}

export function createRouter(parts: RouterParts): Router {
  const { codes, log } = parts
  const refuse: (fault: Fault, detail: string) => never = (fault, detail) => {
    throw new Refusal(codes[fault], detail)
  }

  /** The row of a request that goes to a device this bridge serves, on the right service. */
  function rowFor(request: ServiceRequest, endpoint: Endpoint): SrvRow {
    const variant = request.serviceReferenceVariant
    const row = srvRow(variant) ?? refuse('notForDevice', `${variant} is not a request of this S1SP`)
    if (row.endpoint !== endpoint) refuse('wrongService', `${variant} goes to ${row.endpoint}, it came to ${endpoint}`)
    if (!row.commandVariants.includes(request.commandVariant)) {
      refuse(
        'commandVariant',
        `${variant} takes command variant ${row.commandVariants.join(' or ')}, not ${request.commandVariant}`,
      )
    }
    return row
  }

  async function accept(
    request: ServiceRequest,
    { endpoint, receivedMs }: IncomingRequest,
    counted: (stored: Promise<void>) => void,
  ): Promise<AcceptedRequest | Direct> {
    const { originator, target, counter } = request.requestId
    // Strangers are refused below; counting them would let anybody with a certificate fill the store.
    const isTarget = target === parts.dspEui || parts.registry().device(target) !== undefined
    if (parts.registry().user(originator) !== undefined && isTarget) {
      const { verdict, stored } = parts.counters.accept(originator, target, counter)
      counted(stored)
      if (verdict !== 'fresh') refuse('replayed', counterWords[verdict])
    }
    const row = rowFor(request, endpoint)
    if (row.endpoint === 'serviceD') return answerDirectly(request, row, receivedMs)
    if (request.executionMs !== undefined) {
      const wrong = wrongExecution(request.executionMs, receivedMs, parts.futureDated())
      if (wrong !== undefined) refuse('executionDate', wrong)
    }
    const accepted = allow(request, row, receivedMs)
    if (!row.onSmets1) refuse('notForDevice', `SMETS1 has no ${row.variant} (table 3 of the impact assessment: N/A)`)
    if (!row.handled || parts.handlers[row.variant] === undefined) {
      refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
    }
    return accepted
  }

  /** A request that the DCC answers itself. */
  async function answerDirectly(request: ServiceRequest, row: SrvRow, nowMs: number): Promise<Direct> {
    const decision = decideUser(request, parts.registry(), row, parts.policy)
    if (!decision.allowed) throw new Refusal(decision.code, explain(decision), decision)
    const forSettlement = settlementOf(request, row, decision.roles, decision.user)
    const { originator, target, counter } = request.requestId
    if (target !== parts.dspEui)
      refuse('mismatch', `${row.variant} is sent to the DCC, ${parts.dspEui}, not to ${target}`)
    const handler = parts.directHandlers[row.variant]
    const answer = (await handler?.(request, decision, nowMs)) ?? refuse('notForDevice', `no ${row.variant} here`)
    if ('fault' in answer) return refuse(answer.fault, answer.reason)
    return { ...answer, id: `${originator}:${target}:${counter}`, user: originator, row, forSettlement }
  }

  function settlementOf(request: ServiceRequest, row: SrvRow, roles: readonly Role[], user: User): boolean {
    const serves = servesSettlement(row, roles, user, request.forSettlement)
    return typeof serves === 'string' ? refuse('forSettlement', serves) : serves
  }

  function allow(request: ServiceRequest, row: SrvRow, receivedMs: number): AcceptedRequest {
    if (row.endpoint !== 'serviceS') refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
    // A future-dated request is as one that was sent at its time, and has the target response time from then on
    // (assumption).
    const sentMs = request.executionMs ?? receivedMs
    const decision = decide(request, sentMs, parts.registry(), row, parts.policy)
    if (!decision.allowed) throw new Refusal(decision.code, explain(decision), decision)
    const { originator, target, counter } = request.requestId
    const forSettlement = settlementOf(request, row, [decision.role], decision.user)
    const tooLong = tooLongForBoxed(row, decision.user, request.period, sentMs)
    if (tooLong !== undefined) refuse('tooLargeForBoxed', tooLong)
    const deadlineMs = sentMs + (trtMsOf(row, forSettlement) ?? 0)
    const id = `${originator}:${target}:${counter}`
    return { id, request, row, allowed: decision, forSettlement, receivedMs, deadlineMs }
  }

  function answerTo({ request, schedule, allowed }: AcceptedRequest): Smets1Answer {
    const { requestId, schemaVersion, serviceReferenceVariant } = request
    const { dsp, s1sp } = parts
    const boxedCompat = allowed.user.mode === 'boxed'
    const of = { requestId, code: 'I0', nowMs: parts.nowMs(), schemaVersion, serviceReferenceVariant }
    return { ...of, dsp, s1sp, schedule, boxedCompat }
  }

  async function execute(accepted: AcceptedRequest, usage: Usage): ReturnType<Handler> {
    if (parts.nowMs() >= accepted.deadlineMs) throw new ReadError('too late', 'the target response time had passed')
    const { row, allowed, request } = accepted
    // The mode of a User may have changed since a schedule was made.
    const tooLong = tooLongForBoxed(row, allowed.user, request.period, parts.nowMs())
    if (tooLong !== undefined) refuse('tooLargeForBoxed', tooLong)
    const answer = await parts.handlers[row.variant]!(accepted, answerTo(accepted), usage)
    const tooLarge = allowed.user.mode === 'boxed' ? tooLargeForBoxed(answer.xml) : undefined
    if (tooLarge !== undefined) refuse('tooLargeForBoxed', tooLarge)
    parts.checkOwn(answer.xml, accepted.id)
    return answer
  }

  return {
    async receive(asked) {
      const { endpoint, examined, wantsExplanation } = asked
      let code = 'I99'
      let reason = ''
      let counted = Promise.resolve()
      let outcome: Outcome
      const header = 'refusedWith' in examined ? examined.header : headerOf(examined)
      try {
        if ('refusedWith' in examined) throw new Refusal(examined.refusedWith, examined.why)
        const taken = await accept(examined, asked, (stored) => {
          counted = stored
          // Awaited below, or by who keeps the request.
          stored.catch(() => {})
        })
        if ('allowed' in taken) {
          const { executionMs } = taken.request
          const later = executionMs === undefined ? '' : `, to be executed at ${new Date(executionMs).toISOString()}`
          reason = explain(taken.allowed) + later
          outcome = { accepted: taken, counted }
        } else {
          code = taken.code
          reason = taken.reason
          outcome = { direct: taken }
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { decision } = error
        code = error.code
        reason = error.message
        const signed = !('refusedWith' in examined)
        outcome = { refused: { endpoint, header, code, why: reason, signed, ...(decision && { decision }) } }
      }
      if (outcome.accepted === undefined) await counted
      log(outcome.accepted ? 'accepted' : outcome.direct ? 'answered directly' : 'refused', {
        requestId: header.requestId?.text,
        srv: header.serviceReferenceVariant,
        code,
        reason,
        ...(outcome.accepted?.forSettlement && { forSettlement: true }),
        ...(outcome.accepted?.allowed.user.mode === 'boxed' && { delivery: 'boxed (not standard)' }),
      })
      const headers = parts.explain && wantsExplanation ? { 'smets1-explain': headerText(reason) } : {}
      return { acknowledgement: { code, header, content: outcome.direct?.content ?? '', headers }, outcome }
    },

    async recall(body, receivedMs) {
      const parsed = parseRequest(body, { codes })
      const row = parsed.ok ? srvRow(parsed.request.serviceReferenceVariant) : undefined
      if (!parsed.ok || row === undefined) return undefined
      const { request } = parsed
      try {
        return allow(request, row, receivedMs)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const callback = parts.registry().user(request.requestId.originator)?.callback
        if (callback === undefined) return undefined
        const { requestId, schemaVersion, serviceReferenceVariant } = request
        const { code, message: reason } = error
        const answer = { requestId, schemaVersion, serviceReferenceVariant, code, nowMs: parts.nowMs(), dsp: parts.dsp }
        return { callback, srv: serviceReferenceVariant, code, xml: formatFailure(answer), reason }
      }
    },

    execute,

    async answer(accepted, usage) {
      const { id, row } = accepted
      const answered = { id, srv: row.variant, code: 'I0', detail: '', usage, tookMs: 0 }
      const done = (xml: string, more: Partial<CompletedRequest>) => {
        return { xml, answered: { ...answered, ...more, tookMs: parts.nowMs() - askedMs(accepted) } }
      }
      try {
        const { xml, sources } = await execute(accepted, usage)
        return done(xml, sources === undefined ? {} : { sources })
      } catch (error) {
        if (error instanceof StoppedError) throw error
        const isFutureDated = accepted.request.executionMs !== undefined
        const fault = error instanceof ReadError ? faultOf(error, isFutureDated) : 'internal'
        const code = error instanceof Refusal ? error.code : codes[fault]
        const detail = (error as Error).message
        const xml = formatFailure({ ...answerTo(accepted), code })
        parts.checkOwn(xml, id)
        return done(xml, { code, detail, ...(error instanceof ReadError && { fault: error.fault }) })
      }
    },
  }
}

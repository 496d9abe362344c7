// The way of a request: parse, verify, count, decide, acknowledge; then read, format, sign, deliver. Nothing else
// knows the order.

import { type AccessPolicy, type Allowed, decide, explain, type Refused } from './access/access-control.ts'
import type { Registry } from './access/parties.ts'
import type { CounterVerdict, RequestCounters } from './access/request-counters.ts'
import { formatAcknowledgement, formatFailure, type Smets1Answer } from './duis/format.ts'
import { parseRequest } from './duis/parse.ts'
import type { ReadableHeader, RequestId, ServiceRequest } from './duis/request.ts'
import type { Fault, FaultCodes } from './duis/response-code.ts'
import type { Schema } from './duis/schema.ts'
import type { Signer } from './duis/sign.ts'
import type { TrustStore } from './duis/trust.ts'
import { verifySignature } from './duis/verify.ts'
import type { Endpoint, HttpAnswer } from './http-server.ts'
import type { Sources } from './srv/read-profile.ts'
import { type SrvRow, srvRow } from './srv/srv-table.ts'
import { ReadError } from './wan/meter-session.ts'
import type { Usage } from './wan/usage.ts'

/** A request that was acknowledged with I99 and is still to be answered. */
export interface Accepted {
  /** RequestID with its EUI-64s in upper case. */
  id: string
  request: ServiceRequest
  row: SrvRow
  allowed: Allowed
  receivedMs: number
  /** Until when it must be answered. */
  deadlineMs: number
}

/** The final answer of a request that was accepted, and is no longer allowed. */
export interface RecalledRefusal {
  callback: string
  srv: string
  code: string
  xml: string
  reason: string
}

/** A request that was turned away. */
export interface RefusedRequest {
  endpoint: Endpoint
  header: ReadableHeader
  code: string
  why: string
  /** True once the signature was found to be the originator's. */
  signed: boolean
  /** The decision of access control, when it came to that. */
  decision?: Refused
}

/** What an answered request was and cost, for the log. */
export interface Answered {
  id: string
  srv: string
  code: string
  tookMs: number
  detail: string
  sources?: Sources
  usage: Usage
}

/** Carries out one SRV. Adds what it cost to `usage`. @throws ReadError */
export type Handler = (
  accepted: Accepted,
  answer: Smets1Answer,
  usage: Usage,
) => Promise<{ xml: string; sources: Sources }>

export interface RouterParts {
  nowMs(): number
  registry(): Registry
  policy: AccessPolicy
  codes: FaultCodes
  trust(): TrustStore
  counters: RequestCounters
  dsp: Signer
  s1sp: Signer
  schema: Schema | undefined
  /** Whether callers that ask for it are told why they are refused. */
  explain: boolean
  handlers: { [variant: string]: Handler }
  log(event: string, fields: { [name: string]: unknown }): void
}

export interface Router {
  /** Takes a request up to its acknowledgement: `accepted` when it is I99, `refused` otherwise. */
  receive(
    endpoint: Endpoint,
    body: Uint8Array,
    wantsExplanation: boolean,
  ): Promise<HttpAnswer & ({ accepted: Accepted; refused?: never } | { refused: RefusedRequest; accepted?: never })>
  /**
   * What a request that was accepted before a restart means now: it goes on, or, when the registry no longer allows it,
   * here is its final answer. `undefined` when nobody is left to tell.
   */
  recall(body: Uint8Array, receivedMs: number): Accepted | RecalledRefusal | undefined
  /** The final answer, whatever happens. */
  answer(accepted: Accepted, usage: Usage): Promise<{ xml: string; answered: Answered }>
}

class Refusal extends Error {
  readonly fault: Fault
  readonly code: string
  readonly decision: Refused | undefined
  constructor(fault: Fault, code: string, detail: string, decision?: Refused) {
    super(detail)
    this.fault = fault
    this.code = code
    this.decision = decision
  }
}

const counterWords: { [verdict in Exclude<CounterVerdict, 'fresh'>]: string } = {
  repeated: 'this RequestID was used before',
  'too old': 'the counter lies 1,024 or more below the highest used',
  'not increasing': 'the counter is not above the highest used',
}

/** What a failed read is called: E20 when no session came about, E21 when one did and no answer came. */
function faultOf(error: ReadError): Fault {
  return error.fault === 'no port' || error.fault === 'no awake' || error.fault === 'no key'
    ? 'unreachable'
    : 'noResponse'
}

/** The explanation as the value of an HTTP header. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000)
}

export function createRouter(parts: RouterParts): Router {
  const { codes, log } = parts
  const refuse: (fault: Fault, detail: string) => never = (fault, detail) => {
    throw new Refusal(fault, codes[fault], detail)
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
    endpoint: Endpoint,
    body: Uint8Array,
    header: (known: ReadableHeader) => void,
    signed: () => void,
  ): Promise<Accepted> {
    const nowMs = parts.nowMs()
    const parsed = parseRequest(body, { codes })
    if (!parsed.ok) {
      if (parsed.header) header(parsed.header)
      throw new Refusal(parsed.fault, parsed.code, parsed.detail)
    }
    const { request, document } = parsed
    header(request)
    const wrong = parts.schema?.validate(body) ?? []
    if (wrong.length > 0) refuse('schema', wrong[0]!)
    const { originator, target, counter } = request.requestId
    const verified = verifySignature(document, parts.trust(), { signerEui: originator, nowMs, codes })
    if (!verified.ok) throw new Refusal(verified.fault, verified.code, verified.detail)
    signed()
    // Strangers are refused below; counting them would let anybody with a certificate fill the store.
    if (parts.registry().user(originator) !== undefined && parts.registry().device(target) !== undefined) {
      const verdict = await parts.counters.accept(originator, target, counter)
      if (verdict !== 'fresh') refuse('replayed', counterWords[verdict])
    }
    const row = rowFor(request, endpoint)
    const accepted = allow(request, row, nowMs)
    if (!row.onSmets1) refuse('notForDevice', `SMETS1 has no ${row.variant} (table 3 of the impact assessment: N/A)`)
    if (!row.handled || parts.handlers[row.variant] === undefined) {
      refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
    }
    if (request.executionMs !== undefined)
      refuse('notForDevice', 'this bridge does not offer future-dated requests (ExecutionDateTime)')
    return accepted
  }

  function allow(request: ServiceRequest, row: SrvRow, receivedMs: number): Accepted {
    if (row.endpoint !== 'serviceS') refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
    const decision = decide(request, receivedMs, parts.registry(), row, parts.policy)
    if (!decision.allowed) throw new Refusal(decision.fault, decision.code, explain(decision), decision)
    const { originator, target, counter } = request.requestId
    const deadlineMs = receivedMs + (row.trtMs.onDemand ?? 0)
    return { id: `${originator}:${target}:${counter}`, request, row, allowed: decision, receivedMs, deadlineMs }
  }

  function checkOwn(xml: string, id: string): void {
    const wrong = parts.schema?.validate(xml) ?? []
    if (wrong.length > 0) log('own message is not valid', { requestId: id, problem: wrong[0] })
  }

  return {
    async receive(endpoint, body, wantsExplanation) {
      let known: ReadableHeader = {}
      let code = 'I99'
      let reason = ''
      let signed = false
      let outcome: { accepted: Accepted } | { refused: RefusedRequest }
      try {
        const noteHeader = (header: ReadableHeader) => {
          known = header
        }
        const accepted = await accept(endpoint, body, noteHeader, () => {
          signed = true
        })
        reason = explain(accepted.allowed)
        outcome = { accepted }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { decision } = error
        code = error.code
        reason = error.message
        outcome = { refused: { endpoint, header: known, code, why: reason, signed, ...(decision && { decision }) } }
      }
      const { requestId, schemaVersion, serviceReference, serviceReferenceVariant } = known
      const header = { schemaVersion, serviceReference, serviceReferenceVariant }
      const xml = formatAcknowledgement({ requestId, code, nowMs: parts.nowMs(), ...header, dsp: parts.dsp })
      checkOwn(xml, requestId?.text ?? '')
      log('accepted' in outcome ? 'accepted' : 'refused', {
        requestId: requestId?.text,
        srv: serviceReferenceVariant,
        code,
        reason,
      })
      const headers = parts.explain && wantsExplanation ? { 'smets1-explain': headerText(reason) } : {}
      return { xml, headers, ...outcome }
    },

    recall(body, receivedMs) {
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

    async answer(accepted, usage) {
      const { id, request, row } = accepted
      const answer = {
        requestId: request.requestId as RequestId,
        code: 'I0',
        nowMs: parts.nowMs(),
        schemaVersion: request.schemaVersion,
        serviceReferenceVariant: request.serviceReferenceVariant,
        dsp: parts.dsp,
        s1sp: parts.s1sp,
        boxedCompat: accepted.allowed.user.mode === 'boxed',
      }
      const answered = { id, srv: row.variant, code: 'I0', detail: '', usage, tookMs: 0 }
      const done = (xml: string, more: Partial<Answered>) => {
        checkOwn(xml, id)
        return { xml, answered: { ...answered, ...more, tookMs: parts.nowMs() - accepted.receivedMs } }
      }
      try {
        if (parts.nowMs() >= accepted.deadlineMs) throw new ReadError('too late', 'the target response time had passed')
        const { xml, sources } = await parts.handlers[row.variant]!(accepted, answer, usage)
        return done(xml, { sources })
      } catch (error) {
        const code = codes[error instanceof ReadError ? faultOf(error) : 'internal']
        const detail = (error as Error).message
        return done(formatFailure({ ...answer, code, nowMs: parts.nowMs() }), { code, detail })
      }
    },
  }
}

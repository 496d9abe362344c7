// Admission: the request counter, then access control. The result is an accepted request, a direct response of the
// DCC, or a refusal. Admission stores nothing but the counter.

import { type AccessPolicy, decide, decideUser, explain } from '../access/access-control.ts'
import { tooLongForBoxed } from '../access/boxed-limits.ts'
import type { Registry, User } from '../access/parties.ts'
import { counterWords, type RequestCounters } from '../access/request-counters.ts'
import type { Endpoint } from '../catalogue/endpoint.ts'
import { servesSettlement } from '../catalogue/for-settlement.ts'
import type { Fault } from '../catalogue/response-code.ts'
import type { Role } from '../catalogue/role.ts'
import { type SrvRow, srvRow } from '../catalogue/srv-table.ts'
import { type DeviceRequest, type DirectRequest, isDeviceRequest, type ServiceRequest } from '../duis/request.ts'
import type { Performance } from '../metrics/performance-measures.ts'
import type { Log } from '../state/log-event.ts'
import { type AcceptedRequest, requestKey } from './accepted-request.ts'
import type { Direct, DirectHandlers } from './direct-response.ts'
import { type Acknowledgement, headerOf, type IncomingRequest } from './duis-endpoint.ts'
import { wrongExecution } from './future-dated.ts'
import { headerText, Refusal, type RefusedRequest, refusalBy } from './refusal.ts'
import type { RequestFaults } from './request-faults.ts'

export interface AdmissionParts {
  registry(): Registry
  policy: AccessPolicy
  counters: RequestCounters
  /** Requests that the DCC answers itself: their target, the DSP's EUI-64, and who answers them. */
  direct: { dspEui: string; handlers: DirectHandlers }
  /** Whether this bridge offers a variant. */
  offers(variant: string): boolean
  /** Target Response Time. */
  targetMs: Performance['targetMs']
  /** Number of future-dated requests that wait. */
  waiting(): number
  /** Whether refusals are explained to callers that ask for it. */
  explain: boolean
  log: Log
  faults?: Pick<RequestFaults, 'refuse'> | undefined
}

/** The outcome of admission. `counted` resolves when its RequestID is stored as used. */
export type Outcome =
  | { kind: 'accepted'; accepted: AcceptedRequest; counted: Promise<void> }
  | { kind: 'direct'; direct: Direct }
  | { kind: 'refused'; refused: RefusedRequest }

export interface Admission {
  /** Decides on a request, and returns its acknowledgement. */
  admit(incoming: IncomingRequest): Promise<{ acknowledgement: Acknowledgement; outcome: Outcome }>
  /** Access control alone, for a request that was accepted before. @throws Refusal when the registry no longer allows it */
  allow(request: DeviceRequest, receivedMs: number): AcceptedRequest
}

type Checks = Pick<Admission, 'allow'> & { refuse(fault: Fault, detail: string): never }

export function createAdmission(parts: AdmissionParts): Admission {
  const checks = createChecks(parts)

  return {
    allow: checks.allow,
    async admit(incoming) {
      const { examined, wantsExplanation } = incoming
      const header = 'refusedWith' in examined ? examined.header : headerOf(examined)
      const { outcome, code, reason, forUser = reason } = await decideOutcome(incoming, parts, checks)
      parts.log(logEvents[outcome.kind], {
        requestId: header.requestId?.text,
        srv: header.serviceReferenceVariant,
        code,
        reason,
        ...(outcome.kind === 'accepted' && noteOf(outcome.accepted)),
      })
      const headers = parts.explain && wantsExplanation ? { 'smets1-explain': headerText(forUser) } : {}
      const content = outcome.kind === 'direct' ? outcome.direct.content : ''
      return { acknowledgement: { code, header, content, headers }, outcome }
    },
  }
}

const logEvents = { accepted: 'accepted', direct: 'answered directly', refused: 'refused' } as const

function noteOf({ forSettlement, allowed }: AcceptedRequest) {
  const delivery = allowed.user.mode === 'boxed' ? { delivery: 'boxed (not standard)' } : {}
  return { ...(forSettlement && { forSettlement }), ...delivery }
}

/** `reason` is for the operator, `forUser` for the User where that is not the same. */
type Decided = { outcome: Outcome; code: string; reason: string; forUser?: string }

async function decideOutcome(incoming: IncomingRequest, parts: AdmissionParts, checks: Checks): Promise<Decided> {
  const { endpoint, examined, receivedMs, peer } = incoming
  let counted: Promise<void> = Promise.resolve()
  try {
    if ('refusedWith' in examined) throw new Refusal(examined.fault, examined.refusedWith, examined.why)
    const { verdict, stored } = count(examined, parts)
    counted = stored
    // Awaited below, or by the function that stores the request.
    counted.catch(() => {})
    if (verdict !== 'fresh') checks.refuse('replayed', counterWords[verdict])
    const chosen = parts.faults?.refuse(examined)
    if (chosen !== undefined) throw new Refusal('internal', chosen.code, chosen.why)
    const row = rowFor(examined, endpoint, checks)
    if (row.endpoint === 'serviceD') {
      const direct = await answerDirectly(examined, row, receivedMs, parts, checks)
      await counted
      return { outcome: { kind: 'direct', direct }, code: direct.code, reason: direct.reason }
    }
    const accepted = accept(examined, row, receivedMs, parts, checks)
    return { outcome: { kind: 'accepted', accepted, counted }, code: 'I99', reason: reasonOf(accepted) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await counted
    const { decision, fault, code, message: why, forUser } = error
    const signed = !('refusedWith' in examined)
    const header = 'refusedWith' in examined ? examined.header : headerOf(examined)
    const refused = { endpoint, header, peer, fault, code, why, signed, ...(decision && { decision }) }
    return { outcome: { kind: 'refused', refused }, code, reason: why, forUser }
  }
}

function reasonOf({ allowed, request: { executionMs } }: AcceptedRequest): string {
  const later = executionMs === undefined ? '' : `, to be executed at ${new Date(executionMs).toISOString()}`
  return explain(allowed) + later
}

/** Marks the RequestID as used. `verdict` says whether it was fresh; `stored` resolves when that is on disk. */
function count({ requestId }: ServiceRequest, parts: AdmissionParts): ReturnType<RequestCounters['accept']> {
  const { originator, target, counter } = requestId
  // Requests of unknown Users are refused later. If they were counted, anybody with a certificate could fill the store.
  const isTarget = target === parts.direct.dspEui || parts.registry().device(target) !== undefined
  const isCounted = parts.registry().user(originator) !== undefined && isTarget
  return isCounted
    ? parts.counters.accept(originator, target, counter)
    : { verdict: 'fresh', stored: Promise.resolve() }
}

/** The row of a request, if it came to the right service. */
function rowFor(request: ServiceRequest, endpoint: Endpoint, { refuse }: Checks): SrvRow {
  const { serviceReferenceVariant: variant, commandVariant } = request
  const row = srvRow(variant) ?? refuse('notForDevice', `${variant} is not a request of this S1SP`)
  if (row.endpoint !== endpoint) refuse('wrongService', `${variant} goes to ${row.endpoint}, it came to ${endpoint}`)
  if (!row.commandVariants.includes(commandVariant)) {
    const known = row.commandVariants.join(' or ')
    refuse('commandVariant', `${variant} takes command variant ${known}, not ${commandVariant}`)
  }
  return row
}

function accept(
  request: ServiceRequest,
  row: SrvRow,
  receivedMs: number,
  parts: AdmissionParts,
  { allow, refuse }: Checks,
): AcceptedRequest {
  if (!isDeviceRequest(request)) return refuse('notForDevice', `${row.variant} is no request to a device`)
  if (request.executionMs !== undefined) {
    const wrong = wrongExecution(request.executionMs, receivedMs, parts.waiting())
    if (wrong !== undefined) refuse('executionDate', wrong)
  }
  const accepted = allow(request, receivedMs)
  if (!row.onSmets1) refuse('notForDevice', `SMETS1 has no ${row.variant} (table 3 of the impact assessment: N/A)`)
  if (!row.handled || !parts.offers(row.variant)) {
    refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
  }
  return accepted
}

/** A request that the DCC answers itself. */
async function answerDirectly(
  request: ServiceRequest,
  row: SrvRow,
  nowMs: number,
  parts: AdmissionParts,
  { refuse }: Checks,
): Promise<Direct> {
  const decision = decideUser(request, parts.registry(), row, parts.policy)
  if (!decision.allowed) throw refusalBy(decision)
  const forSettlement = settlementOf(request, row, decision.roles, decision.user, refuse)
  const { originator, target } = request.requestId
  if (target !== parts.direct.dspEui)
    refuse('mismatch', `${row.variant} is sent to the DCC, ${parts.direct.dspEui}, not to ${target}`)
  if (isDeviceRequest(request)) return refuse('notForDevice', `no ${row.variant} here`)
  const answer = await handleDirectly(request, parts.direct.handlers, decision, nowMs)
  if ('fault' in answer) {
    if (answer.decision !== undefined) throw refusalBy(answer.decision)
    return refuse(answer.fault, answer.reason)
  }
  return { ...answer, id: requestKey(request.requestId), user: originator, row, forSettlement }
}

function handleDirectly(
  request: DirectRequest,
  handlers: DirectHandlers,
  ...rest: [Parameters<DirectHandlers['readInventory']>[1], number]
) {
  switch (request.kind) {
    case 'createSchedule':
      return handlers.createSchedule(request, ...rest)
    case 'readSchedule':
      return handlers.readSchedule(request, ...rest)
    case 'deleteSchedule':
      return handlers.deleteSchedule(request, ...rest)
    case 'readInventory':
      return handlers.readInventory(request, ...rest)
  }
}

function settlementOf(
  request: ServiceRequest,
  row: SrvRow,
  roles: readonly Role[],
  user: User,
  refuse: Checks['refuse'],
): boolean {
  const serves = servesSettlement(row, roles, user, request.forSettlement)
  return typeof serves === 'string' ? refuse('forSettlement', serves) : serves
}

function createChecks({ registry, policy, targetMs }: AdmissionParts): Checks {
  const refuse: Checks['refuse'] = (fault, detail) => {
    throw new Refusal(fault, policy.codes[fault], detail)
  }
  return {
    refuse,
    allow(request, receivedMs) {
      const variant = request.serviceReferenceVariant
      const row = srvRow(variant) ?? refuse('notForDevice', `${variant} is not a request of this S1SP`)
      if (row.endpoint !== 'serviceS') refuse('notForDevice', `this bridge does not offer ${row.variant} ${row.name}`)
      // A future-dated request counts as sent at its execution time, and has the target response time from then on
      // (assumption).
      const sentMs = request.executionMs ?? receivedMs
      const decision = decide(request, sentMs, registry(), row, policy)
      if (!decision.allowed) throw refusalBy(decision)
      const forSettlement = settlementOf(request, row, [decision.role], decision.user, refuse)
      const tooLong = tooLongForBoxed(row, decision.user, decision.entries, sentMs)
      if (tooLong !== undefined) refuse('tooLargeForBoxed', tooLong)
      const deadlineMs = sentMs + (targetMs(row, forSettlement ? 'settlement' : 'onDemand') ?? 0)
      const id = requestKey(request.requestId)
      return { id, request, row, allowed: decision, forSettlement, receivedMs, deadlineMs }
    },
  }
}

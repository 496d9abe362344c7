// What the audit trail records of each request.

import { hash } from 'node:crypto'
import type { RegistrationRecord } from '../access/parties.ts'
import type { AuditEvent, DecidingRecord } from '../audit/audit-record.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { DeliveryEvent } from '../delivery/delivery.ts'
import { periodOf } from '../duis/request.ts'
import { type AcceptedRequest, type CompletedRequest, countedFromMs, requestKey } from './accepted-request.ts'
import type { Direct } from './direct-response.ts'
import type { RefusedRequest, StoredRefusal } from './refusal.ts'

export interface Recorder {
  /** Resolves when all that was recorded so far is on disk; rejects when some of it cannot be written. */
  committed(): Promise<void>
  /** `resumed`: decided again, after a restart or when the time of a future-dated one has come. */
  accepted(accepted: AcceptedRequest, resumed?: boolean): void
  /** A request waits for its window. */
  waiting(accepted: AcceptedRequest, untilMs: number): void
  refused(refused: RefusedRequest): void
  /** A request that the DCC has answered itself. */
  direct(direct: Direct): void
  /** A response that is about to be sent, and what it cost. */
  completed(accepted: AcceptedRequest, completed: CompletedRequest, xml: string): void
  /** A refusal of a request that had been accepted before a restart. */
  recalled(requestId: string, refusal: StoredRefusal): void
  delivery(event: DeliveryEvent): void
  dropped(requestId: string, why: string): void
}

/** Refusals of unsigned requests that are recorded one by one in a minute: they must not be able to fill the disk. */
export const unsignedPerMinute = 60

const textMax = 1000

/** The User, device and variant of a request. */
function subjectOf({ id, row, allowed }: AcceptedRequest) {
  return { requestId: id, user: allowed.user.eui, device: allowed.device.eui, srv: row.variant }
}

function acceptedEvent(accepted: AcceptedRequest, resumed: boolean): AuditEvent {
  const { request, row, allowed, forSettlement, deadlineMs, schedule } = accepted
  const { device, role, records, days } = allowed
  const period = periodOf(request)
  const mpan = row.mpan === 'export' ? device.exportMpan : row.mpan === 'import' ? device.importMpan : undefined
  return {
    event: 'accepted',
    ...subjectOf(accepted),
    code: 'I99',
    role,
    ...(mpan !== undefined && { mpan }),
    registrations: records.map(deciding),
    days,
    ...(period && { window: { from: iso(period.startMs), to: iso(period.endMs) } }),
    ...(forSettlement && { forSettlement }),
    due: iso(deadlineMs),
    ...(schedule && { scheduleId: Number(schedule.id) }),
    ...(resumed && { resumed }),
  }
}

function refusedEvent({ endpoint, header, code, why, signed, decision }: RefusedRequest): AuditEvent {
  const { requestId, serviceReferenceVariant: srv } = header
  const registration = decision?.record
  return {
    event: 'refused',
    endpoint,
    ...(requestId && { requestId: requestKey(requestId), user: requestId.originator, device: requestId.target }),
    ...(srv !== undefined && { srv }),
    code,
    signed,
    ...(decision && { rule: decision.rule }),
    ...(decision?.day !== undefined && { day: decision.day }),
    ...(registration && { mpan: registration.mpan, registration: deciding(registration) }),
    why: short(why),
  }
}

function completedEvent(accepted: AcceptedRequest, completed: CompletedRequest, xml: string): AuditEvent {
  const { code, tookMs, detail, fault, provenance, scheduleId } = completed
  return {
    event: 'answered',
    ...subjectOf(accepted),
    code,
    tookMs,
    late: countedFromMs(accepted) + tookMs > accepted.deadlineMs,
    ...(scheduleId !== undefined && { scheduleId }),
    ...(detail !== '' && { detail: short(detail) }),
    ...(fault !== undefined && { fault }),
    ...(provenance && provenance.served.length > 0 && { served: provenance.served }),
    ...fingerprint(xml),
  }
}

function recalledEvent(requestId: string, { srv, code, reason, xml }: StoredRefusal): AuditEvent {
  const [user = '', device = ''] = requestId.split(':')
  const outcome = { code, tookMs: 0, late: false, detail: short(reason) }
  return { event: 'answered', requestId, user, device, srv, ...outcome, ...fingerprint(xml) }
}

/**
 * Limits the records of unsigned requests. Returns whether one more is recorded in this minute. When a minute is over,
 * `record` is called with the number of those that were not.
 */
function createUnsignedLimit(record: (event: AuditEvent) => void, nowMs: () => number): () => boolean {
  let minute = -1
  let count = 0
  return () => {
    const now = Math.floor(nowMs() / 60_000)
    if (now !== minute) {
      if (count > unsignedPerMinute) record({ event: 'refusals not listed', count: count - unsignedPerMinute })
      minute = now
      count = 0
    }
    count += 1
    return count <= unsignedPerMinute
  }
}

export function createRecorder(
  { record, committed }: Pick<ServiceAuditTrail, 'record' | 'committed'>,
  nowMs: () => number,
): Recorder {
  const isListed = createUnsignedLimit(record, nowMs)
  return {
    committed,
    accepted: (accepted, resumed = false) => record(acceptedEvent(accepted, resumed)),
    waiting: (accepted, untilMs) =>
      record({ event: 'waiting', ...subjectOf(accepted), until: iso(untilMs), why: 'its window' }),
    refused(refused) {
      if (refused.signed || isListed()) record(refusedEvent(refused))
    },
    direct({ id, user, row, code, reason }) {
      record({ event: 'answered directly', requestId: id, user, srv: row.variant, code, why: short(reason) })
    },
    completed(accepted, completed, xml) {
      const { usage } = completed
      if (usage.wakeUps > 0) record({ event: 'device read', ...subjectOf(accepted), ...usage })
      record(completedEvent(accepted, completed, xml))
    },
    recalled: (requestId, refusal) => record(recalledEvent(requestId, refusal)),
    delivery(event) {
      if (event.event === 'not delivered') record({ ...event, problem: short(event.problem) })
      else record(event)
    },
    dropped: (requestId, why) => record({ event: 'dropped', requestId, why: short(why) }),
  }
}

function deciding({ role, mpid, from, until }: RegistrationRecord): DecidingRecord {
  return { role, mpid, from, ...(until !== undefined && { until }) }
}

function fingerprint(xml: string): { bytes: number; sha256: string } {
  return { bytes: Buffer.byteLength(xml), sha256: hash('sha256', xml) }
}

function short(text: string): string {
  return text.slice(0, textMax)
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}

// What the bridge tells the audit trail of each request, in one place.

import { hash } from 'node:crypto'
import type { RegistrationRecord } from '../access/parties.ts'
import type { DecidingRecord } from '../audit/audit-record.ts'
import type { ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { DeliveryEvent } from '../delivery/delivery.ts'
import { periodOf } from '../duis/request.ts'
import { type AcceptedRequest, askedMs, type CompletedRequest, requestKey } from './accepted-request.ts'
import type { Direct } from './direct-response.ts'
import type { RefusedRequest, StoredRefusal } from './refusal.ts'

export interface Recorder {
  /** Resolves when all that was recorded so far is on disk; rejects when some of it cannot be written. */
  committed(): Promise<void>
  /** `resumed`: decided again, after a restart or when the time of a future-dated one has come. */
  accepted(accepted: AcceptedRequest, resumed?: boolean): void
  /** It waits for its window. */
  waiting(accepted: AcceptedRequest, untilMs: number): void
  refused(refused: RefusedRequest): void
  /** A request that the DCC has answered itself. */
  direct(direct: Direct): void
  /** An answer that is about to leave, and what it cost. */
  answered(accepted: AcceptedRequest, answered: CompletedRequest, xml: string): void
  /** A refusal of a request that had been accepted before a restart. */
  recalled(requestId: string, refusal: StoredRefusal): void
  delivery(event: DeliveryEvent): void
  dropped(requestId: string, why: string): void
}

/** Refusals of unsigned requests that are recorded one by one in a minute: strangers shall not fill the disk. */
export const strangersPerMinute = 60

const textMax = 1000

export function createRecorder(
  { record, committed }: Pick<ServiceAuditTrail, 'record' | 'committed'>,
  nowMs: () => number,
): Recorder {
  let minute = -1
  let strangers = 0

  /** Whether an unsigned request is still to be listed in this minute. Tells of those that were not, once it is over. */
  function isListed(): boolean {
    const now = Math.floor(nowMs() / 60_000)
    if (now !== minute) {
      if (strangers > strangersPerMinute)
        record({ event: 'refusals not listed', count: strangers - strangersPerMinute })
      minute = now
      strangers = 0
    }
    strangers += 1
    return strangers <= strangersPerMinute
  }

  return {
    committed,

    accepted({ id, request, row, allowed, forSettlement, deadlineMs, schedule }, resumed = false) {
      const { user, device, role, records, days } = allowed
      const period = periodOf(request)
      const mpan = row.mpan === 'export' ? device.exportMpan : row.mpan === 'import' ? device.importMpan : undefined
      record({
        event: 'accepted',
        requestId: id,
        user: user.eui,
        device: device.eui,
        srv: row.variant,
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
      })
    },

    waiting({ id, row, allowed }, untilMs) {
      const of = { requestId: id, user: allowed.user.eui, device: allowed.device.eui, srv: row.variant }
      record({ event: 'waiting', ...of, until: iso(untilMs), why: 'its window' })
    },

    refused({ endpoint, header, code, why, signed, decision }) {
      if (!signed && !isListed()) return
      const { requestId, serviceReferenceVariant: srv } = header
      const registration = decision?.record
      record({
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
      })
    },

    direct({ id, user, row, code, reason }) {
      record({ event: 'answered directly', requestId: id, user, srv: row.variant, code, why: short(reason) })
    },

    answered(accepted, answered, xml) {
      const { id, row, allowed, deadlineMs } = accepted
      const { code, tookMs, detail, fault, sources, usage, scheduleId } = answered
      const of = { requestId: id, user: allowed.user.eui, device: allowed.device.eui, srv: row.variant }
      if (usage.wakeUps > 0) record({ event: 'device read', ...of, ...usage })
      record({
        event: 'answered',
        ...of,
        code,
        tookMs,
        late: askedMs(accepted) + tookMs > deadlineMs,
        ...(scheduleId !== undefined && { scheduleId }),
        ...(detail !== '' && { detail: short(detail) }),
        ...(fault !== undefined && { fault }),
        ...(sources && sources.served.length > 0 && { served: sources.served }),
        ...fingerprint(xml),
      })
    },

    recalled(requestId, { srv, code, reason, xml }) {
      const [user = '', device = ''] = requestId.split(':')
      const detail = short(reason)
      record({
        event: 'answered',
        requestId,
        user,
        device,
        srv,
        code,
        tookMs: 0,
        late: false,
        detail,
        ...fingerprint(xml),
      })
    },

    delivery(event) {
      if (event.event === 'not delivered') record({ ...event, problem: short(event.problem) })
      else record(event)
    },

    dropped(requestId, why) {
      record({ event: 'dropped', requestId, why: short(why) })
    },
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

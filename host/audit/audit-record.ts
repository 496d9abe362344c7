// The events of the service audit trail: what happened to a request. record-line.ts writes them as lines.
//
// MPANs are recorded where a decision depends on them: in `accepted`, and in `refused` when a registration was checked. The
// right to data is a right to an MPAN, and without it nobody could say later why a request was accepted. MPANs are not in
// the log or the metrics. Keys, signatures and readings are never recorded; of a response, its SHA-256 is.

import type { RuleName } from '../access/access-control.ts'
import type { LoweredCounter } from '../access/request-counters.ts'
import type { Endpoint } from '../catalogue/endpoint.ts'
import type { ReadFault } from '../wan/read-error.ts'
import type { Usage } from '../wan/usage.ts'

/** A registration on which the decision was based. */
export interface DecidingRecord {
  role: string
  mpid: string
  from: string
  /** Last Settlement Day; absent: open-ended. */
  until?: string
}

/** The half-hours of one channel in a response. */
export interface Served {
  /** As in the cache: `active-import`. */
  channel: string
  /** Start of the first half-hour, ISO 8601. */
  from: string
  /** Runs of half-hours and their source (`served.ts`): `46m2c`. */
  what: string
}

/** The request; EUI-64s in upper case. */
interface OfRequest {
  requestId: string
  user: string
  device: string
  srv: string
}

export interface AcceptedEvent extends OfRequest {
  event: 'accepted'
  code: string
  /** The role by which it was allowed, the MPAN, and the registrations that cover the days. */
  role: string
  mpan?: string
  registrations: DecidingRecord[]
  /** First and last Settlement Day. */
  days: { first: string; last: string }
  /** The read period as asked for. */
  window?: { from: string; to: string }
  /** It serves settlement (MHHS). */
  forSettlement?: true
  /** End of the Target Response Time. */
  due: string
  /** Of a run of a DCC schedule; `requestId` is then the ResponseID of its result. */
  scheduleId?: number
  /** Checked again: when it was resumed after a restart, or at the execution time of a future-dated request. */
  resumed?: true
}

/** An accepted request waits for the window of its traffic. */
export interface WaitingEvent extends OfRequest {
  event: 'waiting'
  until: string
  why: string
}

export interface RefusedEvent extends Partial<OfRequest> {
  event: 'refused'
  endpoint: Endpoint
  code: string
  /** False when the signature does not prove that the request came from the User that it names. */
  signed: boolean
  rule?: RuleName
  day?: string
  mpan?: string
  /** The registration of the other party, when there is one. */
  registration?: DecidingRecord
  why: string
}

/** Requests that the DCC answers: schedules and inventories. */
export interface DirectEvent extends Omit<OfRequest, 'device'> {
  event: 'answered directly'
  code: string
  why: string
}

export interface DeviceReadEvent extends OfRequest, Usage {
  event: 'device read'
}

export interface AnsweredEvent extends OfRequest {
  event: 'answered'
  code: string
  tookMs: number
  /** Answered after it was due. */
  late: boolean
  /** For a run of a DCC schedule. */
  scheduleId?: number
  detail?: string
  /** Why the meter could not be read. */
  fault?: ReadFault
  served?: Served[]
  /** Of the response as it is sent. */
  bytes: number
  sha256: string
}

export interface DeliveredEvent {
  event: 'delivered'
  requestId: string
  tries: number
}

export interface NotDeliveredEvent {
  event: 'not delivered'
  requestId: string
  url: string
  tries: number
  problem: string
  state: 'waiting' | 'refused' | 'given up'
}

export interface DroppedEvent {
  event: 'dropped'
  requestId: string
  why: string
}

/** About the bridge itself. */
export type BridgeEvent =
  /** `clock`: what the times of the records are by, where it is not this machine's clock. */
  | { event: 'started'; version: string; clock?: 'virtual' }
  | { event: 'stopped' }
  /** A registry was loaded. */
  | { event: 'registry'; sha256: string; users: number; devices: number }
  /** A registry with errors was refused; the previous one stays in force. */
  | { event: 'registry refused'; problem: string }
  /** Devices were added, altered or removed, or MPANs have other registrations. `from`: `registry.json`, `import`, `feed`. */
  | { event: 'registry changed'; from: string; added: number; altered: number; removed: number; mpans: number }
  /** A registration message, and the DCC's outcome. */
  | {
      event: 'registration message'
      eventId: string
      registrationId: string
      version: number
      outcome: string
      code?: string
    }
  /** The first message sealed with the meter's next key was received; the previous key was deleted. */
  | { event: 'key rotated'; device: string }
  /** An operator's order beside the bridge, such as `retry/ID`. */
  | { event: 'operator order'; order: string }
  /** The meter's clock was set to this machine's time. `aheadMs`: how far ahead it had been; absent when it was lost. */
  | { event: 'clock set'; device: string; aheadMs?: number; driftPpm: number }
  /** The operator had the highest counter of a pair lowered (`smets1 counters`). */
  | ({ event: 'counter lowered' } & LoweredCounter)
  /** Refusals of unsigned requests that were not recorded one by one. */
  | { event: 'refusals not listed'; count: number }
  /** After a crash an incomplete batch was cut off; its bytes are in `file`. */
  | { event: 'tail cut'; bytes: number; sha256: string; file: string }
  /** Segments `from` to `upTo` were older than the retention time and are removed; `lastSeq`: the last record of them. */
  | { event: 'segments removed'; from: number; upTo: number; lastSeq: number; lastHash: string }
  /** The first record of a trail that the operator began in place of a damaged one; `lastSeq`: the last noted record of that. */
  | { event: 'reset'; why: string; lastSeq: number; lastHash: string }
  /** Used RequestIDs were taken from records `fromSeq` to `lastSeq` into a store that was behind the trail. */
  | { event: 'store restored'; requestIds: number; fromSeq: number; lastSeq: number; unknownSince?: string }
  /** A call of the control API that changes something; `outcome`: `done`, or why it was not. */
  | { event: 'control'; call: string; scope: string; input: string; outcome: string }
  /**
   * A bench began a new life: from here on its clock may show an earlier time, and what was under way is neither answered nor
   * delivered. RequestIDs that were used stay used.
   */
  | { event: 'bench reset'; reset: number }
  /** Events that could not be written, and why. */
  | { event: 'records lost'; count: number; problem: string }

export type AuditEvent =
  | AcceptedEvent
  | WaitingEvent
  | RefusedEvent
  | DirectEvent
  | DeviceReadEvent
  | AnsweredEvent
  | DeliveredEvent
  | NotDeliveredEvent
  | DroppedEvent
  | BridgeEvent

/** A record as it is read back. */
export type AuditRecord = AuditEvent & {
  /** Counts up by one, over all segments. */
  seq: number
  /** ISO 8601, UTC. */
  time: string
}

/**
 * A place in the chain: the number of the last record of a batch, and the batch's SHA-256, hexadecimal. In a file of
 * version 0.1 every line is a place.
 */
export interface ChainPoint {
  seq: number
  hash: string
}

/** Before the first record. */
export const chainStart: ChainPoint = { seq: 0, hash: '0'.repeat(64) }

/** No line is longer, line end included. */
export const lineBytesMax = 65536

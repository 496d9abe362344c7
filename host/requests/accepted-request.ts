// An accepted request, the service that executes it, and its outcome.

import type { Allowed } from '../access/access-control.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { Smets1Answer } from '../duis/format.ts'
import type { DeviceRequest, RequestId } from '../duis/request.ts'
import { optional, readBytes, readNumber, readText, record } from '../store/row-reader.ts'
import type { ReadFault } from '../wan/read-error.ts'
import type { Usage } from '../wan/usage.ts'
import { type Priority, priority } from '../wan/waiting-requests.ts'
import type { Provenance } from './provenance.ts'

/** A request that was acknowledged with I99 and is still to be answered. */
export interface AcceptedRequest {
  /** RequestID with its EUI-64s in upper case. */
  id: string
  request: DeviceRequest
  row: SrvRow
  allowed: Allowed
  receivedMs: number
  /** Until when it must be answered. */
  deadlineMs: number
  /** Whether it serves settlement (MHHS): it has 24 hours, and on-demand requests go first. */
  forSettlement: boolean
  /** For a run of a DCC schedule: its id, and the DSP's EUI-64, which sends it on the User's behalf. */
  schedule?: Smets1Answer['schedule']
}

/** What is stored of a request between I99 and its final response. */
export interface StoredRequest {
  /** Sealed with the key of its slot; as it came where there is no slot. */
  body: Uint8Array
  slot?: number
  receivedMs: number
  /** Execution time of a future-dated request. */
  executionMs?: number
  /** SHA-256 of the secret in the location of its response, for a User without a callback (delivery/mailbox.ts). */
  mailbox?: string
  /** Execution time of a request that waits for its window. */
  windowMs?: number
}

/** Reads a row of the table `accepted`. */
export const readStoredRequest = record<StoredRequest>({
  body: readBytes,
  slot: optional(readNumber),
  receivedMs: readNumber,
  executionMs: optional(readNumber),
  mailbox: optional(readText),
  windowMs: optional(readNumber),
})

/** An answered request and its cost, for the log. */
export interface CompletedRequest {
  id: string
  srv: string
  code: string
  tookMs: number
  detail: string
  /** Kind of fault, when the meter could not be read. */
  fault?: ReadFault
  /** Id of the DCC schedule, for one of its runs. */
  scheduleId?: number
  provenance?: Provenance
  usage: Usage
}

/** Executes one SRV. Adds its cost to `usage`. @throws ReadError */
export type Handler = (
  accepted: AcceptedRequest,
  answer: Smets1Answer,
  usage: Usage,
) => Promise<{ xml: string; provenance?: Provenance }>

/** The key of a request in the store and in the audit trail: its RequestID with EUI-64s in upper case. */
export function requestKey({ originator, target, counter }: RequestId): string {
  return `${originator}:${target}:${counter}`
}

/** The time from which an accepted request's response time counts: its arrival, or the execution time of a future-dated one. */
export function countedFromMs({ request, receivedMs }: AcceptedRequest): number {
  return request.executionMs ?? receivedMs
}

/** On demand first, then what serves settlement, then schedules. */
export function priorityOf({ schedule, forSettlement }: Pick<AcceptedRequest, 'schedule' | 'forSettlement'>): Priority {
  if (schedule !== undefined) return priority.scheduled
  return forSettlement ? priority.settlement : priority.onDemand
}

// A request that was accepted, what carries it out, and what became of it.

import type { Allowed } from '../access/access-control.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { Smets1Answer } from '../duis/format.ts'
import type { DeviceRequest, RequestId } from '../duis/request.ts'
import { optional, readBytes, readNumber, record } from '../store/row-reader.ts'
import type { ReadFault } from '../wan/read-error.ts'
import type { Usage } from '../wan/usage.ts'
import { type Priority, priority } from '../wan/waiting-requests.ts'
import type { Sources } from './provenance.ts'

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
  /** Whether it serves settlement (MHHS): 24 hours, and after what was asked for on demand. */
  forSettlement: boolean
  /** For a run of a DCC schedule: its id, and the DSP's EUI-64, which asks on the User's behalf. */
  schedule?: Smets1Answer['schedule']
}

/** What is kept on disk of a request between I99 and its final answer. */
export interface StoredRequest {
  body: Uint8Array
  receivedMs: number
  /** When it is to be executed, of a future-dated one. */
  executionMs?: number
  /** When its window begins for it, of one that waits for a window. */
  windowMs?: number
}

/** Reads a row of the table `accepted`. */
export const readStoredRequest = record<StoredRequest>({
  body: readBytes,
  receivedMs: readNumber,
  executionMs: optional(readNumber),
  windowMs: optional(readNumber),
})

/** What an answered request was and cost, for the log. */
export interface CompletedRequest {
  id: string
  srv: string
  code: string
  tookMs: number
  detail: string
  /** Why the meter could not be read, in a word. */
  fault?: ReadFault
  /** Of the DCC schedule that asked. */
  scheduleId?: number
  sources?: Sources
  usage: Usage
}

/** Carries out one SRV. Adds what it cost to `usage`. @throws ReadError */
export type Handler = (
  accepted: AcceptedRequest,
  answer: Smets1Answer,
  usage: Usage,
) => Promise<{ xml: string; sources?: Sources }>

/** The key of a request in the store and in the audit trail: its RequestID with EUI-64s in upper case. */
export function requestKey({ originator, target, counter }: RequestId): string {
  return `${originator}:${target}:${counter}`
}

/** From when an accepted request is measured: a future-dated one from its execution time on. */
export function askedMs({ request, receivedMs }: AcceptedRequest): number {
  return request.executionMs ?? receivedMs
}

/** On demand first, then what serves settlement, then schedules. */
export function priorityOf({ schedule, forSettlement }: Pick<AcceptedRequest, 'schedule' | 'forSettlement'>): Priority {
  if (schedule !== undefined) return priority.scheduled
  return forSettlement ? priority.settlement : priority.onDemand
}

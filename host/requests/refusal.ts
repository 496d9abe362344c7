// Refused requests and failed reads, and their faults.

import { explain, explainToUser, type Refused } from '../access/access-control.ts'
import type { Endpoint } from '../catalogue/endpoint.ts'
import type { Fault } from '../catalogue/response-code.ts'
import type { ReadableHeader } from '../duis/request.ts'
import type { ReadError } from '../wan/read-error.ts'

/** The final answer of a request that was accepted, and is no longer allowed. */
export interface StoredRefusal {
  callback: string
  srv: string
  code: string
  xml: string
  /** Why, for the log, and what of it the User may read. */
  reason: string
  forUser: string
}

/** A request that was refused. */
export interface RefusedRequest {
  endpoint: Endpoint
  header: ReadableHeader
  /** Address of the peer, where it is known. */
  peer?: string | undefined
  fault: Fault
  code: string
  why: string
  /** True once the signature was found to be the originator's. */
  signed: boolean
  /** The decision of access control, if there was one. */
  decision?: Refused
}

/** Thrown when a request is refused; admission makes the acknowledgement from it. Its message is for the operator. */
export class Refusal extends Error {
  readonly fault: Fault
  readonly code: string
  readonly decision: Refused | undefined
  /** The message for the refused User: it names no other party. */
  readonly forUser: string
  constructor(fault: Fault, code: string, detail: string, decision?: Refused) {
    super(detail)
    this.fault = fault
    this.code = code
    this.decision = decision
    this.forUser = decision === undefined ? detail : explainToUser(decision)
  }
}

/** The refusal that a decision of access control is. */
export function refusalBy(decision: Refused): Refusal {
  return new Refusal(decision.fault, decision.code, explain(decision), decision)
}

/**
 * The fault of a failed read: E20 without a session, E21 with a session and without an answer, E30 when the time of a
 * future-dated request had passed.
 */
export function faultOf(error: ReadError, isFutureDated: boolean): Fault {
  if (isFutureDated && error.fault === 'too late') return 'futureDatedTimeout'
  return error.fault === 'no port' || error.fault === 'no awake' || error.fault === 'no key'
    ? 'unreachable'
    : 'noResponse'
}

/** The explanation as the value of an HTTP header. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1000)
}

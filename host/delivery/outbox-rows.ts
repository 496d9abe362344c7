// The rows of the outbox, and what is in memory of each.

import { oneOf, optional, readBytes, readNumber, readText, record } from '../store/row-reader.ts'

type State = 'waiting' | 'refused' | 'given up'

/** A row of the table `outbox`, by RequestID or ResponseID. Fields that have their usual value are left out. */
export interface OutboxRow {
  /** EUI-64 of the User. */
  user: string
  /** Where the User took responses when this one was made. */
  url: string
  createdMs: number
  /** Age of the state when it was created, ms. */
  ageMs: number
  /** Bytes of the body; 0 once it is gone. */
  bytes: number
  /** Slot of the key; 0 once it is gone. */
  slot: number
  /** Slot of the key of the request that it answers. */
  requestSlot?: number
  tries?: number
  state?: State
  lastProblem?: string
  /** Not to be sent before this time, ms UTC. */
  notBeforeMs?: number
  /** SHA-256 of the secret in its location, when it waits in a mailbox (delivery/mailbox.ts). */
  mailbox?: string
}

export const readOutboxRow = record<OutboxRow>({
  user: readText,
  url: readText,
  createdMs: readNumber,
  ageMs: readNumber,
  bytes: readNumber,
  slot: readNumber,
  requestSlot: optional(readNumber),
  tries: optional(readNumber),
  state: optional(oneOf<State>(['waiting', 'refused', 'given up'])),
  lastProblem: optional(readText),
  notBeforeMs: optional(readNumber),
  mailbox: optional(readText),
})

/** The request that a response answers, sealed: from it the response is made again when its own key is lost. */
export interface AnsweredRequest {
  body: Uint8Array
  slot: number
  receivedMs: number
  mailbox?: string
}

const readAnsweredRequest = record<AnsweredRequest>({
  body: readBytes,
  slot: readNumber,
  receivedMs: readNumber,
  mailbox: optional(readText),
})

/** A row of the table `bodies`, under the same key as in `outbox`. */
export interface BodyRow {
  sealed: Uint8Array
  /** Why it is a failure, or where its data came from, for a bench's User that wants to know. */
  explanation?: string
  request?: AnsweredRequest
}

export const readBodyRow = record<BodyRow>({
  sealed: readBytes,
  explanation: optional(readText),
  request: optional(readAnsweredRequest),
})

export type OutboxTables = { outbox: OutboxRow; bodies: BodyRow }

/** A response that a User has not taken, without its body. */
export interface Entry extends OutboxRow {
  id: string
  state: State
  tries: number
  lastProblem: string
}

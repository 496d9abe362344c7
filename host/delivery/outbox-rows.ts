// The rows of the outbox, and what is in memory of each.

import { oneOf, optional, readBytes, readNumber, readText, record } from '../store/row-reader.ts'

import type { Queued } from './lanes.ts'

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
  requestSlot?: number | undefined
  tries?: number
  state?: State
  lastProblem?: string
  /** Not to be sent before this time, ms UTC. */
  notBeforeMs?: number | undefined
  /** SHA-256 of the secret in its location, when it waits in a mailbox (delivery/mailbox.ts). */
  mailbox?: string | undefined
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

export type OutboxTables = { outbox: OutboxRow; bodies: BodyRow; accepted: unknown }

/** A response that a User has not taken, without its body, and its place in the order in which they are sent. */
export interface Entry extends OutboxRow, Queued {
  id: string
  state: State
  tries: number
  lastProblem: string
}

/** All entries have the same shape, so that half a million of them fit into memory. @param shared one text for equal ones */
export function entryOf(id: string, row: OutboxRow, shared: (text: string) => string): Entry {
  return {
    id,
    user: shared(row.user),
    url: shared(row.url),
    createdMs: row.createdMs,
    ageMs: row.ageMs,
    bytes: row.bytes,
    slot: row.slot,
    requestSlot: row.requestSlot,
    tries: row.tries ?? 0,
    state: row.state ?? 'waiting',
    lastProblem: shared(row.lastProblem ?? ''),
    notBeforeMs: row.notBeforeMs,
    mailbox: row.mailbox,
    dueMs: 0,
    order: 0,
  }
}

/** What is stored of an entry. */
export function rowOf({ tries, state, lastProblem, requestSlot, notBeforeMs, mailbox, ...entry }: Entry): OutboxRow {
  const { user, url, createdMs, ageMs, bytes, slot } = entry
  return {
    ...{ user, url, createdMs, ageMs, bytes, slot },
    ...(requestSlot !== undefined && { requestSlot }),
    ...(tries > 0 && { tries }),
    ...(state !== 'waiting' && { state }),
    ...(lastProblem !== '' && { lastProblem }),
    ...(notBeforeMs !== undefined && { notBeforeMs }),
    ...(mailbox !== undefined && { mailbox }),
  }
}

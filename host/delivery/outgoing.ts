// The rows of the outbox.

import { oneOf, optional, readNumber, readText, record } from '../store/row-reader.ts'

/** A response that a User has not taken yet. */
export interface Outgoing {
  /** RequestID that it answers; of an alert, its own ResponseID. */
  id: string
  /** Callback address, or `mailboxAddress`. */
  url: string
  body: string
  tries: number
  createdMs: number
  state: 'waiting' | 'refused' | 'given up'
  lastProblem: string
  /** Not to be sent before this time, milliseconds UTC. */
  notBeforeMs?: number
  /** Why it is a failure, or where its data came from, for a bench's User that wants to know. */
  explanation?: string
  /** SHA-256 of the secret in its location, when it waits in a mailbox. */
  mailbox?: string
}

/** Reads a row of the table `outbox`. */
export const readOutgoing = record<Outgoing>({
  id: readText,
  url: readText,
  body: readText,
  tries: readNumber,
  createdMs: readNumber,
  state: oneOf(['waiting', 'refused', 'given up']),
  lastProblem: readText,
  notBeforeMs: optional(readNumber),
  explanation: optional(readText),
  mailbox: optional(readText),
})

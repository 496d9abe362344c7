// What is kept of registration messages: each message's answer, what each registration has put into the registry, and
// messages that wait for an operator.

import type { Registration } from '../access/parties.ts'
import { registrationRoles } from '../access/parties.ts'
import type { RegistryTables } from '../access/registry-store.ts'
import { listOf, oneOf, optional, readBoolean, readNumber, readText, record } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'

/** The latest version of a registration. */
export interface FeedRegistration {
  version: number
  eventId: string
  /** SHA-256 of what the version says, without ids and times. */
  content: string
  cancelled: boolean
  /** Its rows in the registry. */
  rows: Registration[]
  /** Rows of others that its rows replaced: they come back when it is corrected or cancelled. */
  replaced: Registration[]
}

export interface FeedMessage {
  /** SHA-256 of the message. */
  content: string
  /** JSON of its answer. */
  answer: string
  /** JSON of the message, while it waits for an operator. */
  waiting?: string
}

export type FeedTables = {
  /** By registrationId. */
  feedRegistrations: FeedRegistration
  /** By eventId. */
  feedMessages: FeedMessage
  /** EventIds of messages that wait for an operator, with when they came. */
  feedWaiting: string
  /** Which registration decides a row: registrationId by `MPAN ROLE FROM`. */
  feedRows: string
}

const row = record<Registration>({
  mpan: readText,
  role: oneOf(registrationRoles),
  mpid: readText,
  from: readText,
  to: optional(readText),
})

export const feedTables = {
  feedRegistrations: record<FeedRegistration>({
    version: readNumber,
    eventId: readText,
    content: readText,
    cancelled: readBoolean,
    rows: listOf(row),
    replaced: listOf(row),
  }),
  feedMessages: record<FeedMessage>({ content: readText, answer: readText, waiting: optional(readText) }),
  feedWaiting: readText,
  feedRows: readText,
}

export type FeedStore = Store<RegistryTables & FeedTables>

export const rowKey = ({ mpan, role, from }: Pick<Registration, 'mpan' | 'role' | 'from'>) => `${mpan} ${role} ${from}`

// Mailboxes: a User without a callback address fetches each response at a location that its acknowledgement names.
//
// A location ends with 128 random bits and is valid for one response. The store holds the SHA-256 of these bits, so that
// whoever reads the store cannot fetch anything.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Delivery } from './delivery.ts'
import type { Outbox } from './outbox.ts'

/** What is at a location. Unknown: no such location, or not any more; the two cannot be told apart. */
export type Fetched =
  | { state: 'unknown' | 'waiting' }
  | { state: 'ready'; xml: string; explanation: string | undefined }

export interface Mailbox {
  /** A new location for the response to a request, and what to store with the request. */
  open(id: string): { location: string; sha256: string }
  /** The response at a location. It stays there. */
  fetch(location: string): Fetched
  /** Removes the response at a location: it is delivered. Resolves when that is on disk. */
  take(location: string): Promise<Fetched['state']>
}

export interface MailboxParts {
  outbox: Pick<Outbox, 'entries' | 'read'>
  delivery: Pick<Delivery, 'fetched'>
  randomBytes(count: number): Uint8Array
  /** The `sha256` stored with an accepted request that is not answered yet. */
  awaited(id: string): string | undefined
}

const prefix = '/api/v1/responses/'
const secretBytes = 16
/** RequestID, and 128 bits in base64url. */
const form = /^\/api\/v1\/responses\/([\dA-F-]{23}:[\dA-F-]{23}:\d{1,20})\/([\w-]{22})$/

function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compared where no response is, so that the time taken tells nothing. */
const none = sha256('')

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

export function createMailbox({ outbox, delivery, randomBytes, awaited }: MailboxParts): Mailbox {
  function look(location: string): { id: string; found: Fetched } {
    const [, id = '', secret = ''] = form.exec(location) ?? []
    const entry = outbox.entries.get(id)
    const expected = entry === undefined && id !== '' ? awaited(id) : entry?.mailbox
    if (!isSame(sha256(secret), expected ?? none) || expected === undefined) return { id, found: { state: 'unknown' } }
    if (entry === undefined) return { id, found: { state: 'waiting' } }
    const response = outbox.read(entry)
    // An entry with a key and without a body is being written.
    if (response === undefined) return { id, found: { state: entry.slot === 0 ? 'unknown' : 'waiting' } }
    return { id, found: { state: 'ready', xml: response.body, explanation: response.explanation } }
  }

  return {
    open(id) {
      const secret = Buffer.from(randomBytes(secretBytes)).toString('base64url')
      return { location: `${prefix}${id}/${secret}`, sha256: sha256(secret) }
    },
    fetch: (location) => look(location).found,
    async take(location) {
      const { id, found } = look(location)
      if (found.state === 'ready') await delivery.fetched(id)
      return found.state
    },
  }
}

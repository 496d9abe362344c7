// Accepted requests on disk until they are answered. Each body is sealed with a key of its own, which goes to the outbox
// with the response and is destroyed when that is taken or given up.

import type { AnsweredRequest } from '../delivery/outbox-rows.ts'
import type { KeySlots } from '../store/key-slots.ts'
import { openEntry, sealEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import type { StoredRequest } from './accepted-request.ts'

/** The body of a stored request; undefined when its key is gone. @param key the keys of requests */
export function bodyOf(
  id: string,
  { body, slot }: StoredRequest,
  key: (slot: number) => Uint8Array,
): Uint8Array | undefined {
  return slot === undefined ? body : openEntry(key(slot), body, id)
}

export interface AcceptedStore {
  /** Seals a request. Resolves when it is on disk. */
  keep(id: string, plain: StoredRequest): Promise<StoredRequest>
  save(id: string, stored: StoredRequest): Promise<void>
  get(id: string): StoredRequest | undefined
  /** The body; undefined when its key is lost. */
  open(id: string, stored: StoredRequest): Uint8Array | undefined
  /** Removes a request and destroys its key. */
  drop(id: string, stored: StoredRequest): Promise<void>
  /** Removes a request from the store; its key is then that of the response. */
  handOver(id: string): Promise<void>
  /** What the outbox keeps of an answered request. */
  answered(stored: StoredRequest): AnsweredRequest | undefined
  all(): Iterable<{ key: string; value: StoredRequest }>
}

function* usedSlots(held: Iterable<number>, stored: ReturnType<AcceptedStore['all']>): Iterable<number> {
  yield* held
  for (const { value } of stored) if (value.slot !== undefined) yield value.slot
}

/** @param heldByOutbox slots of requests that were answered and not taken; the keys of all others are destroyed */
export function openAcceptedStore(
  store: Store<{ accepted: StoredRequest }>,
  keys: KeySlots,
  randomBytes: (count: number) => Uint8Array,
  heldByOutbox: Iterable<number>,
): AcceptedStore {
  const all = () => store.range('accepted', '', '\uffff')
  keys.keepOnly(usedSlots(heldByOutbox, all()))

  async function drop(id: string, { slot }: StoredRequest): Promise<void> {
    await store.remove('accepted', id)
    if (slot !== undefined) keys.release(slot)
  }

  return {
    async keep(id, plain) {
      const slot = keys.take()
      const stored = { ...plain, slot, body: sealEntry(keys.key(slot), plain.body, id, randomBytes) }
      await store.put('accepted', id, stored)
      return stored
    },
    get: (id) => store.get('accepted', id),
    save: (id, stored) => store.put('accepted', id, stored),
    open: (id, stored) => bodyOf(id, stored, keys.key),
    drop,
    handOver: (id) => store.remove('accepted', id),
    answered: ({ body, slot, receivedMs, mailbox }) =>
      slot === undefined ? undefined : { body, slot, receivedMs, ...(mailbox !== undefined && { mailbox }) },
    all,
  }
}

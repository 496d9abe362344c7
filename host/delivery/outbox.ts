// Responses on disk until Users have taken them. Bodies are sealed, each with a key of its own, which is destroyed when
// the response is taken or has reached the age limit. Only what is needed to choose the next response is in memory.

import { mailboxAddress } from '../access/callback.ts'
import type { KeySlots } from '../store/key-slots.ts'
import { openEntry, sealEntry } from '../store/sealed.ts'
import type { Store } from '../store/store.ts'
import type { AgeClock } from './age-clock.ts'
import type { OutboxLimits } from './outbox-limits.ts'
import {
  type AnsweredRequest,
  type BodyRow,
  type Entry,
  entryOf,
  type OutboxRow,
  type OutboxTables,
  rowOf,
} from './outbox-rows.ts'
import { createUserTotals, type UserTotals } from './user-totals.ts'

export interface KeepOptions {
  /** EUI-64 of the User; the first part of the id unless given. */
  user?: string | undefined
  explanation?: string | undefined
  notBeforeMs?: number | undefined
  mailbox?: string | undefined
  request?: AnsweredRequest | undefined
  /** Removes the accepted request of this id in the same transaction: after a crash there is one of the two. */
  isAnswer?: boolean
}

export interface OutboxParts {
  store: Store<OutboxTables>
  keys: KeySlots
  /** Keys of the requests that were answered. */
  requestKeys: Pick<KeySlots, 'release'>
  randomBytes(count: number): Uint8Array
  age: AgeClock
  nowMs(): number
  limits: OutboxLimits
  /** Reports a response that is given up. */
  givenUp(entry: Entry, problem: string): void
}

export interface Outbox {
  entries: ReadonlyMap<string, Entry>
  /** Resolves when the response is on disk. */
  keep(id: string, url: string, body: string, options: KeepOptions): Promise<Entry>
  /** Undefined when its key is gone. */
  read(entry: Entry): { body: string; explanation: string | undefined } | undefined
  /** The request that it answers. */
  requestOf(entry: Entry): AnsweredRequest | undefined
  /** One text for equal ones, for the fields of entries. */
  shared(text: string): string
  /** Writes what has changed of an entry. */
  save(entry: Entry): Promise<void>
  /** Removes an entry with its body, and destroys its keys; later when the store cannot be written now. */
  remove(entry: Entry): Promise<void>
  /** Destroys what has reached the age limit, and writes what could not be written before. Call it at the start before anything else, and about once a minute. */
  expire(): Promise<void>
}

/** Different texts that are remembered to be shared: Users, addresses, problems. */
const sharedMax = 10_000

/** Returns one text for equal ones, not one for each response. */
function createSharing(): (text: string) => string {
  const texts = new Map<string, string>()
  return (text) => {
    const known = texts.get(text)
    if (known !== undefined) return known
    if (texts.size >= sharedMax) texts.clear()
    texts.set(text, text)
    return text
  }
}

function load({ store }: OutboxParts, shared: (text: string) => string): Map<string, Entry> {
  const found: Entry[] = []
  for (const { key, value } of store.range('outbox', '', '\uffff')) found.push(entryOf(key, value, shared))
  found.sort((a, b) => a.createdMs - b.createdMs)
  const entries = new Map<string, Entry>()
  for (const entry of found) entries.set(entry.id, entry)
  return entries
}

/** An entry and its body, sealed with the key of a slot. */
function newEntry(
  id: string,
  url: string,
  body: string,
  options: KeepOptions & { slot: number; shared: (text: string) => string },
  { keys, randomBytes, nowMs, age }: OutboxParts,
): { entry: Entry; body: BodyRow } {
  const { user = id.slice(0, id.indexOf(':')), explanation, notBeforeMs, mailbox, request, slot, shared } = options
  const plain = Buffer.from(body)
  const about = { user, url, createdMs: nowMs(), ageMs: age.ageMs(), bytes: plain.length, slot, notBeforeMs }
  const row: OutboxRow = {
    ...about,
    requestSlot: request?.slot,
    mailbox: url === mailboxAddress ? mailbox : undefined,
  }
  const entry = entryOf(id, row, shared)
  const sealed = sealEntry(keys.key(slot), plain, id, randomBytes)
  return { entry, body: { sealed, ...(explanation !== undefined && { explanation }), ...(request && { request }) } }
}

type UsedSlots = Pick<OutboxRow, 'slot' | 'requestSlot'>

/** How entries leave the outbox: their keys are destroyed once that is on disk. What cannot be written is written later. */
function createRemoval(parts: OutboxParts, entries: Map<string, Entry>, totals: UserTotals) {
  const { store, keys, requestKeys } = parts
  let unwritten: { id: string; write: () => Promise<void> }[] = []

  async function finish(id: string, { slot, requestSlot }: UsedSlots, write: () => Promise<void>): Promise<void> {
    try {
      await write()
      if (slot !== 0) keys.release(slot)
      if (requestSlot !== undefined) requestKeys.release(requestSlot)
    } catch {
      // That the store cannot be written is reported where it is noticed. After a restart the response is sent once more.
      const again = () => finish(id, { slot, requestSlot }, write)
      unwritten.push({ id, write: again })
    }
  }

  return {
    save: (entry: Entry) => store.put('outbox', entry.id, rowOf(entry)),
    /** Destroys the body; what is left says that there was one. */
    async giveUp(entry: Entry, problem: string): Promise<void> {
      if (entry.state === 'waiting') {
        entry.state = 'given up'
        entry.lastProblem = problem
        parts.givenUp(entry, problem)
      }
      const before = { ...entry }
      totals.remove(entry)
      entry.requestSlot = undefined
      entry.slot = 0
      entry.bytes = 0
      await finish(entry.id, before, () =>
        store.write((batch) => {
          batch.put('outbox', entry.id, rowOf(entry))
          batch.remove('bodies', entry.id)
        }),
      )
    },
    async remove(entry: Entry): Promise<void> {
      const { id } = entry
      if (!entries.delete(id)) return
      const before = { ...entry }
      totals.remove(entry)
      entry.slot = 0
      await finish(id, before, () =>
        store.write((batch) => {
          batch.remove('outbox', id)
          batch.remove('bodies', id)
        }),
      )
    },
    /** Writes what could not be written, unless a new response has the id meanwhile. */
    async writeAgain(): Promise<void> {
      const all = unwritten
      unwritten = []
      for (const { id, write } of all) if ((entries.get(id)?.slot ?? 0) === 0) await write()
    },
  }
}

function* slotsOf(entries: Iterable<Entry>): Iterable<number> {
  for (const { slot } of entries) yield slot
}

/** Opens the outbox of a store: reads what it holds, without bodies, and destroys every key that nothing needs. */
export function openOutbox(parts: OutboxParts): Outbox {
  const { store, keys, age, limits } = parts
  const shared = createSharing()
  const entries = load(parts, shared)
  keys.keepOnly(slotsOf(entries.values()))
  const totals = createUserTotals(entries.values())
  const { save, giveUp, remove, writeAgain } = createRemoval(parts, entries, totals)
  const full = 'the outbox of this User is full: its oldest responses are given up'
  const old = `not taken within ${limits.ageMs / 3_600_000} hours`

  return {
    entries,
    async keep(id, url, body, options) {
      const slot = keys.take()
      const { body: sealed, entry } = newEntry(id, url, body, { ...options, slot, shared }, parts)
      entries.set(id, entry)
      totals.add(entry)
      const both = store.write((batch) => {
        batch.put('bodies', id, sealed)
        batch.put('outbox', id, rowOf(entry))
        if (options.isAnswer === true) batch.remove('accepted', id)
      })
      await both.catch((error) => {
        entries.delete(id)
        totals.remove(entry)
        keys.release(slot)
        throw error
      })
      for (const oldest of totals.beyond(entry.user, limits)) await giveUp(oldest, full)
      return entry
    },
    read(entry) {
      const row = entry.slot === 0 ? undefined : store.get('bodies', entry.id)
      const plain = row && openEntry(keys.key(entry.slot), row.sealed, entry.id)
      return plain && { body: Buffer.from(plain).toString('utf8'), explanation: row.explanation }
    },
    requestOf: (entry) => store.get('bodies', entry.id)?.request,
    shared,
    save,
    remove,
    async expire() {
      await writeAgain()
      const nowMs = age.ageMs()
      if (age.jumpMs() > 0) return
      const ageOf = (entry: Entry) => nowMs - entry.ageMs
      const found = [...entries.values()].filter((entry) => ageOf(entry) >= limits.ageMs)
      const removed = found.filter((entry) => ageOf(entry) >= 2 * limits.ageMs)
      const givenUp = found.filter((entry) => ageOf(entry) < 2 * limits.ageMs && entry.slot !== 0)
      await Promise.all([...removed.map(remove), ...givenUp.map((entry) => giveUp(entry, old))])
    },
  }
}

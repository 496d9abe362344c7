// A RequestID is accepted once (DUIS: the counter of a RequestID increases).
//
// That DUIS counts per originator and target, and not per originator alone, is an assumption. Requests sent in parallel
// arrive out of order, so by default the order is free within the 1,024 highest counters (`used-counters.ts`).

import { parseEui, parseRequestId } from '../duis/request.ts'
import { createRecent } from '../store/recent.ts'
import { readText, record } from '../store/row-reader.ts'
import { damagedRecord, type Store } from '../store/store.ts'
import {
  type CounterMode,
  type CounterVerdict,
  counterMax,
  createUsedCounters,
  readStoredCounters,
  type StoredCounters,
  type UsedCounters,
} from './used-counters.ts'

/** What each refusal means. */
export const counterWords: { [verdict in Exclude<CounterVerdict, 'fresh'>]: string } = {
  repeated: 'this RequestID was used before',
  'too old':
    'the counter is below the 1,024 highest used; if these are wrong (another clock), lower them: smets1 counters',
  'not increasing':
    'the counter is not above the highest used (--counters strict); if that is wrong, lower it: smets1 counters',
  zero: 'the counter of a RequestID is above 0 (DUGIDS annex 17)',
}

export interface RequestCounters {
  /**
   * Decides at once, in memory, so that of two equal requests at the same time one is refused. `stored` resolves when what
   * was accepted is on disk, no later than anything that is put into the store from here on; it rejects when it cannot be
   * stored: the RequestID then counts as used until the restart.
   * Throws RangeError for what is no EUI-64 or no counter from 0 to 2^64 - 1.
   */
  accept(originator: string, target: string, counter: bigint): { verdict: CounterVerdict; stored: Promise<void> }
}

/** An order of `smets1 counters --lower`; it is executed before a request of the pair would be refused. */
export interface LowerOrder {
  /** Decimal: the new highest counter. */
  mark: string
  /** When it was ordered, ISO 8601. */
  asked: string
}

/** A row of the table `counters`: of a pair, or an order for it. */
export type CounterRow = StoredCounters | LowerOrder

const readOrder = record<LowerOrder>({ mark: readText, asked: readText })

/** Reads a row of the table `counters`, which holds numbers of sequences too (store/sequence.ts), as text. */
export function readCounterRow(value: unknown): string | CounterRow | undefined {
  return readText(value) ?? readStoredCounters(value) ?? readOrder(value)
}

export type CounterStore = Store<{ counters: string | CounterRow }>

/** A lowering that was executed. */
export interface LoweredCounter {
  user: string
  target: string
  /** Decimal: the highest counter before and after. */
  from: string
  to: string
  asked: string
  /** RequestIDs above `to` that stay refused. */
  stillRefused: number
  /** Counters between `to` and this one may have been used and are no longer known one by one. */
  unknownTo?: string
}

export type CounterOptions = {
  mode?: CounterMode
  /** Pairs of originator and target kept in memory, 128 bytes to 8 kB each; the others are read again from the store. */
  pairsMax?: number
  lowered?(event: LoweredCounter): void
}

export const counterPairsMax = 20_000

/** A pair as the command shows it. */
export interface CounterPair {
  user: string
  target: string
  counters: UsedCounters
  order?: LowerOrder
}

type Pair = {
  key: string
  user: string
  target: string
  counters: UsedCounters
  /** Keys of counters that are stored one by one. */
  added: string[]
  /** Writes under way. */
  writing: number
  /** The last write of the whole pair failed: what is stored of it is older than what was added since. */
  mustWriteWhole?: boolean
  /** When the last executed lowering was ordered: the order may still be in the store. */
  executedOrder?: string
}

const pairPrefix = 'request/'
/** Of counters that were accepted since the pair was written whole: `used/ORIGINATOR/TARGET/COUNTER` in 16 hex digits. */
const addedPrefix = 'used/'
/** Up to this number of kept counters a pair is written whole: 8 bytes each. */
const wholeMax = 16
/** After this number of counters stored one by one, the pair is written whole again. */
const addedMax = 128
const orderPrefix = 'lower/'

/**
 * Counters kept in the store's table `counters`, under `request/ORIGINATOR/TARGET`; of a pair with many, each counter is
 * added by a row of its own, so that a request does not write the whole window. One process may own them at a time. Call it for Users and devices that are known, so that nobody else can fill the store.
 */
export function createRequestCounters(store: CounterStore, options: CounterOptions = {}): RequestCounters {
  const { mode = 'window', pairsMax = counterPairsMax, lowered } = options
  // A pair with a write under way stays: the store may still show its old value.
  const pairs = createRecent<Pair>(pairsMax, (pair) => pair.writing > 0)

  function pairOf(originator: string, target: string): Pair {
    const [from, to] = [parseEui(originator), parseEui(target)]
    if (from === undefined || to === undefined) throw new RangeError(`no EUI-64s: ${originator}, ${target}`)
    const key = `${pairPrefix}${from}/${to}`
    const found = pairs.get(key)
    if (found !== undefined) return found
    const pair = { key, user: from, target: to, ...load(store, key), writing: 0 }
    pairs.set(key, pair)
    return pair
  }

  /** Executes the operator's order for this pair; returns its key, if there was one. */
  function executeOrder(pair: Pair): string | undefined {
    const key = orderPrefix + pair.key.slice(pairPrefix.length)
    const order = store.get('counters', key)
    if (!isOrder(order) || order.asked === pair.executedOrder) return undefined
    const from = pair.counters.highest()
    pair.executedOrder = order.asked
    const done = pair.counters.lower(BigInt(order.mark))
    if (done === undefined) return undefined
    lowered?.({
      user: pair.user,
      target: pair.target,
      from: `${from}`,
      to: order.mark,
      asked: order.asked,
      stillRefused: done.barred,
      ...(done.unknownTo !== undefined && { unknownTo: `${done.unknownTo}` }),
    })
    return key
  }

  return {
    accept(originator, target, counter) {
      if (counter < 0n || counter > counterMax) throw new RangeError(`no counter of a RequestID: ${counter}`)
      const pair = pairOf(originator, target)
      let verdict = pair.counters.judge(counter, mode)
      const shutOut = verdict === 'too old' || verdict === 'not increasing'
      const orderKey = shutOut ? executeOrder(pair) : undefined
      if (orderKey !== undefined) verdict = pair.counters.judge(counter, mode)
      if (verdict === 'fresh') pair.counters.use(counter)
      const added = orderKey === undefined ? counter : undefined
      const stored = verdict === 'fresh' || orderKey !== undefined ? writePair(store, pair, added) : Promise.resolve()
      // After the pair: after a crash in between the order is executed once more, which changes nothing.
      if (orderKey !== undefined) void store.remove('counters', orderKey).catch(() => {})
      return { verdict, stored }
    },
  }
}

type Loaded = Pick<Pair, 'counters' | 'added'>

const addedPrefixOf = (key: string) => `${addedPrefix}${key.slice(pairPrefix.length)}/`

/** @throws Error when the stored value is not one of ours: guessing would let used RequestIDs in again. */
function load(store: CounterStore, key: string): Loaded {
  const row = store.get('counters', key)
  if (row !== undefined && (typeof row === 'string' || !('kept' in row))) throw damagedRecord('counters', key)
  const counters = createUsedCounters(row)
  const prefix = addedPrefixOf(key)
  const added: string[] = []
  for (const { key: addedKey } of store.range('counters', prefix, `${prefix}\uffff`)) {
    const digits = addedKey.slice(prefix.length)
    if (!/^[0-9a-f]{16}$/.test(digits)) throw damagedRecord('counters', addedKey)
    // The order in which counters are added makes no difference: the highest are kept. One that the pair has already was
    // left behind when the pair was written whole.
    const counter = BigInt(`0x${digits}`)
    if (counters.judge(counter, 'window') === 'fresh') counters.use(counter)
    added.push(addedKey)
  }
  return { counters, added }
}

/** Writes what a pair has now. @param added the counter that was accepted, when nothing else has changed */
async function writePair(store: CounterStore, pair: Pair, added: bigint | undefined): Promise<void> {
  const isWhole =
    added === undefined ||
    pair.mustWriteWhole === true ||
    pair.counters.keptCount() <= wholeMax ||
    pair.added.length >= addedMax
  pair.writing += 1
  try {
    if (isWhole) {
      pair.mustWriteWhole = true
      await writeWhole(store, pair)
      pair.mustWriteWhole = false
    } else {
      const key = `${addedPrefixOf(pair.key)}${added.toString(16).padStart(16, '0')}`
      pair.added.push(key)
      await store.put('counters', key, '')
    }
  } finally {
    pair.writing -= 1
  }
}

/** Writes a pair in one row, in place of those that added to it. These stay known when that fails. */
async function writeWhole(store: CounterStore, pair: Pick<Pair, 'key' | 'counters' | 'added'>): Promise<void> {
  const { key, counters } = pair
  if (pair.added.length === 0) return store.put('counters', key, counters.stored())
  const added = pair.added.splice(0)
  try {
    await store.write((batch) => {
      batch.put('counters', key, counters.stored())
      for (const one of added) batch.remove('counters', one)
    })
  } catch (error) {
    pair.added.unshift(...added)
    throw error
  }
}

/** Marks RequestIDs as used. For a store that may be older than what was accepted; no bridge may use it meanwhile. */
export async function useRequestIds(store: CounterStore, ids: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const pairs = new Map<string, Loaded>()
  for await (const id of ids) {
    const { originator, target, counter } = parseRequestId(id) ?? {}
    if (originator === undefined || target === undefined || counter === undefined) continue
    const key = `${pairPrefix}${originator}/${target}`
    const pair = pairs.get(key) ?? load(store, key)
    const { counters } = pair
    pairs.set(key, pair)
    if (counters.judge(counter, 'window') === 'fresh') counters.use(counter)
  }
  await Promise.all([...pairs].map(([key, pair]) => writeWhole(store, { key, ...pair })))
}

/** The pairs in the store of a User and of a target, or of all, with their orders. @throws Error for a damaged record */
export function* counterPairs(
  store: CounterStore,
  of: Partial<Pick<CounterPair, 'user' | 'target'>> = {},
): Iterable<CounterPair> {
  for (const { key } of store.range('counters', pairPrefix, `${pairPrefix}\uffff`)) {
    const [user = '', target = ''] = key.slice(pairPrefix.length).split('/')
    if (user !== (of.user ?? user) || target !== (of.target ?? target)) continue
    const order = store.get('counters', `${orderPrefix}${user}/${target}`)
    const { counters } = load(store, key)
    yield { user, target, counters, ...(isOrder(order) && { order }) }
  }
}

/** Orders a lowering; the bridge executes it and records it in its audit trail. Resolves when it is on disk. */
export function orderLowering(
  store: CounterStore,
  pair: { user: string; target: string },
  order: LowerOrder,
): Promise<void> {
  return store.put('counters', `${orderPrefix}${pair.user}/${pair.target}`, order)
}

function isOrder(row: string | CounterRow | undefined): row is LowerOrder {
  return typeof row === 'object' && 'mark' in row && /^\d{1,20}$/.test(row.mark)
}

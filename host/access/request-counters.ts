// A RequestID is accepted once.
//
// DUIS wants the counter of a RequestID to increase. Requests sent in parallel arrive out of order, so by default the
// bridge remembers, per originator and target, the highest counter and which of the 1,024 below it were used: a new
// one in that window is accepted, a used one and anything older is refused. That DUIS counts per originator and target
// and not per originator alone is an assumption; the window is ours.

import { parseEui } from '../duis/request.ts'
import { createRecent } from '../store/recent.ts'
import { readBytes, readText, record } from '../store/row.ts'
import { damagedRecord, type Store } from '../store/store.ts'

/** `window`: increasing, but up to 1,024 late. `strict`: increasing. */
export type CounterMode = 'window' | 'strict'

/** Why a RequestID is refused, or 'fresh'. 'not increasing' is said in strict mode only. */
export type CounterVerdict = 'fresh' | 'repeated' | 'too old' | 'not increasing'

/** What each refusal means. */
export const counterWords: { [verdict in Exclude<CounterVerdict, 'fresh'>]: string } = {
  repeated: 'this RequestID was used before',
  'too old': 'the counter lies 1,024 or more below the highest used',
  'not increasing': 'the counter is not above the highest used',
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

/** Counters below the highest that are told apart. */
export const counterWindow = 1024
/** Pairs of originator and target kept in memory, about 500 bytes each; the others are read again from the store. */
export const counterPairsMax = 20_000

const windowBytes = counterWindow / 8
const counterMax = 0xffff_ffff_ffff_ffffn

/** A row of the table `counters`: `highest` decimal. */
export type RequestCounterRow = { highest: string; used: Uint8Array }

export const readRequestCounter = record<RequestCounterRow>({ highest: readText, used: readBytes })

/** The table holds numbers of sequences too (store/sequence.ts), as text. */
type CounterStore = Store<{ counters: string | RequestCounterRow }>

type Pair = {
  key: string
  /** -1 before the first. */
  highest: bigint
  /** Bit `counter % 1024` for each of the 1,024 counters below the highest: set when it was used. */
  used: Uint8Array
  /** Writes under way. */
  writing: number
}

/**
 * Counters kept in the store's table `counters`, under `request/ORIGINATOR/TARGET`. One process may own them at a
 * time. Call it for Users and devices that are known, so that strangers cannot fill the store.
 */
export function createRequestCounters(
  store: CounterStore,
  mode: CounterMode = 'window',
  pairsMax: number = counterPairsMax,
): RequestCounters {
  // A pair with a write under way stays: the store may still show its old value.
  const pairs = createRecent<Pair>(pairsMax, (pair) => pair.writing > 0)

  function pairOf(originator: string, target: string): Pair {
    const [from, to] = [parseEui(originator), parseEui(target)]
    if (from === undefined || to === undefined) throw new RangeError(`no EUI-64s: ${originator}, ${target}`)
    const key = `request/${from}/${to}`
    const found = pairs.get(key)
    if (found !== undefined) return found
    const pair = load(store, key)
    pairs.set(key, pair)
    return pair
  }

  async function write(pair: Pair): Promise<void> {
    pair.writing += 1
    try {
      await store.put('counters', pair.key, { highest: pair.highest.toString(), used: pair.used })
    } finally {
      pair.writing -= 1
    }
  }

  return {
    accept(originator, target, counter) {
      if (counter < 0n || counter > counterMax) throw new RangeError(`no counter of a RequestID: ${counter}`)
      const pair = pairOf(originator, target)
      const verdict = judge(pair, counter, mode)
      if (verdict !== 'fresh') return { verdict, stored: Promise.resolve() }
      use(pair, counter)
      return { verdict, stored: write(pair) }
    },
  }
}

function judge(pair: Pair, counter: bigint, mode: CounterMode): CounterVerdict {
  if (counter > pair.highest) return 'fresh'
  if (counter === pair.highest) return 'repeated'
  const inWindow = pair.highest - counter <= BigInt(counterWindow)
  if (inWindow && isUsed(pair, counter)) return 'repeated'
  if (mode === 'strict') return 'not increasing'
  return inWindow ? 'fresh' : 'too old'
}

function use(pair: Pair, counter: bigint): void {
  const { highest } = pair
  if (counter < highest) {
    mark(pair, bitOf(counter), true)
    return
  }
  pair.highest = counter
  if (highest < 0n || counter - highest > BigInt(counterWindow)) {
    pair.used.fill(0)
    return
  }
  const step = Number(counter - highest)
  const bit = bitOf(highest)
  for (let skipped = 1; skipped < step; skipped++) mark(pair, (bit + skipped) % counterWindow, false)
  mark(pair, bit, true)
}

function bitOf(counter: bigint): number {
  return Number(counter % BigInt(counterWindow))
}

function isUsed(pair: Pair, counter: bigint): boolean {
  const bit = bitOf(counter)
  return (pair.used[bit >> 3]! & (1 << (bit & 7))) !== 0
}

function mark(pair: Pair, bit: number, used: boolean): void {
  const others = pair.used[bit >> 3]! & ~(1 << (bit & 7))
  pair.used[bit >> 3] = used ? others | (1 << (bit & 7)) : others
}

/** @throws Error when the stored value is not one of ours: guessing would let used RequestIDs in again. */
function load(store: CounterStore, key: string): Pair {
  const row = store.get('counters', key)
  if (row === undefined) return { key, highest: -1n, used: new Uint8Array(windowBytes), writing: 0 }
  if (typeof row === 'string') throw damagedRecord('counters', key)
  const { highest, used } = row
  if (!/^\d{1,20}$/.test(highest) || used.length !== windowBytes || BigInt(highest) > counterMax) {
    throw damagedRecord('counters', key)
  }
  return { key, highest: BigInt(highest), used: Uint8Array.from(used), writing: 0 }
}

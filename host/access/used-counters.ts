// The counters that one originator has used towards one target: which are accepted, and how they are stored.
//
// Kept are the 1,024 highest accepted counters. Any other counter above 0 is accepted; once 1,024 are kept, only one
// above the lowest of them, because which lower ones were used is no longer known. So a client that makes its counters
// from milliseconds may send in any order, and a single counter that is far too high locks nobody out.

/** `window`: any order within the 1,024 highest. `strict`: increasing. */
export type CounterMode = 'window' | 'strict'

/** Why a RequestID is refused, or 'fresh'. 'not increasing' is given in strict mode only. */
export type CounterVerdict = 'fresh' | 'repeated' | 'too old' | 'not increasing' | 'zero'

/** Counters kept of a pair. */
export const keptMax = 1024
/** Counters that stay refused after the highest was lowered; 8 bytes each. */
export const barredMax = 16 * keptMax
export const counterMax = 0xffff_ffff_ffff_ffffn

const counterBytes = 8

/** What is stored of a pair; counters are 8 bytes each, big-endian, ascending. */
export interface StoredCounters {
  kept: Uint8Array
  /** Decimal: counters up to this one are refused, because it is not known which of them were used. */
  floor: string
  /** Used counters above a mark to which the highest was lowered. */
  barred?: Uint8Array
}

export interface UsedCounters {
  judge(counter: bigint, mode: CounterMode): CounterVerdict
  /** Marks a counter, which `judge` has found fresh, as used. */
  use(counter: bigint): void
  /**
   * Makes `mark` the highest, unless the highest is lower already. Every kept counter above it stays refused. Returns how
   * many of those there are, and `unknownTo`, when counters between the mark and this one may have been used and are no
   * longer known one by one: these would be accepted again. Returns undefined, and changes nothing, when more than
   * `barredMax` would have to stay refused.
   */
  lower(mark: bigint): { barred: number; unknownTo?: bigint } | undefined
  /** 0n when none was used. */
  highest(): bigint
  lowest(): bigint
  keptCount(): number
  barredCount(): number
  stored(): StoredCounters
}

/** A list of 64-bit numbers, ascending, in the form in which it is stored. */
function createSortedCounters(bytes: Uint8Array) {
  let capacity = Math.max(16 * counterBytes, bytes.length)
  let view = new DataView(new ArrayBuffer(capacity))
  let count = bytes.length / counterBytes
  new Uint8Array(view.buffer).set(bytes)
  const at = (index: number) => view.getBigUint64(index * counterBytes)

  /** Index of the first counter that is not below `counter`. */
  function indexOf(counter: bigint): number {
    // New counters are mostly the highest.
    if (count === 0 || at(count - 1) < counter) return count
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (at(middle) < counter) low = middle + 1
      else high = middle
    }
    return low
  }

  function grow(): void {
    capacity *= 2
    const larger = new ArrayBuffer(capacity)
    new Uint8Array(larger).set(new Uint8Array(view.buffer))
    view = new DataView(larger)
  }

  return {
    at,
    count: () => count,
    has(counter: bigint): boolean {
      const index = indexOf(counter)
      return index < count && at(index) === counter
    },
    add(counter: bigint): void {
      const index = indexOf(counter)
      if (count * counterBytes === capacity) grow()
      const all = new Uint8Array(view.buffer)
      all.copyWithin((index + 1) * counterBytes, index * counterBytes, count * counterBytes)
      view.setBigUint64(index * counterBytes, counter)
      count += 1
    },
    removeLowest(): bigint {
      const lowest = at(0)
      new Uint8Array(view.buffer).copyWithin(0, counterBytes, count * counterBytes)
      count -= 1
      return lowest
    },
    /** Takes out all above `mark`. */
    removeAbove(mark: bigint): bigint[] {
      const from = mark === counterMax ? count : indexOf(mark + 1n)
      const removed = Array.from({ length: count - from }, (_, i) => at(from + i))
      count = from
      return removed
    },
    bytes: () => new Uint8Array(view.buffer, 0, count * counterBytes).slice(),
  }
}

export function createUsedCounters(stored: StoredCounters = { kept: new Uint8Array(0), floor: '0' }): UsedCounters {
  const kept = createSortedCounters(stored.kept)
  let barred = createSortedCounters(stored.barred ?? new Uint8Array(0))
  let floor = BigInt(stored.floor)
  const highest = () => (kept.count() === 0 ? floor : kept.at(kept.count() - 1))

  return {
    judge(counter, mode) {
      if (counter === 0n) return 'zero'
      if (barred.count() > 0 && barred.has(counter)) return 'repeated'
      if (counter > highest()) return 'fresh'
      if (kept.has(counter)) return 'repeated'
      if (mode === 'strict') return 'not increasing'
      const lowest = kept.count() < keptMax ? floor : kept.at(0)
      return counter > lowest ? 'fresh' : 'too old'
    },
    use(counter) {
      kept.add(counter)
      if (kept.count() > keptMax) floor = kept.removeLowest()
    },
    lower(mark) {
      const removed = kept.removeAbove(mark)
      const known = barred.bytes()
      for (const counter of removed) barred.add(counter)
      if (barred.count() > barredMax) {
        for (const counter of removed) kept.add(counter)
        barred = createSortedCounters(known)
        return undefined
      }
      const unknownTo = floor > mark ? floor : undefined
      if (unknownTo !== undefined) floor = mark
      return { barred: removed.length, ...(unknownTo !== undefined && { unknownTo }) }
    },
    highest,
    lowest: () => (kept.count() === 0 ? floor : kept.at(0)),
    keptCount: kept.count,
    barredCount: () => barred.count(),
    stored() {
      const all = { kept: kept.bytes(), floor: `${floor}` }
      return barred.count() === 0 ? all : { ...all, barred: barred.bytes() }
    },
  }
}

/** Reads what is stored of a pair, also as version 0.1 wrote it; undefined when it is neither. */
export function readStoredCounters(value: unknown): StoredCounters | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kept, floor, barred, highest, used } = value as { [name: string]: unknown }
  if (highest !== undefined) return readWindow(highest, used)
  if (!isCounter(floor) || !isAscending(kept, keptMax)) return undefined
  if (barred === undefined) return { kept, floor }
  return isAscending(barred, barredMax) ? { kept, floor, barred } : undefined
}

/** Of version 0.1: the highest, and a bit for each of the 1,024 counters below it (bit = counter modulo 1,024). */
function readWindow(highest: unknown, used: unknown): StoredCounters | undefined {
  if (!isCounter(highest) || !(used instanceof Uint8Array) || used.length !== keptMax / 8) return undefined
  const top = BigInt(highest)
  const below = top > BigInt(keptMax) ? top - BigInt(keptMax) : 0n
  const counters = createUsedCounters({ kept: new Uint8Array(0), floor: `${below > 0n ? below - 1n : 0n}` })
  for (let counter = below; counter < top; counter++) {
    const bit = Number(counter % BigInt(keptMax))
    if (counter > 0n && ((used[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0) counters.use(counter)
  }
  if (top > 0n) counters.use(top)
  return counters.stored()
}

function isCounter(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) <= counterMax
}

function isAscending(value: unknown, countMax: number): value is Uint8Array {
  if (!(value instanceof Uint8Array) || value.length % counterBytes !== 0) return false
  if (value.length > countMax * counterBytes) return false
  const view = new DataView(value.buffer, value.byteOffset, value.length)
  let before = 0n
  for (let at = 0; at < value.length; at += counterBytes) {
    const counter = view.getBigUint64(at)
    if (counter <= before) return false
    before = counter
  }
  return true
}

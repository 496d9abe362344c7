// Seeded random numbers for tests and simulators: the same seed, the same run.

export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number
  bytes(count: number): Uint8Array
}

/** mulberry32: small and fast; good enough to choose faults. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { next, below, bytes: (count) => Uint8Array.from({ length: count }, () => below(256)) }
}

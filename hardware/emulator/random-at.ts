// Random numbers without state: each depends on a seed and a number only, so that values can be computed in any order.

/** Mixes three whole numbers into one of 32 bits (the finaliser of murmur3, twice). */
function mix(seed: number, number: number, stream: number): number {
  let hash = Math.imul(seed ^ Math.imul(stream, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(number, 0xc2b2ae35)
  for (let round = 0; round < 2; round++) {
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}

/**
 * A number from 0 (included) to 1 (excluded) that depends on its arguments only, of which the low 32 bits count. Each use
 * has a stream of its own: the household 1 to 8, the solar model 11 to 13, the capacitance of the house 21, flash faults
 * 31 to 34.
 */
export function randomAt(seed: number, number: number, stream: number): number {
  return mix(seed, number, stream) / 0x100000000
}

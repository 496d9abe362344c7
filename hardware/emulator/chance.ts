// Chance that can be looked up: no state, so that any half-hour or any fault can be worked out alone, in any order.

/** Mixes three whole numbers into one of 32 bits (the finaliser of murmur3, twice). */
function mix(seed: number, number: number, use: number): number {
  let hash = Math.imul(seed ^ Math.imul(use, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(number, 0xc2b2ae35)
  for (let round = 0; round < 2; round++) {
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}

/**
 * A number from 0 up to, but not, 1 that depends on nothing but its arguments, of which the low 32 bits count. `use`
 * keeps one thing's chance apart from another's: 1 to 8 are the household's, 11 to 13 the sun's, 21 the house's
 * capacitance, 31 to 36 the faults'.
 */
export function chance(seed: number, number: number, use: number): number {
  return mix(seed, number, use) / 0x100000000
}

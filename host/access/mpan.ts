// Meter Point Administration Numbers.

/**
 * True for an MPAN core: 13 digits of which the last is the check digit, the sum of the others times 3, 5, 7, 13, 17,
 * 19, 23, 29, 31, 37, 41, 43, modulo 11, modulo 10.
 */
export function isMpan(text: string): boolean {
  if (!/^\d{13}$/.test(text)) return false
  const primes = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]
  const sum = primes.reduce((total, prime, index) => total + prime * Number(text[index]), 0)
  return (sum % 11) % 10 === Number(text[12])
}

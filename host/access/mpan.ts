// Meter Point Administration Numbers.

/**
 * The check digit of the first 12 digits of an MPAN core: the sum of the digits multiplied by 3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41,
 * 43, modulo 11, modulo 10.
 */
function checkDigit(digits: string): number {
  const primes = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]
  const sum = primes.reduce((total, prime, index) => total + prime * Number(digits[index]), 0)
  return (sum % 11) % 10
}

/** True for an MPAN core: 13 digits of which the last is the check digit. */
export function isMpan(text: string): boolean {
  return /^\d{13}$/.test(text) && checkDigit(text) === Number(text[12])
}

/** The MPAN core whose first 12 digits are given. @throws RangeError for anything but 12 digits */
export function mpanOf(digits: string): string {
  if (!/^\d{12}$/.test(digits)) throw new RangeError(`${digits} is not the first 12 digits of an MPAN`)
  return `${digits}${checkDigit(digits)}`
}

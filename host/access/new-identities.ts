// Identities for new meters: given, counted up from the given one, or drawn where nobody's real meter can be.

import { mpanOf } from './mpan.ts'
import type { Registry } from './parties.ts'

/**
 * EUI-64s are drawn under this prefix unless another is given. The 2 of the first byte says "administered locally" (IEEE
 * 802): no manufacturer's device has one.
 */
export const euiPrefix = '02-DB-12-34'

/** MPANs are drawn under these digits: that of no distributor (assumption: distributors have 10 to 38). */
export const mpanPrefix = '99'

type Draw = (count: number) => Uint8Array

/** Most draws for one identity before the prefix counts as full. */
const drawsMax = 1000

/** The EUI-64 that comes `by` after another. @throws RangeError after the last one */
export function euiAfter(eui: string, by: number): string {
  const number = BigInt(`0x${eui.replaceAll('-', '')}`) + BigInt(by)
  if (number > 0xffff_ffff_ffff_ffffn) throw new RangeError('there is no EUI-64 after FF-FF-FF-FF-FF-FF-FF-FF')
  return number
    .toString(16)
    .padStart(16, '0')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&-')
}

/** The MPAN core whose first 12 digits come `by` after those given. @throws RangeError after the last one */
export function mpanAfter(digits: string, by: number): string {
  const next = String(Number(digits) + by).padStart(12, '0')
  if (next.length > 12) throw new RangeError('there is no MPAN after 999999999999')
  return mpanOf(next)
}

/** Identities that are neither in the registry nor drawn before. */
export function createIdentities(registry: Registry, randomBytes: Draw) {
  const taken = new Set<string>()

  function fresh(what: string, isTaken: (one: string) => boolean, draw: () => string): string {
    for (let draws = 0; draws < drawsMax; draws++) {
      const one = draw()
      if (taken.has(one) || isTaken(one)) continue
      taken.add(one)
      return one
    }
    throw new RangeError(`no free ${what} found in ${drawsMax} draws: give a shorter prefix`)
  }

  return {
    /** `prefix`: pairs joined by "-", in upper case. */
    eui: (prefix: string): string =>
      fresh(
        `EUI-64 under ${prefix}`,
        (one) => registry.device(one) !== undefined || registry.user(one) !== undefined,
        () => {
          const pairs = [...randomBytes(8 - prefix.split('-').length)]
          return [prefix, ...pairs.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())].join('-')
        },
      ),
    mpan: (): string =>
      fresh(
        'MPAN',
        (one) => registry.deviceByMpan(one) !== undefined,
        () => {
          // 40 bits for 10 digits: which of them comes up how often is of no importance here.
          const number = randomBytes(5).reduce((sum, byte) => sum * 256 + byte, 0) % 1e10
          return mpanOf(`${mpanPrefix}${String(number).padStart(10, '0')}`)
        },
      ),
  }
}

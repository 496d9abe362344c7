// Encodes the half-hours of a response and the source of each, short enough for a line of the audit trail.

import { halfHourMs, startOfHalfHour } from '../../protocol/half-hour.ts'
import type { Served } from './audit-record.ts'

/** m: read from the meter. c: from the cache. s: by a shared read. n: not recorded by the meter. */
export type ServedFrom = 'm' | 'c' | 's' | 'n'

/** A reading and its source. */
interface Reading {
  halfHour: number
  wh: number | undefined
  from: 'cache' | 'meter' | 'shared'
}

const letters = { cache: 'c', meter: 'm', shared: 's' } as const

/**
 * Readings of one channel, one for each half-hour, in order: at least one and at most 19,056, which come to 38 KB when
 * all differ.
 */
export function servedOf(channel: string, readings: readonly Reading[]): Served {
  const [first] = readings
  if (first === undefined) throw new RangeError('no half-hour was served')
  let what = ''
  let count = 0
  let last: ServedFrom | undefined
  for (const { wh, from } of readings) {
    const letter = wh === undefined ? 'n' : letters[from]
    if (letter !== last && last !== undefined) {
      what += `${count}${last}`
      count = 0
    }
    last = letter
    count += 1
  }
  return { channel, from: new Date(startOfHalfHour(first.halfHour)).toISOString(), what: `${what}${count}${last}` }
}

/** The half-hours of a record, by number, with the source of each. Throws RangeError for text that `servedOf` does not write. */
export function* halfHoursServed(served: Served): Iterable<{ halfHour: number; from: ServedFrom }> {
  let halfHour = Date.parse(served.from) / halfHourMs
  if (!Number.isInteger(halfHour) || !/^(\d{1,5}[mcsn])+$/.test(served.what))
    throw new RangeError(`no half-hours: ${served.from} ${served.what.slice(0, 60)}`)
  for (const [, digits, letter] of served.what.matchAll(/(\d+)([mcsn])/g)) {
    for (let left = Number(digits); left > 0; left--) yield { halfHour: halfHour++, from: letter as ServedFrom }
  }
}

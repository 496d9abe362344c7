// From values with an instant and a length to half-hours of whole Wh.

import { halfHourMs, halfHourOf } from '../../protocol/half-hour.ts'
import type { EnergyLedger } from './energy-ledger.ts'
import type { LoadProfile } from './load-profile.ts'
import { type LoadReport, listed } from './load-report.ts'
import type { Reading } from './series.ts'

/** A value that fits: its interval begins at `startMs`. */
export interface Value {
  reading: Reading
  startMs: number
  kwh: number
}

interface HalfHour {
  /** The value of each part; undefined for one that is missing. */
  parts: (Value | undefined)[]
  missing: number
}

export interface HalfHours {
  profile: LoadProfile
  /** Energy of the profile, before it was rounded. */
  kwh: number
  gaps: LoadReport['gaps']
}

/**
 * Whole Wh from kWh. The part of a Wh that rounding leaves is carried into the next half-hour, so that the sum up to any
 * half-hour differs from the file's by at most half a Wh.
 */
function roundedWh(kwh: number[]): Int32Array {
  let carry = 0
  return Int32Array.from(kwh, (value) => {
    const owed = value * 1000 + carry
    const whole = Math.max(0, Math.round(owed))
    carry = owed - whole
    return whole
  })
}

function gapsOf(halfHours: Int32Array, lineOf: (halfHour: number) => number): LoadReport['gaps'] {
  const gaps: LoadReport['gaps'] = { halfHours: 0, stretches: 0, first: [] }
  for (let i = 1; i < halfHours.length; i++) {
    const halfHour = halfHours[i] ?? 0
    const missing = halfHour - (halfHours[i - 1] ?? 0) - 1
    if (missing === 0) continue
    gaps.halfHours += missing
    gaps.stretches += 1
    if (gaps.first.length < listed) {
      gaps.first.push({ halfHour: halfHour - missing, count: missing, nextLine: lineOf(halfHour) })
    }
  }
  return gaps
}

/**
 * Sums the parts of each half-hour. Of a part that stands twice the first in the file is kept; a half-hour of which a
 * part is missing is left out.
 * @param values in the order of the file
 * @param partCount values that make a half-hour, such as 2 of a quarter of an hour
 */
export function sumHalfHours(values: Value[], partCount: number, ledger: EnergyLedger): HalfHours {
  const found = new Map<number, HalfHour>()
  for (const value of values) {
    const number = halfHourOf(value.startMs)
    const halfHour = found.get(number) ?? { parts: new Array(partCount).fill(undefined), missing: partCount }
    found.set(number, halfHour)
    const at = Math.round(((value.startMs - number * halfHourMs) * partCount) / halfHourMs)
    const before = halfHour.parts[at]
    if (before !== undefined) {
      ledger.leaveOut(before.kwh === value.kwh ? 'doubled' : 'doubled-different', value.reading, value.kwh)
      continue
    }
    halfHour.parts[at] = value
    halfHour.missing -= 1
  }
  for (const [number, { parts, missing }] of found) {
    if (missing === 0) continue
    for (const part of parts) if (part !== undefined) ledger.leaveOut('incomplete', part.reading, part.kwh)
    found.delete(number)
  }
  const halfHours = Int32Array.from(found.keys()).sort()
  const kwh = Array.from(halfHours, (number) =>
    (found.get(number)?.parts ?? []).reduce((sum, part) => sum + (part?.kwh ?? 0), 0),
  )
  return {
    profile: { halfHours, wh: roundedWh(kwh) },
    kwh: kwh.reduce((sum, value) => sum + value, 0),
    gaps: gapsOf(halfHours, (number) => found.get(number)?.parts[0]?.reading.record.line ?? 0),
  }
}

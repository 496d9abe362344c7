// Readings of a register that only rises, and the energy between them.

import type { EnergyLedger } from './energy-ledger.ts'
import type { Value } from './half-hours.ts'
import type { Reading, Series } from './series.ts'

/** A value with its instant and the length of its interval, where that is known. */
export interface TimedValue extends Value {
  lengthMs: number | undefined
}

/** Readings that only rise before a column with another name is taken for a register, and kWh by which they rise. */
const risingMin = 100
const stepMin = 0.03

/** True when values in the order of time never fall, and at least half of them rise. */
function rises(values: Value[]): boolean {
  let risen = 0
  for (let i = 1; i < values.length; i++) {
    const step = (values[i]?.kwh ?? 0) - (values[i - 1]?.kwh ?? 0)
    if (step < 0) return false
    if (step > 0) risen += 1
  }
  return risen >= (values.length - 1) / 2 && risen > 0
}

export type RegisterVerdict = 'register' | 'intervals' | { refused: string }

/**
 * Whether values are a register or the energy of intervals: by the name of their column, and by whether they only rise.
 * @param values in the order of time
 */
export function judgeRegister(series: Series, values: Value[], maxKwh: number): RegisterVerdict {
  if (series.register === 'yes') return 'register'
  if (!rises(values)) return 'intervals'
  const isLong = values.length >= risingMin
  if (series.register === 'perhaps') {
    if (isLong || values.some(({ kwh }) => kwh > maxKwh)) return 'register'
    return {
      refused:
        'the column of readings only rises, so that it may be a register, or the energy of half-hours. Name it ' +
        '"Register (kWh)" or "Consumption (kWh)".',
    }
  }
  const risen = (values.at(-1)?.kwh ?? 0) - (values[0]?.kwh ?? 0)
  // Made-up values may rise a little each time; a household takes more than this in a half-hour.
  if (!isLong || risen / (values.length - 1) < stepMin) return 'intervals'
  return {
    refused:
      'the values only rise, as those of a register do. If they are one, name the column "Register (kWh)"; if they are ' +
      'the energy of each half-hour, give --force.',
  }
}

/**
 * The energy between readings that follow one another in time. A reading that stands twice counts once; one that is less
 * than the reading before it makes a negative difference, which is left out later.
 * @param values in the order of time
 */
export function differences(values: TimedValue[], ledger: EnergyLedger): TimedValue[] {
  const found: TimedValue[] = []
  let before: { startMs: number; kwh: number; reading: Reading } | undefined
  for (const value of values) {
    if (before !== undefined && value.startMs === before.startMs) {
      // A register has no energy of its own: what is left out is a reading.
      ledger.leaveOut(value.kwh === before.kwh ? 'doubled' : 'doubled-different', value.reading, 0)
      continue
    }
    if (before !== undefined) {
      const kwh = value.kwh - before.kwh
      found.push({ reading: value.reading, startMs: before.startMs, kwh, lengthMs: value.startMs - before.startMs })
    }
    before = value
  }
  return found
}

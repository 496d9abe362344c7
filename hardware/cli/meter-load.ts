// The load of an emulated meter: a file of readings, and a made-up household where the file has nothing to say.

import { readFileSync, statSync } from 'node:fs'
import { dayMs, dayOfHalfHour, firstHalfHourOfDay, halfHourOf } from '../../protocol/half-hour.ts'
import { householdWh } from '../household.ts'
import { importLoad } from '../load-file.ts'
import { loadOf, shiftToYesterday } from '../load-profile.ts'
import { describeReport } from '../load-report.ts'
import type { MeterOptions } from './meter-options.ts'

export interface MeterLoad {
  load: (halfHour: number) => number | undefined
  /** Where a meter without a log begins. */
  firstHalfHour: number
  /** For a person. */
  lines: string[]
}

const fileBytesMax = 64 * 1024 * 1024

/** @throws Error naming the file and what to do */
function readText(file: string): string {
  let bytes: Uint8Array
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw new Error('it is not a file')
    if (stats.size > fileBytesMax)
      throw new Error(`it has ${stats.size} bytes, at most ${fileBytesMax} are read; split it`)
    bytes = readFileSync(file)
  } catch (error) {
    throw new Error(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  // Spreadsheets save "Unicode text" in 16 bits.
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes)
}

/**
 * The load from the options: the household alone, or the file. Between the end of a file and 00:00 UTC of today the
 * meter has no power; from then on the household goes on.
 * @param seed of the household
 * @throws Error for a file that cannot be used, in words
 */
export function meterLoad(options: MeterOptions, seed: number, nowMs: number): MeterLoad {
  const today = dayOfHalfHour(halfHourOf(nowMs))
  if (options.load === undefined) {
    return {
      load: (halfHour) => householdWh(seed, halfHour),
      firstHalfHour: firstHalfHourOfDay(today - options.days),
      lines: [],
    }
  }
  const { file, stamps, household, yearEnds } = options.load
  const result = importLoad(readText(file), household === undefined ? { stamps } : { stamps, household })
  if (!result.ok) throw new Error(`${file}: ${result.error.message}`)
  const lines = describeReport(result.report)
  let profile = result.profile
  if (yearEnds) {
    const shifted = shiftToYesterday(profile, today)
    if (shifted === undefined)
      throw new Error(`${file} has no day to its end, so --year-ends has no day to make yesterday`)
    profile = shifted.profile
    const weekdays = shifted.days % 7 === 0 ? 'weekdays stay' : 'weekdays move'
    const yesterday = new Date((today - 1) * dayMs).toISOString().slice(0, 10)
    lines.push(`shifted by ${shifted.days} days to end yesterday, ${yesterday}; ${weekdays}`)
    if (shifted.cut > 0)
      lines.push(`${shifted.cut} half-hours after the last day that the file has to its end, left out`)
  }
  const readings = loadOf(profile)
  const firstHalfHour = profile.halfHours[0]!
  if (firstHalfHour > halfHourOf(nowMs)) {
    throw new Error(`${file} begins in the future; --year-ends shifts it to end yesterday`)
  }
  const householdFrom = Math.max(profile.halfHours.at(-1)! + 1, firstHalfHourOfDay(today))
  return {
    load: (halfHour) => readings(halfHour) ?? (halfHour >= householdFrom ? householdWh(seed, halfHour) : undefined),
    firstHalfHour,
    lines,
  }
}

// The load of an emulated meter: files of readings, and a simulated household outside them.

import { dayMs, dayOfHalfHour, firstHalfHourOfDay, halfHourOf, startOfHalfHour } from '../../protocol/half-hour.ts'
import { fridgeWh, householdWh } from '../load/household.ts'
import type { LoadOptions } from '../load/judge.ts'
import { importLoad } from '../load/load-file.ts'
import { type LoadProfile, loadOf, shiftProfile, shiftToYesterday } from '../load/load-profile.ts'
import { describeReport, kwhText } from '../load/load-report.ts'
import { reactiveVarh } from '../load/reactive.ts'
import { solarExportWh } from '../load/solar.ts'
import type { MeterOptions } from './meter-options.ts'
import { readFileBytes } from './text-file.ts'

export interface MeterLoad {
  /** Wh of active import; `undefined` while the meter has no power. */
  load: (halfHour: number) => number | undefined
  /** Wh of active export (1), varh of reactive import (2) and reactive export (3). */
  otherLoad: (halfHour: number, channel: number) => number
  /** Where a meter without a log begins. */
  firstHalfHour: number
  /** For a person. */
  lines: string[]
}

const fileBytesMax = 64 * 1024 * 1024

/** The readings of a file, and what was found. @throws Error naming the file and what is wrong */
async function readFile(file: string, options: LoadOptions): Promise<{ profile: LoadProfile; lines: string[] }> {
  const result = await importLoad(readFileBytes(file, fileBytesMax), options)
  if (!result.ok) throw new Error(`${file}: ${result.error.message}`)
  return { profile: result.profile, lines: describeReport(result.report) }
}

/** The readings of the files that the options name. */
export interface Readings {
  imports: LoadProfile
  exports: LoadProfile | undefined
  lines: string[]
}

function shifted(readings: Readings, file: string, today: number): Readings {
  const toYesterday = shiftToYesterday(readings.imports, today)
  if (toYesterday === undefined)
    throw new Error(`${file} has no day to its end, so --year-ends has no day to make yesterday`)
  const { profile, days, cut } = toYesterday
  const weekdays = days % 7 === 0 ? 'weekdays stay' : 'weekdays move'
  const yesterday = new Date((today - 1) * dayMs).toISOString().slice(0, 10)
  const lines = [...readings.lines, `shifted by ${days} days to end yesterday, ${yesterday}; ${weekdays}`]
  if (cut > 0) {
    const kept = profile.halfHours.length
    const cutWh = readings.imports.wh.subarray(kept).reduce((sum, wh) => sum + wh, 0)
    lines.push(`${cut} half-hours after the last day that the file has to its end, left out: ${kwhText(cutWh)}`)
  }
  const exports = readings.exports && shiftProfile(readings.exports, days)
  return { imports: profile, exports, lines }
}

/**
 * Reads the files that the options name, if any.
 * @throws Error naming the file that cannot be used, and why
 */
export async function readReadings(options: MeterOptions, nowMs: number): Promise<Readings | undefined> {
  if (options.load === undefined) return undefined
  const { file, exportFile, yearEnds, how } = options.load
  const today = dayOfHalfHour(halfHourOf(nowMs))
  const { profile, lines } = await readFile(file, how)
  const ofExport = exportFile === undefined ? undefined : await readFile(exportFile, { ...how, direction: 'export' })
  const exportLines = ofExport === undefined ? [] : ['active export:', ...ofExport.lines.map((line) => `  ${line}`)]
  const readings = { imports: profile, exports: ofExport?.profile, lines: [...lines, ...exportLines] }
  if (yearEnds) return shifted(readings, file, today)
  return { ...readings, lines: [...readings.lines, ...endsEarly(readings, file, today)] }
}

/** A note when the readings end before yesterday. */
function endsEarly({ imports }: Readings, file: string, today: number): string[] {
  const end = (imports.halfHours.at(-1) ?? 0) + 1
  if (end > firstHalfHourOfDay(today - 1)) return []
  const at = `${new Date(startOfHalfHour(end)).toISOString().slice(0, 16)}Z`
  return [`${file} ends at ${at} and has nothing for yesterday; --year-ends shifts it to end yesterday`]
}

/**
 * The load from the options: the simulated household alone, or the files. Between the end of the import file and 00:00 UTC
 * of today the meter has no power; from then on the simulated household is the load. A half-hour that is missing in the
 * export file has no export. Without an export file, and from today on, the simulated panels make the export. Reactive
 * energy is always computed from the active import.
 * @param seed of the household and the weather
 * @param readings as `readReadings` gives them
 * @throws Error for readings that begin in the future
 */
export function meterLoad(
  options: MeterOptions,
  seed: number,
  nowMs: number,
  readings: Readings | undefined,
): MeterLoad {
  const today = dayOfHalfHour(halfHourOf(nowMs))
  const imports = readings === undefined ? () => undefined : loadOf(readings.imports)
  const exports = readings?.exports === undefined ? () => undefined : loadOf(readings.exports)
  const firstHalfHour = readings?.imports.halfHours[0] ?? firstHalfHourOfDay(today - options.days)
  if (firstHalfHour > halfHourOf(nowMs)) {
    throw new Error(`${options.load?.file} begins in the future; --year-ends shifts it to end yesterday`)
  }
  const lastRead = readings?.imports.halfHours.at(-1)
  const householdFrom =
    lastRead === undefined ? Number.NEGATIVE_INFINITY : Math.max(lastRead + 1, firstHalfHourOfDay(today))
  const hasExports = readings?.exports !== undefined

  function load(halfHour: number): number | undefined {
    return imports(halfHour) ?? (halfHour >= householdFrom ? householdWh(seed, halfHour) : undefined)
  }

  function otherLoad(halfHour: number, channel: number): number {
    if (channel === 1) {
      if (hasExports && halfHour < householdFrom) return exports(halfHour) ?? 0
      return solarExportWh(seed, options.simulated.solarW, halfHour)
    }
    const { importVarh, exportVarh } = reactiveVarh(seed, load(halfHour) ?? 0, fridgeWh(seed, halfHour))
    return channel === 2 ? importVarh : exportVarh
  }

  return { load, otherLoad, firstHalfHour, lines: readings?.lines ?? [] }
}

// The load of an emulated meter: files of readings, and a made-up household where they have nothing to say.

import { dayMs, dayOfHalfHour, firstHalfHourOfDay, halfHourOf } from '../../protocol/half-hour.ts'
import { fridgeWh, householdWh } from '../load/household.ts'
import { importLoad, type LoadOptions } from '../load/load-file.ts'
import { type LoadProfile, loadOf, shiftProfile, shiftToYesterday } from '../load/load-profile.ts'
import { describeReport } from '../load/load-report.ts'
import { reactiveVarh } from '../load/reactive.ts'
import { solarExportWh } from '../load/solar.ts'
import type { LoadFiles, MeterOptions } from './meter-options.ts'
import { readTextFile } from './text-file.ts'

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
function readFile(file: string, options: LoadOptions): { profile: LoadProfile; lines: string[] } {
  const result = importLoad(readTextFile(file, fileBytesMax), options)
  if (!result.ok) throw new Error(`${file}: ${result.error.message}`)
  return { profile: result.profile, lines: describeReport(result.report) }
}

interface Readings {
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
  if (cut > 0) lines.push(`${cut} half-hours after the last day that the file has to its end, left out`)
  const exports = readings.exports && shiftProfile(readings.exports, days)
  return { imports: profile, exports, lines }
}

function readReadings({ file, exportFile, stamps, household, yearEnds }: LoadFiles, today: number): Readings {
  const { profile, lines } = readFile(file, household === undefined ? { stamps } : { stamps, household })
  const ofExport = exportFile === undefined ? undefined : readFile(exportFile, { stamps })
  const exportLines = ofExport === undefined ? [] : ['active export:', ...ofExport.lines.map((line) => `  ${line}`)]
  const readings = { imports: profile, exports: ofExport?.profile, lines: [...lines, ...exportLines] }
  return yearEnds ? shifted(readings, file, today) : readings
}

/**
 * The load from the options: the household alone, or the files. Between the end of the import file and 00:00 UTC of today
 * the meter has no power; from then on the household goes on. A half-hour that the export file has not is one without
 * export; where there is no export file, and from today on, the panels make the export. Reactive energy is always made up
 * from the active import.
 * @param seed of the household and the weather
 * @throws Error for a file that cannot be used, in words
 */
export function meterLoad(options: MeterOptions, seed: number, nowMs: number): MeterLoad {
  const today = dayOfHalfHour(halfHourOf(nowMs))
  const readings = options.load === undefined ? undefined : readReadings(options.load, today)
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
      return solarExportWh(seed, options.solarW, halfHour)
    }
    const { importVarh, exportVarh } = reactiveVarh(seed, load(halfHour) ?? 0, fridgeWh(seed, halfHour))
    return channel === 2 ? importVarh : exportVarh
  }

  return { load, otherLoad, firstHalfHour, lines: readings?.lines ?? [] }
}

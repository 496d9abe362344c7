// What a bench's meter measures: a file of readings or values, and a simulated household outside them.

import { readFile } from 'node:fs/promises'
import { CommandError, exitCode } from '../host/state/errors.ts'
import { dayOfHalfHour, firstHalfHourOfDay, halfHourMs } from '../protocol/half-hour.ts'
import type { BenchReadings, HalfHourValues, ReadingsOptions } from './bench-api.ts'
import type { WhOf } from './follow-load.ts'
import { halfHourAt } from './instants.ts'

/** The load of a meter. */
export interface BenchLoad {
  whOf: WhOf
  /** Numbers of the first and the last half-hour of the readings, since 1970; undefined for a household alone. */
  first: number | undefined
  last: number | undefined
  /** Half-hours in the readings that have a value, and their sum in Wh. */
  halfHours: number
  wh: number
}

/** A meter keeps a half-hour in 24 bits of Wh. */
const whMax = 16_777_000

/** A log of more is longer than any meter keeps. */
const halfHoursMax = 5 * 366 * 48

/**
 * Readings, and `household` outside them: before the first, where that is not before `nowMs`, and after the last, from 00:00
 * UTC of the bench's day on. Between the last reading and that midnight the meter has no power.
 * @throws CommandError naming what cannot be used, and why
 */
export async function loadReadings(
  readings: BenchReadings,
  options: ReadingsOptions,
  household: WhOf,
  nowMs: number,
): Promise<BenchLoad> {
  const today = dayOfHalfHour(Math.floor(nowMs / halfHourMs))
  const values = typeof readings === 'string' ? await valuesOfFile(readings, options, today) : valuesOf(readings)
  const halfHours = [...values.keys()]
  const first = halfHours[0] ?? 0
  const last = halfHours.at(-1) ?? 0
  const householdFrom = Math.max(last + 1, firstHalfHourOfDay(today))
  const startsLater = first * halfHourMs >= nowMs
  const whOf: WhOf = (halfHour) => {
    if (values.has(halfHour)) return values.get(halfHour)
    return halfHour >= householdFrom || (startsLater && halfHour < first) ? household(halfHour) : undefined
  }
  const known = [...values.values()].filter((wh) => wh !== undefined)
  return { whOf, first, last, halfHours: known.length, wh: known.reduce((sum, wh) => sum + wh, 0) }
}

type Values = Map<number, number | undefined>

function valuesOf({ from, wh }: HalfHourValues): Values {
  const first = halfHourAt(from, 'from')
  if (wh.length === 0 || wh.length > halfHoursMax) {
    throw new CommandError(exitCode.usage, `wh holds 1 to ${halfHoursMax} half-hours, not ${wh.length}`)
  }
  return new Map(
    wh.map((value, i) => {
      if (value !== null && !(Number.isInteger(value) && value >= 0 && value <= whMax)) {
        throw new CommandError(exitCode.usage, `wh[${i}] is a whole number from 0 to ${whMax}, or null, not ${value}`)
      }
      return [first + i, value ?? undefined] as const
    }),
  )
}

async function valuesOfFile(file: string, options: ReadingsOptions, today: number): Promise<Values> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw new CommandError(exitCode.usage, `${file} cannot be read: ${error.message}`)
  })
  // Files of readings are seldom used; what reads them takes a while to load.
  const { importLoad } = await import('../hardware/load/load-file.ts')
  const { shiftToYesterday } = await import('../hardware/load/load-profile.ts')
  const { zone, meter, yearEnds } = options
  const result = await importLoad(bytes, { ...(zone && { zone }), ...(meter && { meter }) })
  if (!result.ok) throw new CommandError(exitCode.usage, `${file}: ${result.error.message}`)
  const shifted = yearEnds === true ? shiftToYesterday(result.profile, today) : undefined
  if (yearEnds === true && shifted === undefined) {
    throw new CommandError(exitCode.usage, `${file} has no day to its end that yearEnds could make yesterday`)
  }
  const { halfHours, wh } = shifted?.profile ?? result.profile
  return new Map(Array.from(halfHours, (halfHour, i) => [halfHour, wh[i]] as const))
}

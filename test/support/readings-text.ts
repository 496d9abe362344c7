// Files of readings for the tests of `hardware/load`, and the result of reading them.

import * as assert from 'uvu/assert'
import type { LoadOptions } from '../../hardware/load/judge.ts'
import { importLoad, type LoadResult } from '../../hardware/load/load-file.ts'
import type { LeftOut } from '../../hardware/load/load-report.ts'
import type { LoadError } from '../../hardware/load/series.ts'
import { halfHourMs } from '../../protocol/half-hour.ts'

export type Imported = Extract<LoadResult, { ok: true }>

const utf8 = new TextEncoder()

/** The readings of a text, which must be imported; its energy must add up. */
export async function read(text: string | Uint8Array, options?: LoadOptions): Promise<Imported> {
  const result = await importLoad(typeof text === 'string' ? utf8.encode(text) : text, options)
  if (!result.ok) throw new Error(result.error.message)
  const { report, profile } = result
  const leftOut = report.leftOut.reduce((sum, { wh }) => sum + wh, 0)
  assert.is(report.fileWh, report.wh + leftOut, 'taken and left out are the whole')
  assert.is(
    profile.wh.reduce((sum, wh) => sum + wh, 0),
    report.wh,
  )
  return result
}

/** Why a text is refused, which it must be. */
export async function refused(text: string | Uint8Array, options?: LoadOptions): Promise<LoadError> {
  const result = await importLoad(typeof text === 'string' ? utf8.encode(text) : text, options)
  if (result.ok) throw new Error(`imported: ${result.report.readings} half-hours, ${result.report.wh} Wh`)
  return result.error
}

export function counts({ report }: Imported): Partial<Record<LeftOut, number>> {
  return Object.fromEntries(report.leftOut.map(({ reason, count }) => [reason, count]))
}

/** Half-hours and Wh, as `2026-11-27T00:00Z 100`. */
export function listOf({ profile }: Imported): string[] {
  return [...profile.halfHours].map((halfHour, i) => {
    const start = new Date(halfHour * halfHourMs).toISOString().slice(0, 16)
    return `${start}Z ${profile.wh[i]}`
  })
}

/** The number of the half-hour that begins at an instant. */
export function at(instant: string): number {
  return Date.parse(instant) / halfHourMs
}

/** The readings must be those of `wh`, one for each half-hour from `from` on; undefined for a gap. */
export function assertReadings(imported: Imported, from: string, wh: readonly (number | undefined)[], what = ''): void {
  const first = at(from)
  const expected = wh.flatMap((value, i) =>
    value === undefined ? [] : [`${new Date((first + i) * halfHourMs).toISOString().slice(0, 16)}Z ${value}`],
  )
  assert.equal(listOf(imported), expected, what)
}

/** Wh of `count` half-hours: 100, 110, … and again from 100 every day, as in a day that is easy to check. */
export function dayValues(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 100 + 10 * (i % 48))
}

/** Rows, one for each half-hour from an instant on; `row` receives the start, the end and kWh with three decimals. */
export function rowsFrom(
  from: string,
  wh: readonly number[],
  row: (start: Date, end: Date, kwh: string) => string,
): string[] {
  const first = at(from)
  return wh.map((value, i) =>
    row(new Date((first + i) * halfHourMs), new Date((first + i + 1) * halfHourMs), (value / 1000).toFixed(3)),
  )
}

/** A clock's text for an instant: YYYY-MM-DD HH:MM, so many minutes ahead of UTC. */
export function clockText(date: Date, aheadMinutes = 0): string {
  return new Date(date.getTime() + aheadMinutes * 60000).toISOString().slice(0, 16).replace('T', ' ')
}

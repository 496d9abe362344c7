// What an MDR hands on: UTC days in the shape of IF-064, Settlement Days as local periods 1 to 50, CSV; and what is missing.
//
// IF-064 (assumption: names and bounds as the DIP's interface had them in 2026): days of at most 48 periods of 30 minutes of a
// UTC day, values in kWh as text with three places, quality A. An MDR makes no estimates: what is missing is left out.

import { halfHourMs } from '../../protocol/half-hour.ts'
import type { StampConvention } from '../catalogue/read-window.ts'
import { formatDateTime } from '../duis/date-time.ts'
import type { Agreement } from './portfolio.ts'
import type { DayValues } from './values.ts'

export const exportFormats = ['if-064', 'settlement', 'csv', 'missing'] as const

/** Days of one message at most. */
const daysMax = 200

/** Wh as kWh with three places, exactly. */
export function kwhText(wh: number): string {
  const digits = String(Math.abs(wh)).padStart(4, '0')
  return `${wh < 0 ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`
}

/** When a period ends (or begins), `00:30Z`. */
const timeOf = (atMs: number) => `${new Date(atMs).toISOString().slice(11, 16)}Z`

export interface ConsumptionMessage {
  interfaceId: 'IF-064'
  mpanCore: string
  measurementQuantity: 'AI' | 'AE'
  days: {
    date: string
    periodDuration: 30
    periods: { sp: string; v: string; q: 'A' }[]
  }[]
}

/** The half-hours of an agreement as messages; days without any value are left out. */
export function consumptionMessages(
  { mpan, direction }: Agreement,
  days: readonly DayValues[],
  sp: StampConvention = 'end',
): ConsumptionMessage[] {
  const shown = days.flatMap(({ date, values }) => {
    const periods = values.flatMap(({ startMs, wh }) => {
      const atMs = sp === 'end' ? startMs + halfHourMs : startMs
      return wh === null ? [] : [{ sp: timeOf(atMs), v: kwhText(wh), q: 'A' as const }]
    })
    return periods.length === 0 ? [] : [{ date, periodDuration: 30 as const, periods }]
  })
  const about = {
    interfaceId: 'IF-064',
    mpanCore: mpan,
    measurementQuantity: direction === 'import' ? 'AI' : 'AE',
  } as const
  return Array.from({ length: Math.ceil(shown.length / daysMax) }, (_, i) => ({
    ...about,
    days: shown.slice(i * daysMax, (i + 1) * daysMax),
  }))
}

/** A Settlement Day as a value: kWh by local period, null where there is none. */
export function settlementDay({ mpan }: Agreement, { date, periods, values }: DayValues) {
  const kwh: (string | null)[] = Array.from({ length: periods }, () => null)
  for (const { period, wh } of values) kwh[period - 1] = wh === null ? null : kwhText(wh)
  const have = values.filter(({ wh }) => wh !== null).length
  return { mpan, settlementDay: date, periods, have, complete: have === periods, kwh }
}

export const csvHeader = 'mpan,direction,start,end,settlement_day,period,kwh,quality,flag\n'

/** Lines of the CSV for a Settlement Day; `flags` by stamp of the end. */
export function csvLines(
  { mpan, direction }: Agreement,
  { date, values }: DayValues,
  flags: ReadonlyMap<number, string>,
): string {
  return values
    .filter(({ wh }) => wh !== null)
    .map(({ startMs, period, wh }) => {
      const times = `${formatDateTime(startMs)},${formatDateTime(startMs + halfHourMs)}`
      const flag = flags.get(startMs + halfHourMs) ?? flags.get(startMs) ?? ''
      return `${mpan},${direction},${times},${date},${period},${kwhText(wh ?? 0)},A,${flag}\n`
    })
    .join('')
}

export interface MissingDay {
  mpan: string
  /** By which kind of day it is counted. */
  day: 'utc' | 'settlement'
  date: string
  /** Periods of the day that belong to the agreement, and how many of them are missing. */
  own: number
  missing: number
  /** `1-4`, `7`. */
  periods: string
  why: string
}

/** What is missing of a day, a row for each reason. */
export function missingOfDay(
  { mpan }: Agreement,
  kind: 'utc' | 'settlement',
  { date, values }: DayValues,
): MissingDay[] {
  const byReason = new Map<string, number[]>()
  for (const { period, why } of values) if (why !== undefined) byReason.set(why, [...(byReason.get(why) ?? []), period])
  return [...byReason].map(([why, periods]) => ({
    ...{ mpan, day: kind, date, own: values.length, missing: periods.length, periods: rangesOf(periods), why },
  }))
}

/** `1-4 7` of 1, 2, 3, 4, 7. */
function rangesOf(periods: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const period of periods) {
    const last = ranges.at(-1)
    if (last !== undefined && last[1] === period - 1) last[1] = period
    else ranges.push([period, period])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(' ')
}

// Half-hours as text.

import { dayMs, dayOfHalfHour, halfHourMs, halfHourOf } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'
import { type StampConvention, stampOf } from '../catalogue/read-window.ts'

/** A half-hour as DUIS sends it, by its stamp. `wh` is varh for reactive energy. */
export interface Entry {
  stampMs: number
  wh: number
}

export type Unit = 'Wh' | 'varh'

const bars = '▁▂▃▄▅▆▇█'
const gap = '·'

/** One character a half-hour, from nothing to the largest value; a dot where there is none. */
export function sparkline(values: readonly (number | undefined)[], largest: number): string {
  const level = (wh: number) => Math.min(bars.length - 1, Math.floor((wh / Math.max(1, largest)) * bars.length))
  return values.map((wh) => (wh === undefined ? gap : bars[level(wh)])).join('')
}

/** `9.812 kWh`, or kvarh. */
export function kWh(wh: number, unit: Unit = 'Wh'): string {
  return `${(wh / 1000).toFixed(3)} k${unit}`
}

export function totalWh(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.wh, 0)
}

/** Entries by UTC day; each day has 48 places, empty where there is no entry. */
function byDay(entries: readonly Entry[], stamps: StampConvention): Day[] {
  const days = new Map<number, (number | undefined)[]>()
  for (const { stampMs, wh } of entries) {
    const halfHour = halfHourOf(stampMs) - (stamps === 'start' ? 0 : 1)
    const day = dayOfHalfHour(halfHour)
    const values = days.get(day) ?? new Array(halfHoursPerDay).fill(undefined)
    values[halfHour - day * halfHoursPerDay] = wh
    days.set(day, values)
  }
  return [...days].sort(([a], [b]) => a - b).map(([day, values]) => ({ day, values }))
}

const hours = Array.from({ length: 8 }, (_, i) =>
  String(i * 3)
    .padStart(2, '0')
    .padEnd(6),
).join('')

/** `2026-11-21`. */
function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10)
}

/** The 48 values of a day, four hours a row, by their stamps. */
function grid(day: number, values: readonly (number | undefined)[], stamps: StampConvention): string[] {
  const rows: string[] = []
  for (let from = 0; from < halfHoursPerDay; from += 8) {
    if (values.slice(from, from + 8).every((wh) => wh === undefined)) continue
    const start = new Date(stampOf(day * halfHoursPerDay + from, stamps)).toISOString().slice(11, 16)
    rows.push(
      `  ${start} ${values
        .slice(from, from + 8)
        .map((wh) => String(wh ?? '-').padStart(6))
        .join('')}`,
    )
  }
  return rows
}

type Day = { day: number; values: (number | undefined)[] }

/**
 * Separates the one half-hour that a closed window 00:00 to 00:00 has beyond its days: the last of the day before with
 * end stamps, the first of the day after with start stamps.
 */
function splitEdge(
  days: readonly Day[],
  stamps: StampConvention,
): { edge: { wh: number; fromMs: number } | undefined; whole: readonly Day[] } {
  const [at, place] = stamps === 'end' ? [0, halfHoursPerDay - 1] : [days.length - 1, 0]
  const day = days[at]
  const wh = day?.values[place]
  const alone = day?.values.filter((one) => one !== undefined).length === 1
  if (days.length < 2 || day === undefined || wh === undefined || !alone) return { edge: undefined, whole: days }
  const fromMs = (day.day * halfHoursPerDay + place) * halfHourMs
  return { edge: { wh, fromMs }, whole: days.filter((one) => one !== day) }
}

/** A compact table: a sparkline for each day, and the values themselves for one or two days. */
export function table(entries: readonly Entry[], unit: Unit = 'Wh', stamps: StampConvention = 'end'): string {
  if (entries.length === 0) return '  no half-hours: the meter has recorded none in this window\n'
  const days = byDay(entries, stamps)
  const largest = Math.max(...entries.map((entry) => entry.wh))
  const lines = [`  ${' '.repeat(11)}${hours.trimEnd()}  hours UTC; █ is ${largest} ${unit}, · is not recorded`]
  const { edge, whole } = splitEdge(days, stamps)
  if (edge !== undefined) {
    const { wh, fromMs } = edge
    const time = (atMs: number) => new Date(atMs).toISOString().slice(11, 16)
    const span = `${dateOf(Math.floor(fromMs / dayMs))} ${time(fromMs)} to ${time(fromMs + halfHourMs)}`
    lines.push(`  ${span}: ${wh} ${unit}; a window holds the entries stamped at both of its ends`)
  }
  for (const { day, values } of whole) {
    const known = values.filter((wh) => wh !== undefined)
    lines.push(
      `  ${dateOf(day)} ${sparkline(values, largest)}  ${kWh(
        known.reduce((sum, wh) => sum + wh, 0),
        unit,
      )}, ${known.length} of 48`,
    )
  }
  if (whole.length <= 2) {
    for (const { day, values } of whole)
      lines.push(
        `  ${dateOf(day)}, ${unit} by ${stamps} of half-hour (first of each row):`,
        ...grid(day, values, stamps),
      )
  }
  return `${lines.join('\n')}\n`
}

/** `2026-11-21T00:30:00Z`. */
export function stamp(atMs: number): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z')
}

// From the stamps of a file to instants. Day and month, and the clock, are judged over all stamps together.

import { dayMs, halfHourMs, localAheadMs } from '../../protocol/half-hour.ts'
import { usualStepMs } from './interval.ts'
import { type LoadError, type Reading, type Series, type StampRule, textOf } from './series.ts'
import type { Stamp } from './stamp-text.ts'
import { instantsOf, startOfLocalDay, type TimeZone } from './time-zone.ts'

const hourMs = 2 * halfHourMs

/** An instant, or why a stamp names none: it cannot be read, or a clock skips it. */
export type Instant = number | 'unreadable' | 'skipped'

export type InstantsResult =
  | { ok: true; atMs: Instant[]; isNewestFirst: boolean; isMonthFirst: boolean; noZone: number }
  | { ok: false; error: LoadError }

/** Days missing between the first and the last of a file's days. */
function missingDays(days: Set<number>): number {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const day of days) {
    first = Math.min(first, day)
    last = Math.max(last, day)
  }
  return (last - first) / dayMs + 1 - days.size
}

/**
 * Whether dates have the month first. A date that can be read in one way only decides; if there is none, the order in
 * which the days of the file follow one another.
 */
function judgeOrder(readings: Reading[], separator: string | undefined): boolean | LoadError {
  const open = readings.filter(({ stamp }) => stamp?.monthFirstDayMs !== undefined)
  const onlyDayFirst = open.find(({ stamp }) => Number.isNaN(stamp?.monthFirstDayMs))
  const onlyMonthFirst = open.find(({ stamp }) => Number.isNaN(stamp?.dayMs))
  if (onlyDayFirst !== undefined && onlyMonthFirst !== undefined) {
    const rows = [onlyDayFirst, onlyMonthFirst].map(({ record }) => `line ${record.line}: ${textOf(record, separator)}`)
    const message = `some dates have the day first and some the month (${rows.join('; ')}). Write all dates as YYYY-MM-DD.`
    return { code: 'misfit', message, line: onlyMonthFirst.record.line }
  }
  if (onlyDayFirst !== undefined || onlyMonthFirst !== undefined) return onlyMonthFirst !== undefined
  if (open.every(({ stamp }) => stamp?.dayMs === stamp?.monthFirstDayMs)) return false
  const dayFirst = missingDays(new Set(open.map(({ stamp }) => stamp?.dayMs ?? 0)))
  const monthFirst = missingDays(new Set(open.map(({ stamp }) => stamp?.monthFirstDayMs ?? 0)))
  if (dayFirst !== monthFirst) return monthFirst < dayFirst
  const [first] = open
  const example = first === undefined ? '' : ` (line ${first.record.line}: ${textOf(first.record, separator)})`
  const message = `dates such as the first${example} may have the day or the month first, and nothing in the file says which. Write dates as YYYY-MM-DD.`
  return { code: 'misfit', message, line: first?.record.line ?? 1 }
}

/** What the clock of a stamp shows, as if it were UTC. */
function wallOf(stamp: Stamp, isMonthFirst: boolean): number {
  const day = isMonthFirst && stamp.monthFirstDayMs !== undefined ? stamp.monthFirstDayMs : stamp.dayMs
  return day + stamp.timeMs
}

function isLastSunday(wallMs: number, month: number): boolean {
  const date = new Date(wallMs)
  return date.getUTCMonth() === month && date.getUTCDay() === 0 && date.getUTCDate() > 24
}

/** Stamps of the hours of a night in which clocks may change; those from 01:00 to 04:00 as a clock shows them. */
function isInChange(wallMs: number): boolean {
  const ofDay = wallMs % dayMs
  return ofDay >= hourMs && ofDay <= 4 * hourMs
}

/**
 * The first reading that shows that clocks change: a period that only the long day in October has, an hour that stands
 * twice there, or an hour that is missing in March.
 */
function clockChange(readings: Reading[], walls: number[]): Reading | undefined {
  const usualMs = usualStepMs(walls.filter((wallMs) => !Number.isNaN(wallMs))) ?? halfHourMs
  const october = new Map<number, { ms: Set<number>; doubled: Set<number> }>()
  const march = new Map<number, { wallMs: number; reading: Reading }[]>()
  for (const [i, reading] of readings.entries()) {
    const wallMs = walls[i] ?? Number.NaN
    const { stamp } = reading
    if (Number.isNaN(wallMs) || stamp === undefined || reading.value === '') continue
    if (stamp.isElapsed && stamp.timeMs >= dayMs) return reading
    const day = Math.floor(wallMs / dayMs)
    if (isLastSunday(wallMs, 9) && isInChange(wallMs)) {
      const seen = october.get(day) ?? { ms: new Set(), doubled: new Set() }
      october.set(day, seen)
      if (seen.ms.has(wallMs)) seen.doubled.add(wallMs)
      seen.ms.add(wallMs)
      const stepMs = reading.lengthMs ?? usualMs
      if (seen.doubled.size * stepMs >= hourMs) return reading
    }
    if (isLastSunday(wallMs, 2)) march.set(day, [...(march.get(day) ?? []), { wallMs, reading }])
  }
  for (const day of march.values()) {
    const sorted = day.sort((a, b) => a.wallMs - b.wallMs)
    const last = sorted.at(-1)
    if (
      last?.reading.stamp?.isElapsed &&
      sorted.length > 40 &&
      last.wallMs % dayMs === dayMs - hourMs - (last.reading.lengthMs ?? halfHourMs)
    )
      return last.reading
    for (const [i, one] of sorted.entries()) {
      const before = sorted[i - 1]
      if (before === undefined || !isInChange(one.wallMs)) continue
      // One step, and the hour that the clock skipped.
      const steps = sorted.slice(1).map(({ wallMs }, at) => wallMs - (sorted[at]?.wallMs ?? 0))
      const stepMs = Math.min(...steps.filter((step) => step > 0))
      if (sorted.length > 12 && one.wallMs - before.wallMs === stepMs + hourMs) return one.reading
    }
  }
  return undefined
}

function refuseZone(reading: Reading, separator: string | undefined, why: string): InstantsResult {
  const { line } = reading.record
  const message =
    `line ${line} (${textOf(reading.record, separator)}): ${why}. Say whose clock it is: --zone Europe/London for British ` +
    'time, --zone UTC for UTC all year.'
  return { ok: false, error: { code: 'zone', message, line } }
}

/** Instants of wall-clock stamps; of a time that comes twice, the first in time is the earlier one. */
function placeOf(zone: TimeZone, stampsAt: StampRule, doubled: Set<number>) {
  const taken = new Map<string, number>()
  return (stamp: Stamp, wallMs: number, lengthMs: number, key: string): Instant => {
    if (stamp.isElapsed) {
      const day = wallMs - stamp.timeMs
      const atMs = startOfLocalDay(zone, day) + stamp.timeMs
      return atMs < startOfLocalDay(zone, day + dayMs) ? atMs : 'skipped'
    }
    let candidates = instantsOf(zone, wallMs)
    // The end of an interval may be written by the clock of its start: 02:00 for the end of 01:30 before clocks go back.
    if (stampsAt === 'end' && (candidates.length === 0 || (candidates.length === 1 && doubled.has(wallMs)))) {
      candidates = instantsOf(zone, wallMs - lengthMs).map((atMs) => atMs + lengthMs)
    }
    const [first, second] = candidates
    if (first === undefined) return 'skipped'
    if (second === undefined) return first
    const count = taken.get(key) ?? 0
    taken.set(key, count + 1)
    return count === 0 ? first : second
  }
}

function isNewestFirst(walls: number[]): boolean {
  let falls = 0
  let rises = 0
  for (let i = 1; i < walls.length; i++) {
    const [before, now] = [walls[i - 1] ?? Number.NaN, walls[i] ?? Number.NaN]
    if (now < before) falls += 1
    if (now > before) rises += 1
  }
  return falls > rises
}

/**
 * The instants of a file's stamps.
 * @param zone of stamps without one; undefined: UTC, unless the file shows that its clock changes, which is an error
 * @param stampsAt what the stamps name
 */
export function instantsOfSeries(series: Series, zone: TimeZone | undefined, stampsAt: StampRule): InstantsResult {
  const { readings, separator } = series
  const isMonthFirst = judgeOrder(readings, separator)
  if (typeof isMonthFirst !== 'boolean') return { ok: false, error: isMonthFirst }
  const walls = readings.map(({ stamp }) => (stamp === undefined ? Number.NaN : wallOf(stamp, isMonthFirst)))
  const bare = readings.map(({ stamp }, i) =>
    stamp === undefined || stamp.zoneMinutes !== undefined ? Number.NaN : (walls[i] ?? Number.NaN),
  )
  if (zone === undefined && !series.isUtc) {
    const change = clockChange(readings, bare)
    if (change !== undefined)
      return refuseZone(change, separator, 'the stamps show that clocks change, and no zone is given')
    const summer = series.isLocal ? readings.find((_, i) => localAheadMs(bare[i] ?? Number.NaN) > 0) : undefined
    if (summer !== undefined)
      return refuseZone(summer, separator, 'these days are local days, in summer, and no zone is given')
  }
  const newestFirst = isNewestFirst(walls)
  const counts = new Set<number>()
  const doubled = new Set<number>()
  for (const wallMs of bare) {
    if (counts.has(wallMs)) doubled.add(wallMs)
    counts.add(wallMs)
  }
  const place = zone === undefined || series.isUtc ? undefined : placeOf(zone, stampsAt, doubled)
  const atMs: Instant[] = new Array(readings.length).fill('unreadable')
  let noZone = 0
  for (let n = 0; n < readings.length; n++) {
    const i = newestFirst ? readings.length - 1 - n : n
    const reading = readings[i]
    const wallMs = walls[i]
    if (reading?.stamp === undefined || wallMs === undefined || Number.isNaN(wallMs)) continue
    const { stamp, lengthMs = halfHourMs, meter } = reading
    if (stamp.zoneMinutes !== undefined) {
      atMs[i] = wallMs - stamp.zoneMinutes * 60000
      continue
    }
    noZone += 1
    atMs[i] =
      place === undefined
        ? stamp.isElapsed && stamp.timeMs >= dayMs
          ? 'skipped'
          : wallMs
        : place(stamp, wallMs, lengthMs, `${meter} ${wallMs}`)
  }
  return { ok: true, atMs, isNewestFirst: newestFirst, isMonthFirst, noZone }
}

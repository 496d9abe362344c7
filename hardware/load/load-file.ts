// A load profile from a file of half-hourly readings. What is wrong with the file is counted and said, never mended in
// silence.

import { dayOfHalfHour, firstHalfHourOfDay } from '../../protocol/half-hour.ts'
import { halfHoursPerDay } from '../../protocol/limits.ts'
import type { Layout, StampRule } from './load-layouts.ts'
import { expectedLayouts, hasColumns, readRow, recogniseLayout, splitLine } from './load-layouts.ts'
import type { LoadProfile } from './load-profile.ts'
import type { Defect, DefectKind, LoadReport } from './load-report.ts'
import { defectRules, listed, safe } from './load-report.ts'

export interface LoadOptions {
  /** What a stamp names; 'start' unless given. A row a day always begins at 00:00 UTC. */
  stamps?: StampRule
  /** The LCLid to take from a file of several. */
  household?: string
  /** The most kWh of a half-hour; 34.5 unless given: 100 A on three phases of 230 V. At most 16,777. */
  maxKwh?: number
  /** Limits of the text: 64 Mi characters and 2,000,000 rows unless given. */
  maxCharacters?: number
  maxRows?: number
}

export interface LoadError {
  code: 'too-large' | 'unrecognised' | 'households' | 'no-usable-row'
  /** What is wrong, what was expected, and what to do. */
  message: string
  /** The line of the file, where there is one. */
  line?: number
}

export type LoadResult = { ok: true; profile: LoadProfile; report: LoadReport } | { ok: false; error: LoadError }

// A meter keeps a half-hour in 24 bits of Wh.
const meterKwhMax = 16777

function refuse(code: LoadError['code'], message: string, line?: number): LoadResult {
  return { ok: false, error: line === undefined ? { code, message } : { code, message, line } }
}

function* linesOf(text: string): Generator<{ line: number; text: string }> {
  // Old spreadsheets end lines with a carriage return alone.
  const end = text.includes('\n') ? '\n' : '\r'
  let at = text.startsWith('\ufeff') ? 1 : 0
  for (let line = 1; at < text.length; line++) {
    const next = text.indexOf(end, at)
    const until = next < 0 ? text.length : next
    yield { line, text: text.slice(at, until) }
    at = until + 1
  }
}

/**
 * Whole Wh from kWh. The part of a Wh that rounding leaves is carried into the next reading, so that the sum up to any
 * reading differs from the file's by at most half a Wh.
 */
function roundedWh(kwh: Float64Array): Int32Array {
  let carry = 0
  return Int32Array.from(kwh, (value) => {
    const owed = value * 1000 + carry
    const whole = Math.max(0, Math.round(owed))
    carry = owed - whole
    return whole
  })
}

/** The readings of one UTC day: kWh (not a number for none) and the line of each. */
interface Day {
  kwh: Float64Array
  lines: Int32Array
}

/** What has been read so far. By days: a hundred years in any order take 30 MB. */
interface Collected {
  days: Map<number, Day>
  readings: number
  newest: number
  defects: Map<DefectKind, Defect>
  rows: number
  /** Rows of households other than the one taken. */
  others: Map<string, number>
}

function count({ defects }: Collected, kind: DefectKind, line: number, text: string): void {
  const defect = defects.get(kind) ?? { kind, count: 0, first: [] }
  defects.set(kind, defect)
  defect.count += 1
  if (defect.first.length < listed) defect.first.push({ line, text: safe(text) })
}

function take(all: Collected, halfHour: number, kwh: number, line: number, text: string): void {
  const number = dayOfHalfHour(halfHour)
  const day = all.days.get(number) ?? {
    kwh: new Float64Array(halfHoursPerDay).fill(Number.NaN),
    lines: new Int32Array(halfHoursPerDay),
  }
  all.days.set(number, day)
  const slot = halfHour - firstHalfHourOfDay(number)
  const before = day.kwh[slot]!
  if (!Number.isNaN(before)) {
    count(all, before === kwh ? 'doubled' : 'doubled-different', line, text)
    return
  }
  if (halfHour < all.newest) count(all, 'out-of-order', line, text)
  all.newest = Math.max(all.newest, halfHour)
  all.readings += 1
  day.kwh[slot] = kwh
  day.lines[slot] = line
}

/** Why nothing can be made of the file although its layout is known, if so. */
function unusable(all: Collected, household: string | undefined, chosen: boolean): LoadResult | undefined {
  const { others, defects } = all
  const names = [...new Set([...(chosen || household === undefined ? [] : [household]), ...others.keys()])]
  const list = names.slice(0, listed).map(safe).join(', ') + (names.length > listed ? ', …' : '')
  if (others.size > 0 && !chosen) {
    return refuse('households', `the file holds ${names.length} households (${list}). Choose one with --household.`)
  }
  if (all.readings > 0) return undefined
  if (others.size > 0) {
    return refuse('households', `the file has no usable row of household ${safe(household ?? '')}. It holds ${list}.`)
  }
  const most = [...defects.values()].sort((a, b) => b.count - a.count)[0]
  const example =
    most === undefined ? 'it has no row of data' : `from line ${most.first[0]!.line}: ${defectRules[most.kind]}`
  return refuse('no-usable-row', `the file has no usable row (${example}). ${expectedLayouts}`, most?.first[0]?.line)
}

/** Puts the readings in order and rounds them. */
function summedUp(all: Collected, layout: Layout, stamps: StampRule): LoadResult {
  const halfHours = new Int32Array(all.readings)
  const kwh = new Float64Array(all.readings)
  const gaps: LoadReport['gaps'] = { halfHours: 0, stretches: 0, first: [] }
  let at = 0
  for (const number of [...all.days.keys()].sort((a, b) => a - b)) {
    const day = all.days.get(number)!
    for (let slot = 0; slot < halfHoursPerDay; slot++) {
      if (Number.isNaN(day.kwh[slot])) continue
      const halfHour = firstHalfHourOfDay(number) + slot
      const missing = at === 0 ? 0 : halfHour - halfHours[at - 1]! - 1
      if (missing > 0) {
        gaps.halfHours += missing
        gaps.stretches += 1
        if (gaps.first.length < listed) {
          gaps.first.push({ halfHour: halfHour - missing, count: missing, nextLine: day.lines[slot]! })
        }
      }
      halfHours[at] = halfHour
      kwh[at] = day.kwh[slot]!
      at += 1
    }
  }
  const profile = { halfHours, wh: roundedWh(kwh) }
  const report: LoadReport = {
    layout: layout.name,
    stamps: layout.name === 'day-rows' ? 'start' : stamps,
    rows: all.rows,
    otherRows: [...all.others.values()].reduce((sum, value) => sum + value, 0),
    readings: all.readings,
    firstHalfHour: halfHours[0]!,
    lastHalfHour: halfHours.at(-1)!,
    kwh: kwh.reduce((sum, value) => sum + value, 0),
    wh: profile.wh.reduce((sum, value) => sum + value, 0),
    defects: [...all.defects.values()],
    gaps,
  }
  return { ok: true, profile, report }
}

/**
 * Reads a load profile from CSV text, with or without a byte order mark. The layout is recognised from the first line;
 * `expectedLayouts` names them.
 *
 * Rules: a row that cannot be read, is off the half-hour grid, has no number, a negative or an absurd one is left out and
 * leaves a gap; it counts once, as the first of these that it is. Of a half-hour that stands twice the first row is
 * kept. Rows out of order are put in order. A gap stays a gap. All of it is counted in the report.
 * Never throws on content: what cannot be imported at all is an error value.
 */
export function importLoad(text: string, options: LoadOptions = {}): LoadResult {
  const { stamps = 'start', maxCharacters = 64 * 1024 * 1024, maxRows = 2000000 } = options
  const maxKwh = Math.min(options.maxKwh ?? 34.5, meterKwhMax)
  if (text.length > maxCharacters) {
    return refuse('too-large', `the file has ${text.length} characters; at most ${maxCharacters} are read. Split it.`)
  }
  const all: Collected = {
    days: new Map(),
    readings: 0,
    newest: Number.NEGATIVE_INFINITY,
    defects: new Map(),
    rows: 0,
    others: new Map(),
  }
  let layout: Layout | undefined
  let household = options.household

  for (const { line, text: row } of linesOf(text)) {
    if (row.trim() === '') continue
    if (layout === undefined) {
      layout = recogniseLayout(row)
      if (layout === undefined) {
        return refuse('unrecognised', `line ${line} is in no layout that is known. ${expectedLayouts}`, line)
      }
      if (household !== undefined && layout.household < 0) {
        return refuse('households', 'only Low Carbon London files name households; leave --household out.', line)
      }
      if (layout.hasHeader) continue
    }
    all.rows += 1
    if (all.rows > maxRows) {
      return refuse('too-large', `the file has more rows than ${maxRows} (line ${line}). Split it.`, line)
    }
    const fields = splitLine(row, layout.separator)
    // A row cut short names nobody for certain; it is a defect of the file.
    const name = hasColumns(layout, fields) && layout.household >= 0 ? fields[layout.household]! : ''
    if (name !== '') {
      household ??= name
      if (name !== household) {
        all.others.set(name, (all.others.get(name) ?? 0) + 1)
        continue
      }
    }
    for (const cell of readRow(layout, fields, { stamps, maxKwh })) {
      if ('defect' in cell) count(all, cell.defect, line, row)
      else take(all, cell.halfHour, cell.kwh, line, row)
    }
  }

  if (layout === undefined) return refuse('unrecognised', `the file is empty. ${expectedLayouts}`)
  return unusable(all, household, options.household !== undefined) ?? summedUp(all, layout, stamps)
}

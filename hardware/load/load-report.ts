// What an import found, in numbers and in words.

import { stampOfHalfHour, startOfHalfHour } from '../../protocol/half-hour.ts'
import { inWords } from './interval.ts'
import { type StampRule, safe } from './series.ts'

/** Why a value was left out. */
export type LeftOut =
  | 'columns'
  | 'stamp'
  | 'skipped'
  | 'off-grid'
  | 'far-apart'
  | 'other-length'
  | 'no-value'
  | 'not-a-number'
  | 'negative'
  | 'absurd'
  | 'doubled'
  | 'doubled-different'
  | 'incomplete'
  | 'other-meter'

/** What is done with each kind. Those that are not faults of the file do not count against it. */
export const leftOutRules: { readonly [reason in LeftOut]: { text: string; isFault: boolean } } = {
  columns: { text: 'rows with more cells than there are columns, left out', isFault: true },
  stamp: { text: 'stamps that cannot be read, left out', isFault: true },
  skipped: { text: 'times that the clock of the zone does not show on that day, left out', isFault: true },
  'off-grid': { text: 'stamps that are not on a half-hour or its parts, left out, not moved', isFault: true },
  'far-apart': { text: 'stamps more than a year from all others, left out', isFault: true },
  'other-length': { text: 'values of another length of time than most, left out', isFault: true },
  'no-value': { text: 'empty or Null values, left out, a gap', isFault: false },
  'not-a-number': { text: 'values that are not a number, left out, a gap', isFault: true },
  negative: { text: 'negative values, left out, a gap', isFault: true },
  absurd: { text: 'values that no connection can carry, left out, a gap', isFault: true },
  doubled: { text: 'half-hours that stand again with the same value, kept once', isFault: false },
  'doubled-different': {
    text: 'half-hours that stand again with another value, the first in the file kept',
    isFault: true,
  },
  incomplete: { text: 'values of half-hours of which a part is missing, left out, a gap', isFault: true },
  'other-meter': { text: 'values of other meters, left out', isFault: false },
}

/** One reason why values were left out. */
export interface LeftOutValues {
  reason: LeftOut
  count: number
  /** Whole Wh; rounded so that all parts of a report add up. */
  wh: number
  /** The first ten, by line of the file. `text` is at most 60 characters, made safe to print. */
  first: { line: number; text: string }[]
}

export interface LoadReport {
  /** In words. */
  layout: string
  /** Length of the file's intervals. */
  intervalMs: number
  stamps: StampRule
  /** Name of the zone of stamps without one; undefined when all have one. */
  zone: string | undefined
  isMonthFirst: boolean
  /** Values in the file, those of other meters among them. */
  values: number
  /** Half-hours taken. */
  readings: number
  firstHalfHour: number
  lastHalfHour: number
  /** Energy of the half-hours taken, in whole Wh. */
  wh: number
  /** Energy of the file: what was taken and what was left out. */
  fileWh: number
  /** Only reasons that occur. */
  leftOut: LeftOutValues[]
  /** Rows that stand behind a later one, in a file that runs neither forwards nor backwards; used. */
  outOfOrder: number
  /** Half-hours missing between the first and the last; the first ten stretches of them. */
  gaps: { halfHours: number; stretches: number; first: { halfHour: number; count: number; nextLine: number }[] }
  /** Values of rows that are a total, not part of the file's energy. */
  totals: string[]
  /** Rows of another quantity, such as reactive energy, not part of the file's energy. */
  otherQuantityRows: number
  notes: string[]
}

/** How many examples of each kind are listed. */
export const listed = 10

function minute(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`
}

/** Wh as kWh, to the Wh. */
export function kwhText(wh: number): string {
  return `${(wh / 1000).toFixed(3)} kWh`
}

function stampLine({ zone, stamps, isMonthFirst }: LoadReport): string {
  const clock = zone === undefined ? 'stamps say their zone' : `stamps without a zone are taken as ${zone} (--zone)`
  return `${clock}, and as the ${stamps} of their interval (--stamps)${isMonthFirst ? '; dates have the month first' : ''}`
}

/** What was taken and what was left out, and that they add up. */
function energyLines(report: LoadReport): string[] {
  const { leftOut, fileWh, wh } = report
  const lines: string[] = []
  for (const { reason, count, wh: partWh, first } of leftOut) {
    lines.push(`${leftOutRules[reason].text}: ${count}, ${kwhText(partWh)}`)
    if (reason === 'other-meter') continue
    for (const { line, text } of first) lines.push(`  line ${line}: ${text}`)
    if (count > first.length) lines.push(`  and ${count - first.length} more`)
  }
  const parts = leftOut.reduce((sum, part) => sum + part.wh, 0)
  lines.push(`energy of the file: ${kwhText(fileWh)} = ${kwhText(wh)} taken + ${kwhText(parts)} left out`)
  return lines
}

/** The report as lines of text for a person. */
export function describeReport(report: LoadReport): string[] {
  const { layout, values, readings, gaps, intervalMs, totals, otherQuantityRows } = report
  const span = `${minute(startOfHalfHour(report.firstHalfHour))} to ${minute(stampOfHalfHour(report.lastHalfHour))}`
  const lines = [
    `${layout}: ${readings} half-hours from ${values} values of ${inWords(intervalMs)}, ${span}, ${kwhText(report.wh)}`,
    stampLine(report),
    ...report.notes,
    ...energyLines(report),
  ]
  if (report.outOfOrder > 0)
    lines.push(`rows later in the file than a later half-hour, put in order and used: ${report.outOfOrder}`)
  if (otherQuantityRows > 0) lines.push(`rows of another quantity or unit, not read: ${otherQuantityRows}`)
  if (totals.length > 0)
    lines.push(`rows that are a total, not read: ${totals.length} (${totals.slice(0, 3).map(safe).join(', ')})`)
  if (gaps.stretches > 0) {
    lines.push(`${gaps.halfHours} half-hours missing in ${gaps.stretches} gaps: the meter is off there`)
  }
  for (const gap of gaps.first) {
    lines.push(`  before line ${gap.nextLine}: ${gap.count} from ${minute(startOfHalfHour(gap.halfHour))}`)
  }
  if (gaps.stretches > gaps.first.length) lines.push(`  and ${gaps.stretches - gaps.first.length} more`)
  return lines
}

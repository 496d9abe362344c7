// What an import found, in numbers and in words.

import { stampOfHalfHour, startOfHalfHour } from '../../protocol/half-hour.ts'
import type { LayoutName, RowDefect, StampRule } from './load-layouts.ts'

export type DefectKind = RowDefect | 'doubled' | 'doubled-different' | 'out-of-order'

export interface Defect {
  kind: DefectKind
  count: number
  /** The first ten, by line of the file (counted from 1). `text` is at most 60 characters, made safe to print. */
  first: { line: number; text: string }[]
}

export interface LoadReport {
  layout: LayoutName
  stamps: StampRule
  /** Lines with data; the header and blank lines do not count. */
  rows: number
  /** Rows of other households, left out. */
  otherRows: number
  /** Half-hours read. */
  readings: number
  firstHalfHour: number
  lastHalfHour: number
  /** Their energy as the file has it, and in the whole Wh that the profile has. */
  kwh: number
  wh: number
  /** Only kinds that occur. */
  defects: Defect[]
  /** Half-hours missing between the first and the last; the first ten stretches of them. */
  gaps: { halfHours: number; stretches: number; first: { halfHour: number; count: number; nextLine: number }[] }
}

/** How many examples of each kind are listed. */
export const listed = 10

/** What is done with each kind of defect. */
export const defectRules: Record<DefectKind, string> = {
  columns: 'rows with the wrong number of columns, left out',
  stamp: 'rows whose stamp cannot be read, left out',
  'off-grid': 'stamps that are not on a half-hour, left out, not moved',
  'no-value': 'empty or Null values, left out, a gap',
  'not-a-number': 'values that are not a number, left out, a gap',
  negative: 'negative values, left out, a gap',
  absurd: 'values above the most a half-hour can take, left out, a gap',
  doubled: 'half-hours that stand again with the same value, kept once',
  'doubled-different': 'half-hours that stand again with another value, the first in the file kept',
  'out-of-order': 'rows later in the file than a later half-hour, put in order and used',
}

/** Text of a file for a terminal: no control characters, not long. */
export function safe(text: string): string {
  return text.slice(0, 60).replace(/\p{C}/gu, '?')
}

function minute(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`
}

/** The report as lines of text for a person. */
export function describeReport(report: LoadReport): string[] {
  const { layout, stamps, rows, otherRows, readings, gaps } = report
  const span = `${minute(startOfHalfHour(report.firstHalfHour))} to ${minute(stampOfHalfHour(report.lastHalfHour))}`
  const lines = [
    `${layout}: ${readings} half-hours from ${rows} rows, ${span}, ${report.kwh.toFixed(3)} kWh (${report.wh} Wh)`,
    `stamps without a zone are taken as UTC, and as the ${stamps} of their half-hour (--stamps)`,
  ]
  if (otherRows > 0) lines.push(`${otherRows} rows of other households, left out`)
  for (const defect of report.defects) {
    lines.push(`${defectRules[defect.kind]}: ${defect.count}`)
    for (const { line, text } of defect.first) lines.push(`  line ${line}: ${text}`)
    if (defect.count > defect.first.length) lines.push(`  and ${defect.count - defect.first.length} more`)
  }
  if (gaps.stretches > 0)
    lines.push(`${gaps.halfHours} half-hours missing in ${gaps.stretches} gaps: the meter is off there`)
  for (const gap of gaps.first) {
    lines.push(`  before line ${gap.nextLine}: ${gap.count} from ${minute(startOfHalfHour(gap.halfHour))}`)
  }
  if (gaps.stretches > gaps.first.length) lines.push(`  and ${gaps.stretches - gaps.first.length} more`)
  return lines
}

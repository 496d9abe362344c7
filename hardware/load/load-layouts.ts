// The layouts of half-hourly files that people hold, and how their stamps and numbers are read. Nothing here throws,
// whatever the text is.

import { halfHourMs } from '../../protocol/half-hour.ts'

export type LayoutName = 'low-carbon-london' | 'two-columns' | 'day-rows'

/** Whether a stamp names the start or the end of its half-hour. */
export type StampRule = 'start' | 'end'

export interface Layout {
  name: LayoutName
  separator: string
  hasHeader: boolean
  /** Columns of household, stamp and value; -1 for a household that the layout does not name. */
  household: number
  stamp: number
  value: number
}

/** What is wrong with a row, or with one value of a row of 48. */
export type RowDefect = 'columns' | 'stamp' | 'off-grid' | 'no-value' | 'not-a-number' | 'negative' | 'absurd'

/** One reading of a row, or why there is none. */
export type Cell = { halfHour: number; kwh: number } | { defect: RowDefect }

/** The layouts in words, for messages. */
export const expectedLayouts =
  'Expected one of: Low Carbon London (LCLid,stdorToU,DateTime,KWH/hh (per half hour)); two columns, timestamp and kWh, ' +
  'such as 2024-01-31T00:30Z,0.125; a row a day, a date and 48 kWh values. Separators: comma, semicolon or tab.'

const dayValues = 48
// Nothing longer is a stamp or a number; it also keeps hostile lines cheap.
const fieldLengthMax = 40

/** The fields of a line, trimmed. A field in double quotes may hold the separator, and a quote written twice. */
export function splitLine(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator).map((field) => field.trim())
  const fields: string[] = []
  let field = ''
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const character = line[i]!
    if (character === '"') {
      if (quoted && line[i + 1] === '"') {
        field += '"'
        i += 1
      } else quoted = !quoted
    } else if (character === separator && !quoted) {
      fields.push(field.trim())
      field = ''
    } else field += character
  }
  fields.push(field.trim())
  return fields
}

function withoutEmptyTail(fields: string[]): string[] {
  let count = fields.length
  while (count > 0 && fields[count - 1] === '') count -= 1
  return fields.slice(0, count)
}

const isoDate = /^(\d{4})-(\d{2})-(\d{2})$/
const britishDate = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/
const time = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** Start of the day that a text names (YYYY-MM-DD or DD/MM/YYYY, 2000 to 2099), in milliseconds UTC. */
export function readDate(text: string): number | undefined {
  const iso = isoDate.exec(text)
  const british = iso === null ? britishDate.exec(text) : null
  const parts = iso !== null ? [iso[1], iso[2], iso[3]] : british !== null ? [british[3], british[2], british[1]] : []
  if (parts.length === 0) return undefined
  const [year, month, day] = parts.map(Number) as [number, number, number]
  if (year < 2000 || year > 2099) return undefined
  const date = new Date(Date.UTC(year, month - 1, day))
  // Date carries 31 February over into March.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined
}

/**
 * The instant that a stamp names, in milliseconds UTC: a date, then `T` or blanks, then HH:MM[:SS[.fraction]] and an
 * optional zone (Z, +01:00, +0100). Without a zone it is taken as UTC. 24:00 is the end of the day.
 */
export function readStamp(text: string): number | undefined {
  if (text.length > fieldLengthMax) return undefined
  const cut = text.search(/[T ]/i)
  if (cut < 0) return undefined
  const dayStartMs = readDate(text.slice(0, cut))
  const clock = time.exec(text.slice(cut + 1).replaceAll(' ', ''))
  if (dayStartMs === undefined || clock === null) return undefined
  const hour = Number(clock[1])
  const minute = Number(clock[2])
  const second = Number(clock[3] ?? 0) + Number(`0.${clock[4] ?? 0}`)
  if (minute > 59 || second >= 60 || hour > 24 || (hour === 24 && minute + second > 0)) return undefined
  const zone = clock[5] ?? 'Z'
  const zoneMinutes =
    zone.toUpperCase() === 'Z'
      ? 0
      : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)))
  return dayStartMs + (hour * 60 + minute - zoneMinutes) * 60000 + second * 1000
}

const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const noValue = /^(?:null|nan|n\/a|na|none|-)?$/i

function readKwh(text: string, decimalComma: boolean): number | RowDefect {
  if (noValue.test(text)) return 'no-value'
  const plain = decimalComma ? text.replace(',', '.') : text
  if (plain.length > fieldLengthMax || !number.test(plain)) return 'not-a-number'
  return Number(plain)
}

/** Finds out the layout from the first line that is not blank. */
export function recogniseLayout(line: string): Layout | undefined {
  const separator = line.includes('\t') ? '\t' : line.includes(';') ? ';' : ','
  const fields = withoutEmptyTail(splitLine(line, separator))
  const names = fields.map((field) => field.toLowerCase())
  const household = names.indexOf('lclid')
  if (household >= 0) {
    const stamp = names.findIndex((name) => name === 'datetime' || name === 'tstp')
    const value = names.findIndex((name) => name.startsWith('kwh/hh') || name.startsWith('energy(kwh/hh)'))
    if (stamp < 0 || value < 0) return undefined
    return { name: 'low-carbon-london', separator, hasHeader: true, household, stamp, value }
  }
  if (fields.length === 4 && /^MAC\d+$/.test(fields[0]!) && readStamp(fields[2]!) !== undefined) {
    return { name: 'low-carbon-london', separator, hasHeader: false, household: 0, stamp: 2, value: 3 }
  }
  const layout = { separator, household: -1, stamp: 0, value: 1 }
  if (readDate(fields[0] ?? '') !== undefined && splitLine(line, separator).length > 2) {
    return { ...layout, name: 'day-rows', hasHeader: false }
  }
  if (fields.length === dayValues + 1) return { ...layout, name: 'day-rows', hasHeader: true }
  if (fields.length !== 2) return undefined
  const hasHeader = readStamp(fields[0]!) === undefined && typeof readKwh(fields[1]!, separator !== ',') !== 'number'
  // A header that names another unit: a thousandfold error is worse than a refusal.
  if (hasHeader && /\b(?:wh|mwh|kw|w)\b/i.test(fields[1]!) && !/kwh/i.test(fields[1]!)) return undefined
  return { ...layout, name: 'two-columns', hasHeader }
}

export interface CellRules {
  stamps: StampRule
  /** The most kWh of a half-hour. */
  maxKwh: number
}

function cellOf(startMs: number, text: string, decimalComma: boolean, rules: CellRules): Cell {
  // Off the grid comes first: such a row would be left out whatever its value.
  if (startMs % halfHourMs !== 0) return { defect: 'off-grid' }
  const kwh = readKwh(text, decimalComma)
  if (typeof kwh !== 'number') return { defect: kwh }
  if (kwh < 0) return { defect: 'negative' }
  if (kwh > rules.maxKwh) return { defect: 'absurd' }
  return { halfHour: startMs / halfHourMs, kwh }
}

/** True when a row has the columns that its layout names; two columns must be two. */
export function hasColumns(layout: Layout, fields: string[]): boolean {
  if (layout.name === 'two-columns' && withoutEmptyTail(fields).length > 2) return false
  return fields.length > Math.max(layout.household, layout.stamp, layout.value)
}

/** The readings of one row: one, or 48 for a row a day. A row that cannot be read at all is one defect. */
export function readRow(layout: Layout, fields: string[], rules: CellRules): Cell[] {
  const decimalComma = layout.separator !== ','
  if (layout.name === 'day-rows') {
    const dayStartMs = readDate(fields[0]!)
    if (dayStartMs === undefined) return [{ defect: 'stamp' }]
    // A separator at the end of the line makes one empty field more; empty values at the end are gaps.
    const extra = fields.length - dayValues - 1
    if (extra < 0 || extra > 1 || (extra === 1 && fields.at(-1) !== '')) return [{ defect: 'columns' }]
    return fields
      .slice(1, dayValues + 1)
      .map((text, i) => cellOf(dayStartMs + i * halfHourMs, text, decimalComma, rules))
  }
  if (!hasColumns(layout, fields)) return [{ defect: 'columns' }]
  const stampMs = readStamp(fields[layout.stamp]!)
  if (stampMs === undefined) return [{ defect: 'stamp' }]
  const startMs = rules.stamps === 'end' ? stampMs - halfHourMs : stampMs
  return [cellOf(startMs, fields[layout.value]!, decimalComma, rules)]
}

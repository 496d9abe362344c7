// The layout of a table of readings: by the names of its columns, or by its first row where it has no header.

import { minutesOf } from './column-names.ts'
import type { CsvRecord } from './csv-records.ts'
import { layoutOfHeader } from './header-layout.ts'
import { type LoadError, textOf } from './series.ts'
import { readDate, readStamp, readTimeText } from './stamp-text.ts'
import { expectedLayouts, noColumns, readingRows, type TableLayout } from './table-columns.ts'

export interface FoundLayout {
  layout: TableLayout
  /** Index of the first record of data. */
  firstData: number
  header: CsvRecord | undefined
}

const number = /^[+-]?[\d\s]*[.,]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?$/i
const isNumber = (cell: string) => number.test(cell)
const isStamp = (cell: string | undefined) => cell !== undefined && readStamp(cell) !== undefined
const isDate = (cell: string | undefined) => cell !== undefined && readDate(cell) !== undefined
/** Bare digits may be a meter's number as well as an epoch. */
const isWrittenStamp = (cell: string | undefined) => isStamp(cell) && !/^\d+$/.test(cell ?? '')

/** A layout without a header, by its first row. */
function ofData(cells: string[]): TableLayout | undefined {
  const base = { ...readingRows, name: 'without a header', columnCount: cells.length }
  const [first = '', second = '', third = ''] = cells
  if (cells.length === 4 && /^MAC\d+$/.test(first) && isStamp(third)) {
    return { ...base, name: 'Low Carbon London', meter: 0, start: 2, value: 3 }
  }
  const date = isDate(first) ? 0 : isDate(second) ? 1 : -1
  const values = cells.slice(date + 1)
  if (date >= 0 && values.length >= 40 && values.every((cell) => cell === '' || !isWrittenStamp(cell))) {
    // The first row may be shorter than others.
    const slots = Array.from({ length: 50 }, (_, i) => date + 1 + i)
    const common = {
      ...noColumns,
      name: 'a row a day, without a header',
      columnCount: date + 51,
      meter: date === 1 ? 0 : -1,
    }
    return { ...common, kind: 'days', date, slots, slotMinutes: 30, isClock: false, endsWithTotal: false }
  }
  if (cells.length === 2 && isStamp(first) && isNumber(second)) return { ...base, start: 0, value: 1 }
  if (cells.length !== 3 || !isNumber(third)) return undefined
  if (isStamp(first) && isWrittenStamp(first) === isWrittenStamp(second) && isStamp(second)) {
    return { ...base, start: 0, end: 1, value: 2, stampsAt: 'start' }
  }
  if (isDate(first) && readTimeText(second) !== undefined) return { ...base, date: 0, start: 1, value: 2 }
  return isStamp(second) ? { ...base, meter: 0, start: 1, value: 2 } : undefined
}

/** Records that may stand before the header. */
const preambleMax = 50

/** A unit in a title that is not energy; "kWh" has no such unit in it. */
const otherUnit = /(?<![a-z])(?:[kM]?W|[kM]?VA|[kM]?VArh?|k?varh?|therms?|m3|m³)(?![a-zA-Z])/

export type LayoutResult = { ok: true; found: FoundLayout; unit: string | undefined } | { ok: false; error: LoadError }

/** A layout whose unit is only assumed is refused where a line above it names another one. */
function checked(found: FoundLayout, unit: string | undefined, titles: CsvRecord[]): LayoutResult {
  const title = titles.find(({ cells }) => cells.some((cell) => otherUnit.test(cell)))
  if (!found.layout.isUnitAssumed || unit !== undefined || title === undefined) return { ok: true, found, unit }
  const message = `line ${title.line}, "${textOf(title)}", names a unit that is not kWh, and no column names one.`
  return { ok: false, error: { code: 'unit', message, line: title.line } }
}

/**
 * Finds the layout of a table. Lines before the header (titles, `#` comments, a line that says the unit) are passed over.
 * A header that is not understood is an error: data behind it is not taken for a file without a header.
 */
export function findLayout(records: CsvRecord[], direction: 'import' | 'export'): LayoutResult {
  let unit: string | undefined
  let refused: LoadError | undefined
  let before: CsvRecord | undefined
  for (const [index, record] of records.slice(0, preambleMax).entries()) {
    const names = record.cells.map((cell, i) => (i === 0 ? cell.replace(/^#\s*/, '') : cell))
    if (/^units?:?$/i.test(names[0] ?? '') && names.length === 2) {
      unit = names[1]
      continue
    }
    const titles = records.slice(0, index)
    const isComment = record.cells[0]?.startsWith('#') === true
    if (names.length > 1 && !names.some((name) => isWrittenStamp(name) && minutesOf(name) === undefined)) {
      const layout = layoutOfHeader(names, direction, unit)
      if (layout !== undefined && !('refused' in layout)) {
        return checked({ layout, firstData: index + 1, header: record }, unit, titles)
      }
      if (layout !== undefined) refused ??= { ...layout.refused, line: record.line }
    }
    const data = isComment ? undefined : ofData(record.cells)
    if (data !== undefined) {
      if (refused !== undefined) break
      // Names above the first row of data are a header, and one that is not understood.
      const isHeader = before?.cells.length === record.cells.length && !before.cells.some((cell) => isNumber(cell))
      if (!isHeader) return checked({ layout: data, firstData: index, header: undefined }, unit, titles)
      const message = `line ${before?.line}, "${before === undefined ? '' : textOf(before)}", is a header with names that are not known. ${expectedLayouts}`
      refused = { code: 'unrecognised', message, line: before?.line ?? record.line }
      break
    }
    if (!isComment) before = record
  }
  const line = records[0]?.line ?? 1
  const unknown = `line ${line} is in no layout that is known. ${expectedLayouts}`
  return { ok: false, error: refused ?? { code: 'unrecognised', message: unknown, line } }
}

// The readings of a table whose layout is known.

import { dayMs } from '../../protocol/half-hour.ts'
import { kwhOf, minutesOf } from './column-names.ts'
import type { CsvRecord } from './csv-records.ts'
import { type Reading, type Series, type SeriesResult, safe } from './series.ts'
import { readDate, readStamp, readTimeText, type Stamp } from './stamp-text.ts'
import type { DayRows, ReadingRows } from './table-columns.ts'
import { type FoundLayout, findLayout } from './table-layout.ts'

const totalWords =
  /^(?:grand |sub-?)?(?:totals?|sum|somme|summe|gesamt|averages?|avg|mean|max(?:imum)?|min(?:imum)?)\b/i

/** Measurement quantities of half-hourly data flows of the British market, beside units. */
const quantityCodes: { readonly [code: string]: 'import' | 'export' | 'other' } = {
  AI: 'import',
  AE: 'export',
  RI: 'other',
  RE: 'other',
}

/** kWh of one of a row's unit; undefined for a quantity that is not wanted. */
function kwhOfUnitCell(cell: string, direction: 'import' | 'export', known: number): number | undefined {
  const code = quantityCodes[cell.toUpperCase()]
  if (code !== undefined) return code === direction ? (Number.isNaN(known) ? 1 : known) : undefined
  return kwhOf(cell)
}

/** The stamp that two columns make; a start or end may be a time of day beside a date. */
function stampOf(cell: string, date: string | undefined): Stamp | undefined {
  if (date === undefined) return readStamp(cell)
  // "00:00 - 00:30" is a start and an end; a bare number is an hour.
  const start = cell.replace(/(?<=\d)\s*(?:-|to|–)\s*\d.*$/, '')
  const timeMs = readTimeText(/^\d{1,2}$/.test(start) ? `${start}:00` : start)
  if (timeMs === undefined) return readStamp(cell)
  const day = readDate(date)
  return day === undefined ? undefined : { ...withoutBareDate(day), timeMs }
}

function withoutBareDate({ isBareDate: _, ...stamp }: Stamp): Stamp {
  return stamp
}

/** Milliseconds from one stamp to another of the same row; undefined when that cannot be said. */
function lengthOf(start: Stamp | undefined, end: Stamp | undefined): number | undefined {
  if (start === undefined || end === undefined) return undefined
  const at = ({ dayMs: day, monthFirstDayMs = Number.NaN, timeMs, zoneMinutes = 0 }: Stamp) =>
    (Number.isNaN(day) ? monthFirstDayMs : day) + timeMs - zoneMinutes * 60000
  const length = at(end) - at(start)
  // Some give the last minute or second of an interval as its end.
  const whole = length % 60000 === 59000 ? length + 1000 : length % 300000 === 240000 ? length + 60000 : length
  // Midnight as the end of a time of day, and days with two readings of a date, give no length.
  const ofDay = ((whole % dayMs) + dayMs) % dayMs
  return whole > 0 && whole <= 31 * dayMs ? whole : ofDay > 0 && ofDay < dayMs / 2 ? ofDay : undefined
}

function readingOf(layout: ReadingRows, record: CsvRecord, kwhEach: number): Reading {
  const { cells } = record
  const date = layout.date < 0 ? undefined : cells[layout.date]
  let stamp: Stamp | undefined
  let lengthMs: number | undefined
  if (layout.period >= 0) {
    const day = readDate(date ?? '')
    const period = Number(cells[layout.period])
    if (day !== undefined && Number.isInteger(period) && period >= 1 && period <= 50) {
      stamp = { ...withoutBareDate(day), timeMs: (period - 1) * 1800000, isElapsed: true }
    }
  } else {
    stamp = stampOf(cells[layout.start] ?? '', date)
    const end = layout.end < 0 ? undefined : stampOf(cells[layout.end] ?? '', date)
    lengthMs = lengthOf(stamp, end)
  }
  return {
    record,
    meter: layout.meter < 0 ? '' : (cells[layout.meter] ?? ''),
    stamp,
    ...(lengthMs === undefined ? {} : { lengthMs }),
    value: cells[layout.value] ?? '',
    kwhEach,
    ...(cells.length > layout.columnCount ? { isRagged: true as const } : {}),
  }
}

/** True when a row of clock times has its values without the two that a day in spring does not have. */
function isMovedUp(values: string[], day: Stamp): boolean {
  const date = new Date(day.dayMs)
  const isLastSundayOfMarch = date.getUTCMonth() === 2 && date.getUTCDay() === 0 && date.getUTCDate() > 24
  return isLastSundayOfMarch && values.length === 46 && values[2] !== ''
}

/** Milliseconds after midnight at which each column begins, by the clock that the columns are named after. */
function clockStarts(layout: DayRows, names: string[]): number[] {
  const stepMs = layout.slotMinutes * 60000
  const named = layout.slots.map((column) => (minutesOf(names[column] ?? '') ?? 0) * 60000)
  // Columns named after the end: 00:30 first, 00:00 or 24:00 last.
  return named[0] === stepMs ? named.map((endMs) => (endMs || dayMs) - stepMs) : named
}

function readingsOfDay(layout: DayRows, record: CsvRecord, kwhEach: number, names: string[]): Reading[] {
  const cells = layout.endsWithTotal ? record.cells.slice(0, -1) : record.cells
  const stepMs = layout.slotMinutes * 60000
  const meter = layout.meter < 0 ? '' : (cells[layout.meter] ?? '')
  const base = { record, meter, kwhEach, lengthMs: stepMs }
  const day = readDate(cells[layout.date] ?? '')
  const values = layout.slots.map((column) => cells[column] ?? '')
  // The two values more of the long day in October may stand behind the named columns.
  const behind = cells.slice(layout.columnCount)
  const isLongDay = behind.length === 2 && values.length === 48 && layout.slots.at(-1) === layout.columnCount - 1
  if (isLongDay) values.push(...behind)
  const isElapsed =
    !layout.isClock || isLongDay || isMovedUp(cells.slice(layout.slots[0]), day ?? { dayMs: 0, timeMs: 0 })
  const starts = isElapsed ? [] : clockStarts(layout, names)
  const readings = values.map((value, slot): Reading => {
    if (day === undefined) return { ...base, stamp: undefined, value }
    const timeMs = starts[slot] ?? slot * stepMs
    return { ...base, stamp: { ...withoutBareDate(day), timeMs, ...(isElapsed ? { isElapsed: true } : {}) }, value }
  })
  if (!isLongDay) for (const value of behind) readings.push({ ...base, stamp: undefined, value, isRagged: true })
  // Columns that a day does not need are empty; a row without a date is one fault, and its values are counted with it.
  return readings.filter(({ value }, slot) => value !== '' || (day !== undefined && slot < dayMs / stepMs))
}

/** True when the last value of nearly every row is the sum of the values before it. */
function endsWithTotal(layout: DayRows, rows: CsvRecord[]): boolean {
  const number = (cell: string | undefined) => Number((cell ?? '').replace(',', '.'))
  const totalled = rows.filter(({ cells }) => {
    const values = cells.slice(layout.slots[0], -1).map(number)
    const total = number(cells.at(-1))
    return values.length >= 46 && Math.abs(values.reduce((sum, value) => sum + value, 0) - total) <= 0.01 * total + 0.01
  })
  return totalled.length > 0 && totalled.length >= 0.9 * rows.length
}

/** Takes a last row without a stamp whose value is the sum of the others; it is a total without a name. */
function takeTotal({ readings, totals }: Rows): void {
  const number = ({ value }: Reading) => Number(value.replace(',', '.')) || 0
  const last = readings.at(-1)
  if (last === undefined || last.stamp !== undefined || readings.length < 3) return
  const sum = readings.slice(0, -1).reduce((total, reading) => total + number(reading), 0)
  if (sum === 0 || Math.abs(number(last) - sum) > 0.001 * sum) return
  readings.pop()
  totals.push(last.value)
}

interface Rows {
  readings: Reading[]
  totals: string[]
  otherQuantityRows: number
}

function readRows(
  { layout, firstData, header }: FoundLayout,
  records: CsvRecord[],
  direction: 'import' | 'export',
  separator: string,
): Rows {
  const rows: Rows = { readings: [], totals: [], otherQuantityRows: 0 }
  const names = header?.cells ?? []
  const headerText = names.join(separator)
  const valueColumn = layout.kind === 'days' ? (layout.slots[0] ?? 0) : layout.value
  for (const record of records.slice(firstData)) {
    const { cells } = record
    const first = cells.find((cell) => cell !== '') ?? ''
    if (first.startsWith('#') || (headerText !== '' && cells.join(separator) === headerText)) continue
    if (totalWords.test(first)) {
      rows.totals.push(cells[valueColumn] ?? cells.at(-1) ?? '')
      continue
    }
    let kwhEach: number | undefined = layout.kwhEach
    if (layout.unit >= 0) {
      kwhEach = kwhOfUnitCell(cells[layout.unit] ?? '', direction, layout.kwhEach)
      if (kwhEach === undefined) {
        rows.otherQuantityRows += 1
        continue
      }
    }
    if (layout.kind === 'readings') rows.readings.push(readingOf(layout, record, kwhEach))
    else for (const reading of readingsOfDay(layout, record, kwhEach, names)) rows.readings.push(reading)
  }
  return rows
}

/** The series of a table. `direction` is the energy that is wanted, where a file has both. */
export function seriesOfTable(records: CsvRecord[], separator: string, direction: 'import' | 'export'): SeriesResult {
  const result = findLayout(records, direction)
  if (!result.ok) return result
  const { found, unit } = result
  const { layout } = found
  const line = found.header?.line ?? found.firstData
  const unitKwh = unit === undefined ? undefined : kwhOf(unit)
  if (unit !== undefined && unitKwh === undefined) {
    const message = `the file says that its unit is "${safe(unit)}", which is not kWh, Wh or MWh.`
    return { ok: false, error: { code: 'unit', message, line } }
  }
  if (Number.isNaN(layout.kwhEach) && layout.unit < 0 && unitKwh !== undefined) layout.kwhEach = unitKwh
  if (unitKwh !== undefined && found.header === undefined) layout.kwhEach = unitKwh
  if (layout.kind === 'days' && found.header === undefined) {
    layout.endsWithTotal = endsWithTotal(layout, records.slice(found.firstData))
  }
  const rows = readRows(found, records, direction, separator)
  if (layout.kind === 'readings') takeTotal(rows)
  const { readings, totals, otherQuantityRows } = rows
  if (readings.length === 0 && otherQuantityRows > 0) {
    const units = new Set(records.slice(found.firstData).map(({ cells }) => safe(cells[layout.unit] ?? '')))
    const message = `no row is active energy in kWh, Wh or MWh: the column of units says ${[...units].slice(0, 5).join(', ')}.`
    return { ok: false, error: { code: 'unit', message, line } }
  }
  const series: Series = {
    layout: layout.name,
    readings,
    separator,
    stampsAt: layout.kind === 'days' ? 'start' : layout.stampsAt,
    stampsUsually: layout.kind === 'days' ? undefined : layout.stampsUsually,
    isUtc: layout.isUtc,
    isLocal: layout.isLocal,
    register: layout.kind === 'days' ? 'no' : layout.register,
    otherQuantityRows,
    totals,
    notes: [],
  }
  return { ok: true, series }
}

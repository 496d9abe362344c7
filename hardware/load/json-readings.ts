// Readings from JSON: a list of objects (Octopus, n3rgy and like them) or of pairs (Glowmarkt), wherever it stands.

import type { CsvRecord } from './csv-records.ts'
import type { SeriesResult } from './series.ts'
import { expectedLayouts } from './table-columns.ts'
import { seriesOfTable } from './table-readings.ts'

type Json = { [name: string]: unknown }

/** A list of readings and what is said beside it. */
interface Found {
  rows: Json[]
  unit: string | undefined
  meter: string | undefined
}

const depthMax = 8

/** Names that only n3rgy's API has; it stamps the end of the half-hour. */
const n3rgyNames = /"(?:granularity|availableCacheRange|primaryValue)"\s*:/

function scalar(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

/** Names and values of an object, values inside of objects among them; deeper ones are left out. */
function flat(row: Json): Json {
  const entries = Object.entries(row).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, deep]) => [`${name} ${inner}`, deep])
      : [[name, value]],
  )
  return Object.fromEntries(entries)
}

/** The rows of a list; undefined when it is no list of readings. */
function rowsOf(list: unknown[]): Json[] | undefined {
  const [first] = list
  if (Array.isArray(first)) {
    // Pairs of an instant and a value; a list of names may stand above them.
    const isNamed = first.every((cell) => typeof cell === 'string' && Number.isNaN(Number(cell)))
    const names = isNamed ? first.map(String) : ['timestamp', 'value']
    if (first.length < 2) return undefined
    const data = (isNamed ? list.slice(1) : list).filter(Array.isArray)
    return data.map((cells) =>
      Object.fromEntries(cells.map((cell: unknown, i: number) => [names[i] ?? `column ${i}`, cell])),
    )
  }
  if (typeof first !== 'object' || first === null) return undefined
  const rows = list.filter((row): row is Json => typeof row === 'object' && row !== null).map(flat)
  const names = Object.keys(rows[0] ?? {})
  const hasScalars = rows.some((row) => Object.values(row).filter((value) => typeof value !== 'object').length >= 2)
  return hasScalars && names.length >= 2 ? rows : undefined
}

/** Lists of readings anywhere in a value, with the unit and the meter that stand nearest. */
function lists(value: unknown, unit: string | undefined, meter: string | undefined, depth: number): Found[] {
  if (depth > depthMax || typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) {
    const rows = rowsOf(value)
    const inner = value.flatMap((one) => (Array.isArray(one) ? [] : lists(one, unit, meter, depth + 1)))
    // A list of devices, each with its readings, is not itself one of readings.
    if (inner.length > 0 && value.every((one) => typeof one === 'object')) return inner
    return rows === undefined ? [] : [{ rows, unit, meter }]
  }
  const object = value as Json
  const ownUnit = scalar(object.unit ?? object.units ?? object.uom) ?? unit
  const ownMeter =
    scalar(object.deviceId ?? object.meterId ?? object.meter_id ?? object.mpan ?? object.mpxn ?? object.identifier) ??
    meter
  return Object.values(object).flatMap((inner) => lists(inner, ownUnit, ownMeter, depth + 1))
}

function cellOf(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'object' ? '' : String(value)
}

/** A cell for each name; `line` is the number of the reading. */
function recordsOf(found: Found[]): CsvRecord[] {
  const names = [...new Set(found.flatMap(({ rows }) => rows.slice(0, 1000).flatMap((row) => Object.keys(row))))]
  const isSeveral = new Set(found.map(({ meter }) => meter)).size > 1
  const hasUnit = found.some(({ unit }) => unit !== undefined)
  const header = [...names, ...(hasUnit ? ['unit'] : []), ...(isSeveral ? ['meter id'] : [])]
  const records: CsvRecord[] = [{ line: 0, cells: header.map((name) => (name === 'primaryValue' ? 'value' : name)) }]
  for (const { rows, unit, meter } of found) {
    for (const row of rows) {
      const cells = names.map((name) => cellOf(row[name]))
      if (hasUnit) cells.push(unit ?? '')
      if (isSeveral) cells.push(meter ?? '')
      records.push({ line: records.length, cells })
    }
  }
  return records
}

/** The series of a JSON text; lines are numbers of readings, from 1. Never throws on content. */
export function seriesOfJson(text: string, direction: 'import' | 'export'): SeriesResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, error: { code: 'unrecognised', message: `not JSON: ${(error as Error).message}` } }
  }
  const found = lists(value, undefined, undefined, 0)
  if (found.length === 0) {
    return {
      ok: false,
      error: { code: 'unrecognised', message: `the JSON has no list of readings. ${expectedLayouts}` },
    }
  }
  const result = seriesOfTable(recordsOf(found), ',', direction)
  if (!result.ok) return result
  // A comma in JSON text is no separator of cells.
  const series = { ...result.series, separator: undefined, layout: `JSON, ${result.series.layout}` }
  if (!n3rgyNames.test(text)) return { ok: true, series }
  return { ok: true, series: { ...series, layout: 'JSON, n3rgy', stampsUsually: 'end' } }
}

// What every layout is turned into before it is judged: readings, with the text of their values and their stamps.

import type { CsvRecord } from './csv-records.ts'
import type { Stamp } from './stamp-text.ts'

/** Whether a stamp names the start or the end of its interval. */
export type StampRule = 'start' | 'end'

/** One value of a file. */
export interface Reading {
  /** Where it stands. */
  record: CsvRecord
  /** The meter or home that the row names; empty where rows name none. */
  meter: string
  /** Undefined when the text is no stamp. */
  stamp: Stamp | undefined
  /** Milliseconds from start to end, where the row says both. */
  lengthMs?: number
  /** As the file has it. */
  value: string
  /** kWh of one of the value's unit. */
  kwhEach: number
  /** The row has more cells than the file has columns. */
  isRagged?: true
}

/** A file's readings in the order of the file. */
export interface Series {
  /** The layout in words. */
  layout: string
  readings: Reading[]
  /** What separates the cells of a row; undefined for JSON and XML. */
  separator: string | undefined
  /** What the stamps name: by the names of columns or by the layout; and by custom, which `--stamps` overrides. */
  stampsAt: StampRule | undefined
  stampsUsually?: StampRule | undefined
  /** Stamps without a zone are UTC, by the file's own words. */
  isUtc: boolean
  /** Stamps are a local clock's, or count Settlement Periods, by the file's own words. */
  isLocal: boolean
  /** Values are a register that rises: certainly, perhaps, or by the column's name not. */
  register: 'no' | 'perhaps' | 'yes'
  /** Rows whose quantity is another one, such as reactive energy; not part of the file's energy. */
  otherQuantityRows: number
  /** Values of rows that are a total of the others. */
  totals: string[]
  /** What a person should know of the layout. */
  notes: string[]
}

/** Why a file cannot be read at all. */
export interface LoadError {
  code: 'too-large' | 'unrecognised' | 'unit' | 'meters' | 'zone' | 'interval' | 'misfit' | 'no-usable-row'
  /** What is wrong, what was expected, and what to do. */
  message: string
  /** The line of the file, where there is one. */
  line?: number
}

export type SeriesResult = { ok: true; series: Series } | { ok: false; error: LoadError }

/** Text of a file for a terminal: no control characters, not long. */
export function safe(text: string): string {
  return text.slice(0, 60).replace(/\p{C}/gu, '?')
}

export function textOf(record: CsvRecord, separator = ','): string {
  return safe(record.cells.slice(0, 60).join(separator))
}

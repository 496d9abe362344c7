// What is known of a table of readings: which columns say when, whose and how much.

import type { LoadError, StampRule } from './series.ts'

/** Columns are counted from 0; -1 where the layout has none. */
export interface CommonColumns {
  name: string
  columnCount: number
  meter: number
  unit: number
  /** kWh of one unit of the values; not a number when the unit column says it. */
  kwhEach: number
  /** No name says the unit: kWh is assumed. */
  isUnitAssumed: boolean
  isUtc: boolean
  isLocal: boolean
}

/** A row holds one reading. */
export interface ReadingRows extends CommonColumns {
  kind: 'readings'
  /** A stamp, a date or a time of day. */
  start: number
  end: number
  date: number
  period: number
  value: number
  /** What the stamps name: by the column's name, and by the custom of the layout. */
  stampsAt: StampRule | undefined
  stampsUsually: StampRule | undefined
  register: 'no' | 'perhaps' | 'yes'
}

/** A row holds a day. */
export interface DayRows extends CommonColumns {
  kind: 'days'
  date: number
  /** The columns of values, in order. */
  slots: number[]
  slotMinutes: number
  /** Columns are named after times of a clock, not after periods. */
  isClock: boolean
  /** The last value of each row is the total of the others; found out later where there is no header. */
  endsWithTotal: boolean
}

export type TableLayout = ReadingRows | DayRows

/** Why a header is not that of readings in kWh. */
export interface Refused {
  refused: Omit<LoadError, 'line'>
}

/** The layouts in words, for messages. */
export const expectedLayouts =
  'Expected half-hourly kWh: columns with a stamp and "kWh" in their names (as in timestamp,kWh or Start,End,Consumption ' +
  '(kWh)); Date, Settlement Period and kWh; a row a day, a date and 46 to 50 kWh values; Low Carbon London; NEM12; Green ' +
  'Button XML; JSON of Octopus, n3rgy or Glowmarkt.'

export const noColumns: CommonColumns = {
  name: '',
  columnCount: 0,
  meter: -1,
  unit: -1,
  kwhEach: 1,
  isUnitAssumed: true,
  isUtc: false,
  isLocal: false,
}
/** Columns of a layout with a reading in each row, none of them known yet. */
export const readingRows: ReadingRows = {
  ...noColumns,
  kind: 'readings',
  ...{
    start: -1,
    end: -1,
    date: -1,
    period: -1,
    value: -1,
    stampsAt: undefined,
    stampsUsually: undefined,
    register: 'no',
  },
}

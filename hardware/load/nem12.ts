// NEM12, the Australian market's file of interval readings: records 200 name a meter and its unit, records 300 hold a day.

import { dayMs } from '../../protocol/half-hour.ts'
import { kwhOf } from './column-names.ts'
import type { CsvRecord } from './csv-records.ts'
import type { Reading, SeriesResult } from './series.ts'
import { readDate, type Stamp } from './stamp-text.ts'

/** True for the records of a NEM12 file; its record 100 may be missing. */
export function isNem12(records: CsvRecord[]): boolean {
  const [first, second] = records.map(({ cells }) => cells)
  if (first?.[0] === '100') return /^NEM1[23]$/i.test(first[1] ?? '')
  return first?.[0] === '200' && second?.[0] === '300'
}

/** Energy that the customer takes is E in the suffix of a register, what the customer gives is B. */
const suffixOf = { import: 'E', export: 'B' } as const

interface Block {
  /** NMI, and the suffix of its register. */
  nmi: string
  suffix: string
  kwhEach: number | undefined
  minutes: number
}

function blockOf(cells: string[]): Block {
  return {
    nmi: cells[1] ?? '',
    suffix: (cells[4] ?? cells[3] ?? '').toUpperCase(),
    kwhEach: kwhOf(cells[7] ?? ''),
    minutes: Number(cells[8]),
  }
}

/** Readings of a record 300. Values whose quality is N (null) are none. */
function readingsOfDay(block: Block, record: CsvRecord, kwhEach: number): Reading[] {
  const { cells } = record
  const day = readDate(cells[1] ?? '')
  const count = dayMs / (block.minutes * 60000)
  const quality = cells[2 + count] ?? ''
  const base = { record, meter: block.nmi, kwhEach, lengthMs: block.minutes * 60000 }
  if (day === undefined || !/^[AEFNSV]/i.test(quality)) return [{ ...base, stamp: undefined, value: cells[2] ?? '' }]
  const { isBareDate: _, ...date } = day
  return Array.from({ length: count }, (_unused, slot): Reading => {
    const stamp: Stamp = { ...date, timeMs: slot * block.minutes * 60000 }
    return { ...base, stamp, value: /^N/i.test(quality) ? '' : (cells[2 + slot] ?? '') }
  })
}

/** Takes the values of the slots that a record 400 calls null out of the day before it. */
function markNull(day: Reading[], cells: string[]): void {
  if (!/^N/i.test(cells[3] ?? '')) return
  for (let slot = Number(cells[1]); slot <= Number(cells[2]); slot++) {
    const reading = day[slot - 1]
    if (reading !== undefined) reading.value = ''
  }
}

/** The series of a NEM12 file. A connection with two registers of import is two meters: `NMI/E1` and `NMI/E2`. */
export function seriesOfNem12(records: CsvRecord[], direction: 'import' | 'export'): SeriesResult {
  const refuse = (message: string, line: number): SeriesResult => ({
    ok: false,
    error: { code: 'unrecognised', message, line },
  })
  const readings: Reading[] = []
  const suffixes = new Map<string, Set<string>>()
  const suffixOfReading = new Map<Reading, string>()
  let block: Block | undefined
  let day: Reading[] = []
  let otherQuantityRows = 0
  let estimated = 0
  for (const record of records) {
    const { cells, line } = record
    if (cells[0] === '100' && cells[1]?.toUpperCase() === 'NEM13')
      return refuse('NEM13 holds readings of a register, not half-hours.', line)
    if (cells[0] === '200') {
      block = blockOf(cells)
      if (!(block.minutes > 0) || !Number.isInteger(dayMs / (block.minutes * 60000))) {
        return refuse(`line ${line}: the record 200 gives no length of interval in minutes.`, line)
      }
      continue
    }
    if (cells[0] === '400') markNull(day, cells)
    if (cells[0] !== '300') continue
    if (block === undefined) return refuse(`line ${line}: a record 300 without a record 200 before it.`, line)
    if (block.kwhEach === undefined || !block.suffix.startsWith(suffixOf[direction])) {
      otherQuantityRows += 1
      continue
    }
    day = readingsOfDay(block, record, block.kwhEach)
    if (/^[EFS]/i.test(cells[2 + dayMs / (block.minutes * 60000)] ?? '')) estimated += day.length
    suffixes.set(block.nmi, (suffixes.get(block.nmi) ?? new Set()).add(block.suffix))
    for (const reading of day) {
      readings.push(reading)
      suffixOfReading.set(reading, block.suffix)
    }
  }
  if (readings.length === 0) {
    const what = `no record of active ${direction} in kWh, Wh or MWh (registers ${suffixOf[direction]}1, ${suffixOf[direction]}2, …)`
    return refuse(`the NEM12 file has ${what}.`, records[0]?.line ?? 1)
  }
  for (const reading of readings) {
    if ((suffixes.get(reading.meter)?.size ?? 0) > 1) reading.meter += `/${suffixOfReading.get(reading)}`
  }
  const notes = ['NEM12 days are days of market time, UTC+10; without --zone they are taken as days of UTC']
  if (estimated > 0) notes.push(`${estimated} values are estimated or substituted (quality E, F or S), used`)
  const common = { stampsAt: 'start', isUtc: false, isLocal: false, register: 'no', totals: [] } as const
  return {
    ok: true,
    series: { layout: 'NEM12', readings, separator: ',', ...common, totals: [], otherQuantityRows, notes },
  }
}

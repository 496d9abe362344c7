// The data of a response as a table, as CSV and as JSON. One shape per kind of data.

import type { StampConvention } from '../catalogue/read-window.ts'
import type { DailyRead, HalfHourEntry, PayloadData, Registers } from '../duis/read-payload.ts'
import type { EntrySources } from './read-sources.ts'
import { type Entry, kWh, stamp, table, totalWh, type Unit } from './show.ts'

/** One column of half-hours, those that have it. */
export function column(entries: readonly HalfHourEntry[], name: 'wh' | 'varh'): Entry[] {
  return entries.flatMap((entry) => {
    const wh = entry[name]
    return wh === undefined ? [] : [{ stampMs: entry.stampMs, wh }]
  })
}

const columns: readonly ['wh' | 'varh', Unit][] = [
  ['wh', 'Wh'],
  ['varh', 'varh'],
]

/** The columns that the half-hours of a response have; active energy for a response without any. */
function columnsIn(entries: readonly HalfHourEntry[]): [Entry[], Unit][] {
  const found = columns.map(([name, unit]): [Entry[], Unit] => [column(entries, name), unit])
  const there = found.filter(([list]) => list.length > 0)
  return there.length > 0 ? there : found.slice(0, 1)
}

function halfHourTable(entries: readonly HalfHourEntry[], stamps: StampConvention): string {
  const found = columnsIn(entries)
  const titled = (unit: Unit) =>
    found.length === 1 ? '' : `  ${unit === 'Wh' ? 'active' : 'reactive'} energy, ${unit}\n`
  const tables = found.map(([list, unit]) => titled(unit) + table(list, unit, stamps))
  const totals = found.map(([list, unit]) => `${list.length} half-hours, ${kWh(totalWh(list), unit)}`)
  return `${tables.join('')}  ${totals.join('; ')}`
}

function registerRows({ direction, activeWh, reactiveVarh }: Registers): [string, number, Unit][] {
  const rows: [string, number | undefined, Unit][] = [
    [`active ${direction} register`, activeWh, 'Wh'],
    [`reactive ${direction} register`, reactiveVarh, 'varh'],
  ]
  return rows.filter((row): row is [string, number, Unit] => row[1] !== undefined)
}

function registerTable(registers: Registers): string {
  const rows = registerRows(registers)
  if (rows.length === 0) return '  no registers'
  return rows
    .map(([name, value, unit]) => `  ${name.padEnd(24)}${String(value).padStart(12)} ${unit}  (${kWh(value, unit)})`)
    .join('\n')
}

/** Indexes, from 1, of tariff registers that count anything in any of the reads. */
function tariffIndexes(reads: readonly DailyRead[]): number[] {
  const used = new Set<number>()
  for (const { tariffWh } of reads)
    for (const [i, wh] of tariffWh.entries()) if (wh !== undefined && wh > 0) used.add(i)
  return [...used].sort((a, b) => a - b).map((i) => i + 1)
}

function dailyReadTable(reads: readonly DailyRead[]): string {
  if (reads.length === 0) return '  no daily reads: the meter has none of this window'
  const indexes = tariffIndexes(reads)
  const head = ['midnight (UTC)       ', 'import Wh'.padStart(12), ...indexes.map((i) => `TOU ${i}`.padStart(11))]
  const rows = reads.map(({ stampMs, importWh, tariffWh }, i) => {
    const before = reads[i - 1]?.importWh
    const day = importWh === undefined || before === undefined ? '' : `  +${kWh(importWh - before)}`
    const values = [
      String(importWh ?? '-').padStart(12),
      ...indexes.map((n) => String(tariffWh[n - 1] ?? '-').padStart(11)),
    ]
    return `  ${stamp(stampMs)} ${values.join('')}${day}`
  })
  return [
    `  ${head.join('')}`,
    ...rows,
    `  ${reads.length} daily reads; TOU registers that never counted are left out`,
  ].join('\n')
}

/** The data as a table; the last line has no end, so that more can be said in it. */
export function dataTable(data: PayloadData, stamps: StampConvention = 'end'): string {
  if (data.registers !== undefined) return registerTable(data.registers)
  if (data.dailyReads !== undefined) return dailyReadTable(data.dailyReads)
  return halfHourTable(data.entries ?? [], stamps)
}

const lines = (rows: readonly (readonly (string | number)[])[]) => `${rows.map((row) => row.join(',')).join('\n')}\n`

/** The data as CSV with a line of names; a column `source` when the sources are known. */
export function dataCsv(data: PayloadData, sources: EntrySources = new Map()): string {
  const known = sources.size > 0
  const sourceName = known ? ['source'] : []
  const sourceOf = (stampMs: number) => (known ? [sources.get(stampMs) ?? ''] : [])
  if (data.registers !== undefined) {
    return lines([['register', 'value', 'unit'], ...registerRows(data.registers)])
  }
  if (data.dailyReads !== undefined) {
    const count = Math.max(0, ...data.dailyReads.map(({ tariffWh }) => tariffWh.length))
    const names = Array.from({ length: count }, (_, i) => `tou_${i + 1}_wh`)
    const rows = data.dailyReads.map(({ stampMs, importWh, tariffWh }) => {
      return [stamp(stampMs), importWh ?? '', ...names.map((_, i) => tariffWh[i] ?? ''), ...sourceOf(stampMs)]
    })
    return lines([['timestamp', 'import_wh', ...names, ...sourceName], ...rows])
  }
  const entries = data.entries ?? []
  const names = columnsIn(entries).map(([, unit]) => (unit === 'Wh' ? 'wh' : 'varh'))
  return lines([
    ['timestamp', ...names, ...sourceName],
    ...entries.map((entry) => {
      return [stamp(entry.stampMs), ...names.map((name) => entry[name] ?? ''), ...sourceOf(entry.stampMs)]
    }),
  ])
}

/** The data as plain values for JSON, with the source of each entry when it is known. A response without any has no half-hours. */
export function dataJson(data: PayloadData, sources: EntrySources = new Map()): { [name: string]: unknown } {
  const timed = ({ stampMs, ...rest }: { stampMs: number }) => {
    const source = sources.get(stampMs)
    return { timestamp: stamp(stampMs), ...rest, ...(source !== undefined && { source }) }
  }
  if (data.registers !== undefined) return { registers: data.registers }
  if (data.dailyReads !== undefined) {
    return { dailyReads: data.dailyReads.map(timed) }
  }
  return { entries: (data.entries ?? []).map(timed) }
}

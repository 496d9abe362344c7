// A log of requests that really arrived, to be asked again: CSV with the columns time, SRV, User and MPAN, and if there are
// windows, from and to.

import { readCsv } from '../../hardware/load/csv-records.ts'
import { isMpan } from '../../host/access/mpan.ts'
import { srvRow } from '../../host/catalogue/srv-table.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import type { Arrival, Arrivals } from './scenario.ts'
import { scenarioLimits } from './scenario-schema.ts'

/** Largest log, characters and rows. */
const charactersMax = 256 * 1024 * 1024
const rowsMax = 1_000_000
const problemsMax = 20

const columns = ['time', 'srv', 'user', 'mpan', 'from', 'to'] as const
type Column = (typeof columns)[number]

const instant = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})$/

function instantOf(text: string): number | undefined {
  const atMs = instant.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs
}

/** Which cell of a record each column is. @throws CommandError when one is missing */
function placesOf(head: readonly string[], path: string): { [name in Column]: number } {
  const names = head.map((cell) => cell.toLowerCase().replace(/^\ufeff/, ''))
  const place = (name: Column) => names.indexOf(name)
  const missing = columns.slice(0, 4).filter((name) => place(name) < 0)
  if (missing.length > 0)
    throw new CommandError(
      exitCode.usage,
      `${path}: the first line has no column ${missing.join(', ')}; it is "time,SRV,User,MPAN", and may have "from,to"`,
    )
  return {
    time: place('time'),
    srv: place('srv'),
    user: place('user'),
    mpan: place('mpan'),
    from: place('from'),
    to: place('to'),
  }
}

/** Meters of the log: each MPAN is one, in the order in which they come. One that is asked for export exports. */
function createMeters() {
  const indexes = new Map<string, number>()
  const exporting = new Set<number>()
  return {
    indexOf(mpan: string, isExport: boolean): number {
      const index = indexes.get(mpan) ?? indexes.size
      indexes.set(mpan, index)
      if (isExport) exporting.add(index)
      return index
    },
    count: () => indexes.size,
    exporting: () => [...exporting].sort((a, b) => a - b),
  }
}

type Row = { readonly [name in Column]: string }

/** A row as a request, or what is wrong with it; undefined for a request that no meter answers. */
function arrivalOf(row: Row, meters: ReturnType<typeof createMeters>): Omit<Arrival, 'day'> | string | undefined {
  const atMs = instantOf(row.time)
  if (atMs === undefined) return `"${row.time}" is no time such as 2026-11-22T00:31:07Z`
  if (!isMpan(row.mpan)) return `"${row.mpan}" is no MPAN (13 digits, the last one a check digit)`
  const srv = srvRow(row.srv)
  if (srv === undefined) return `"${row.srv}" is no Service Request Variant of this product`
  if (srv.endpoint !== 'serviceS' || !srv.handled) return undefined
  const [fromMs, toMs] = [instantOf(row.from), instantOf(row.to)]
  if ((row.from !== '' && fromMs === undefined) || (row.to !== '' && toMs === undefined))
    return `"${row.from}" to "${row.to}" is no window of times such as 2026-11-21T00:00Z`
  const meter = meters.indexOf(row.mpan, srv.mpan === 'export')
  const period = fromMs === undefined || toMs === undefined ? undefined : { startMs: fromMs, endMs: toMs }
  return { atMs, srv: row.srv, party: row.user, meter, ...(period && { period }) }
}

/** Reads a log. @throws CommandError that names the lines that are wrong */
export function readArrivals(text: string, path: string): Arrivals {
  const wrong = (problem: string) => new CommandError(exitCode.usage, `${path}: ${problem}`)
  if (text.length > charactersMax) throw wrong(`larger than ${charactersMax} characters`)
  const csv = readCsv(text)
  if (!csv.ok) throw wrong(`line ${csv.line ?? '?'}: ${csv.reason}`)
  const [head, ...records] = csv.records
  if (records.length > rowsMax) throw wrong(`more than ${rowsMax} requests`)
  const places = placesOf(head?.cells ?? [], path)
  const meters = createMeters()
  const problems: string[] = []
  const rows: Omit<Arrival, 'day'>[] = []
  let skipped = 0
  for (const { line, cells } of records) {
    const cell = (name: Column) => cells[places[name]] ?? ''
    const row = Object.fromEntries(columns.map((name) => [name, cell(name)])) as Row
    const arrival = arrivalOf(row, meters)
    if (typeof arrival === 'string') problems.push(`line ${line}: ${arrival}`)
    else if (arrival === undefined) skipped += 1
    else rows.push(arrival)
    if (problems.length >= problemsMax) break
  }
  if (problems.length > 0) throw wrong(`\n  ${problems.join('\n  ')}`)
  if (rows.length === 0) throw wrong('it holds no request to a meter')
  if (meters.count() > scenarioLimits.meters) throw wrong(`more than ${scenarioLimits.meters} MPANs`)
  rows.sort((a, b) => a.atMs - b.atMs)
  const firstDay = Math.floor((rows[0]?.atMs ?? 0) / dayMs)
  const days = Math.floor((rows.at(-1)?.atMs ?? 0) / dayMs) - firstDay + 1
  const requests = rows.map((row) => ({ ...row, day: Math.floor(row.atMs / dayMs) - firstDay }))
  return { path, requests, meters: meters.count(), exporting: meters.exporting(), firstDay, days, skipped }
}

// Imports Users, devices and registrations from CSV and JSON files into a registry, which is then checked.
//
// A CSV file holds rows of one kind, recognised by its columns; a JSON file holds lists of one or more kinds, as the
// registry itself. The rows of a kind replace all existing rows of that kind. With `merge` they are added, and a row
// replaces the existing row with the same key: the EUI-64 of a User or device; MPAN, role and first day of a registration.

import { shown } from './callback.ts'

export const kinds = ['users', 'devices', 'registrations'] as const
export type Kind = (typeof kinds)[number]
type Row = { [name: string]: unknown }

/** Reads delimited text. The command is given the reader that files of readings have, so that both accept the same text. */
export type ReadCsv = (
  text: string,
) =>
  | { ok: true; records: { line: number; cells: string[] }[] }
  | { ok: false; line: number | undefined; reason: string }

export interface ImportFile {
  /** The name shown in problems. */
  name: string
  text: string
}

/** Rows by kind, each with its place: `users.csv:3`. */
export type Rows = { [kind in Kind]: { row: Row; place: string }[] }

/** Other names of columns; compared by letters and digits only, in any case. */
const aliases: { readonly [name: string]: string } = {
  eui64: 'eui',
  userid: 'eui',
  deviceid: 'eui',
  userroles: 'roles',
  url: 'callback',
  callbackurl: 'callback',
  efd: 'from',
  effectivefromdate: 'from',
  etd: 'to',
  effectivetodate: 'to',
}

/** The columns that a CSV file of each kind must have, and defaults for missing columns and empty cells. */
const layouts: { readonly [kind in Kind]: { columns: readonly string[]; defaults: Row } } = {
  registrations: { columns: ['mpan', 'role', 'mpid', 'from'], defaults: {} },
  users: { columns: ['eui', 'name', 'roles'], defaults: { status: 'active' } },
  devices: { columns: ['eui', 'importMpan'], defaults: { status: 'Commissioned', line: 'default' } },
}

/** Called with each row, and its place: `users.csv:3`. */
export type TakeRow = (kind: Kind, row: Row, place: string) => void

/** Reads one file. Adds what is wrong, with its place, to `problems`; all rows are returned all the same. */
export function readImportFile(file: ImportFile, readCsv: ReadCsv, problems: string[]): Rows {
  const rows = noRows()
  eachImportRow(file, readCsv, problems, (kind, row, place) => rows[kind].push({ row, place }))
  return rows
}

/** Reads one file row by row. Adds what is wrong, with its place, to `problems`. */
export function eachImportRow(file: ImportFile, readCsv: ReadCsv, problems: string[], take: TakeRow): void {
  if (/^\s*[[{]/.test(file.text)) eachJsonRow(file, problems, take)
  else eachCsvRow(file, readCsv, problems, take)
}

function noRows(): Rows {
  return { users: [], devices: [], registrations: [] }
}

/** Reads one JSON file, as `readImportFile` does. */
export function readJsonFile(file: ImportFile, problems: string[]): Rows {
  const rows = noRows()
  eachJsonRow(file, problems, (kind, row, place) => rows[kind].push({ row, place }))
  return rows
}

/** Reads one JSON file row by row, as `eachImportRow` does. */
export function eachJsonRow({ name, text }: ImportFile, problems: string[], take: TakeRow): void {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    problems.push(`${name}: not JSON: ${(error as Error).message}`)
    return
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${name}: expected an object with one or more of ${kinds.join(', ')}, each a list`)
    return
  }
  for (const [key, list] of Object.entries(value)) {
    const kind = kinds.find((one) => one === key)
    if (kind === undefined) problems.push(`${name}: there is no list ${shown(key)}; there are ${kinds.join(', ')}`)
    else if (!Array.isArray(list)) problems.push(`${name}: ${kind} is no list`)
    else for (const [index, row] of list.entries()) take(kind, row, `${name} ${kind}[${index}]`)
  }
}

/** Characters of a CSV file that are read at a time: a file of a million rows would take gigabytes at once. */
const blockCharacters = 4_000_000

/** The text in blocks that end with a line, outside quotes; each begins with the first line of the file. */
function* blocksOf(text: string): Iterable<{ text: string; linesBefore: number }> {
  if (text.length <= blockCharacters) return yield { text, linesBefore: 0 }
  const headerEnd = text.indexOf('\n') + 1
  const header = text.slice(0, headerEnd)
  let linesBefore = 0
  for (let from = headerEnd; from < text.length; ) {
    let end = from
    let isQuoted = false
    let lines = 0
    while (end < text.length) {
      const code = text.charCodeAt(end)
      end += 1
      if (code === 34) isQuoted = !isQuoted
      if (code !== 10) continue
      lines += 1
      if (!isQuoted && end - from >= blockCharacters) break
    }
    yield { text: header + text.slice(from, end), linesBefore }
    linesBefore += lines
    from = end
  }
}

function eachCsvRow(file: ImportFile, readCsv: ReadCsv, problems: string[], take: TakeRow): void {
  for (const { text, linesBefore } of blocksOf(file.text)) {
    if (!eachRowOfBlock({ name: file.name, text }, linesBefore, readCsv, problems, take)) return
  }
}

function eachRowOfBlock(
  { name, text }: ImportFile,
  linesBefore: number,
  readCsv: ReadCsv,
  problems: string[],
  take: TakeRow,
): boolean {
  const csv = readCsv(text)
  if (!csv.ok) {
    problems.push(`${name}${csv.line === undefined ? '' : `:${csv.line + linesBefore}`}: no CSV: ${csv.reason}`)
    return false
  }
  const [header] = csv.records
  if (header === undefined) {
    problems.push(`${name}: the file is empty; its first line names the columns`)
    return false
  }
  const columns = header.cells.map(columnName)
  const doubled = columns.find((column, index) => columns.indexOf(column) !== index)
  const kind = kindOf(columns)
  if (kind === undefined || doubled !== undefined) {
    problems.push(
      doubled === undefined ? unknownColumns(name, header.cells) : `${name}:1: two columns are called ${doubled}`,
    )
    return false
  }
  for (let index = 1; index < csv.records.length; index++) {
    const record = csv.records[index]
    if (record === undefined) continue
    const { cells, line } = record
    const place = `${name}:${line + linesBefore}`
    if (cells.length !== columns.length)
      problems.push(`${place}: ${cells.length} cells; the header has ${columns.length}`)
    else take(kind, { ...layouts[kind].defaults, ...rowOf(columns, cells) }, place)
  }
  return true
}

function columnName(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9]/g, '')
  const known = kinds.flatMap((kind) => [...layouts[kind].columns, ...Object.keys(layouts[kind].defaults)])
  const own = [...known, 'exportMpan', 'to', 'callback', 'mpid', 'mode', 'forSettlement', 'certificate'].find(
    (one) => one.toLowerCase() === plain,
  )
  return own ?? aliases[plain] ?? text
}

/** The first kind all of whose columns are present; the kind with the most specific columns is tried first. */
function kindOf(columns: readonly string[]): Kind | undefined {
  const order: Kind[] = ['registrations', 'users', 'devices']
  return order.find((kind) => layouts[kind].columns.every((column) => columns.includes(column)))
}

function unknownColumns(name: string, header: readonly string[]): string {
  const wanted = kinds.map((kind) => `${kind} need ${layouts[kind].columns.join(', ')}`).join('; ')
  return `${name}:1: the columns ${shown(header.join(', '))} are none that are known: ${wanted}`
}

function rowOf(columns: readonly string[], cells: readonly string[]): Row {
  const filled = columns.map((column, index) => [column, cells[index] ?? ''] as const).filter(([, cell]) => cell !== '')
  return Object.fromEntries(
    filled.map(([column, cell]) => [column, column === 'roles' ? cell.split(/[\s;|/]+/) : cell]),
  )
}

/** Combines the rows of files with the current ones, by replacement or merge. The result is not checked. */
export function combineRows(
  current: Rows,
  files: readonly Rows[],
  how: 'replace' | 'merge',
): { data: { [kind in Kind]: Row[] }; places: { [kind in Kind]: string[] }; given: { [kind in Kind]: number } } {
  const combined = noRows()
  const given = { users: 0, devices: 0, registrations: 0 }
  for (const kind of kinds) {
    const rows = files.flatMap((file) => file[kind])
    given[kind] = rows.length
    const keys = new Set(rows.map(({ row }) => keyOf(kind, row)))
    const stay = how === 'merge' ? current[kind].filter(({ row }) => !keys.has(keyOf(kind, row))) : current[kind]
    combined[kind] = how === 'replace' && files.some((file) => file[kind].length > 0) ? rows : [...stay, ...rows]
  }
  const pick = <T>(from: (kind: Kind) => T) =>
    ({ users: from('users'), devices: from('devices'), registrations: from('registrations') }) as { [kind in Kind]: T }
  return {
    data: pick((kind) => combined[kind].map(({ row }) => row)),
    places: pick((kind) => combined[kind].map(({ place }) => place)),
    given,
  }
}

function keyOf(kind: Kind, row: Row | null): string {
  const text = (name: string) => String(row?.[name]).toUpperCase()
  return kind === 'registrations' ? `${text('mpan')} ${text('role')} ${text('from')}` : text('eui')
}

/** Rewrites a problem of `checkRegistry` to name the file and line of the row instead of its index. */
export function withPlaces(problem: string, places: { [kind in Kind]: readonly string[] }): string {
  return problem.replace(
    /\b(users|devices|registrations)\[(\d+)\](?:\.(\w+))?/g,
    (whole, kind: Kind, index: string, field: string | undefined) => {
      const place = places[kind][Number(index)]
      return place === undefined ? whole : `${place}${field === undefined ? '' : ` ${field}`}`
    },
  )
}

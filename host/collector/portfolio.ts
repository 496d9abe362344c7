// The portfolio of a collector: which MPANs it collects, in which role, with which consent, from which Settlement Day to which.

import { isMpan } from '../access/mpan.ts'
import { dayAfter, isDate, settlementDayBounds } from '../access/settlement-day.ts'
import { parseEui } from '../duis/request.ts'

export const collectorRoles = ['MDR', 'IS', 'ES'] as const
export type CollectorRole = (typeof collectorRoles)[number]

/** The customer's consent: half-hourly, daily, monthly, none. Export is half-hourly whatever it is. */
export const consents = ['H', 'D', 'M', 'N'] as const
export type Consent = (typeof consents)[number]

export type Direction = 'import' | 'export'

/** What is collected of one MPAN during one appointment. */
export interface Agreement {
  mpan: string
  /** EUI-64 of the meter. */
  device: string
  role: CollectorRole
  direction: Direction
  consent: Consent
  /** EFD: the first Settlement Day. */
  from: string
  /** ETD: the last one; absent until it is known. */
  to?: string
}

/** Columns of the CSV; `direction` and `to` may be empty. */
export const portfolioColumns = ['mpan', 'device', 'role', 'direction', 'consent', 'from', 'to'] as const

/** Of an MPAN there is one agreement for each EFD. */
export const agreementKey = ({ mpan, from }: Pick<Agreement, 'mpan' | 'from'>) => `${mpan}/${from}`

/** The instants at which an agreement begins (included) and ends (excluded), ms of UTC; Infinity without an end. */
export function boundsOf({ from, to }: Pick<Agreement, 'from' | 'to'>): { startMs: number; endMs: number } {
  const { startMs } = settlementDayBounds(from)
  return { startMs, endMs: to === undefined ? Number.POSITIVE_INFINITY : settlementDayBounds(to).endMs }
}

type Fields = { readonly [column: string]: string }

/** One row, or what is wrong with it. */
export function agreementOf(fields: Fields): Agreement | string {
  const field = (name: (typeof portfolioColumns)[number]) => (fields[name] ?? '').trim()
  const [mpan, from, to] = [field('mpan'), field('from'), field('to')]
  if (!isMpan(mpan)) return `mpan is 13 digits with a check digit, not "${mpan}"`
  const device = parseEui(field('device'))
  if (device === undefined) return `device is an EUI-64 such as 00-DB-12-34-56-78-90-A0, not "${field('device')}"`
  const role = collectorRoles.find((one) => one === (field('role') || 'MDR'))
  if (role === undefined) return `role is ${collectorRoles.join(', ')}, not "${field('role')}"`
  const consent = consents.find((one) => one === (field('consent') || 'H'))
  if (consent === undefined) return `consent is ${consents.join(', ')}, not "${field('consent')}"`
  const named = field('direction') || (role === 'ES' ? 'export' : 'import')
  const direction = (['import', 'export'] as const).find((one) => one === named)
  if (direction === undefined) return `direction is import or export, not "${named}"`
  if (role !== 'MDR' && direction !== (role === 'ES' ? 'export' : 'import')) return `${role} has no ${direction} data`
  if (!isDate(from) || from < '1996-01-01') return `from is the first Settlement Day, YYYY-MM-DD, not "${from}"`
  if (to !== '' && (!isDate(to) || to < from)) return `to is the last Settlement Day, not before ${from}: "${to}"`
  return { mpan, device, role, direction, consent, from, ...(to !== '' && { to }) }
}

/** Agreements of one MPAN may not have a day in common. What is wrong, by MPAN. */
export function overlaps(agreements: readonly Agreement[]): string[] {
  const problems: string[] = []
  const sorted = [...agreements].sort((a, b) => (agreementKey(a) < agreementKey(b) ? -1 : 1))
  sorted.forEach((one, i) => {
    const next = sorted[i + 1]
    if (next?.mpan !== one.mpan) return
    if (one.to === undefined || next.from < dayAfter(one.to))
      problems.push(`${one.mpan}: the agreement from ${next.from} begins before the one from ${one.from} ends`)
  })
  return problems
}

export interface PortfolioRecord {
  /** Line of the file, from 1. */
  line: number
  cells: readonly string[]
}

/**
 * Reads a portfolio. `records`: the rows of the file, the first with the names of the columns.
 * @returns agreements, or every problem with its line
 */
export function readPortfolio(records: readonly PortfolioRecord[]): { agreements: Agreement[]; problems: string[] } {
  const [header, ...rows] = records
  const names = (header?.cells ?? []).map((name) => name.trim().toLowerCase())
  const columns = `columns are ${portfolioColumns.join(', ')}`
  const needed = ['mpan', 'device', 'from'].filter((name) => !names.includes(name))
  const unknown = names.filter((name) => !portfolioColumns.some((one) => one === name))
  const problems = [...needed, ...unknown].map((name) => `line ${header?.line ?? 1}: no column "${name}"; ${columns}`)
  if (problems.length > 0) return { agreements: [], problems }
  const agreements: Agreement[] = []
  const lines = new Map<string, number>()
  for (const { line, cells } of rows) {
    if (cells.every((cell) => cell.trim() === '')) continue
    const read = agreementOf(Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])))
    if (typeof read === 'string') {
      problems.push(`line ${line}: ${read}`)
      continue
    }
    const before = lines.get(agreementKey(read))
    if (before !== undefined) problems.push(`line ${line}: ${agreementKey(read)} is in line ${before} too`)
    else agreements.push(read)
    lines.set(agreementKey(read), line)
  }
  return { agreements, problems: [...problems, ...overlaps(agreements)] }
}

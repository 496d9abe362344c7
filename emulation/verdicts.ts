// Verdicts for tests of a client: what it has of a settlement day, and whether a request was refused as it should be.

import { isDate, periodsOf, settlementDayBounds } from '../host/access/settlement-day.ts'
import { halfHourMs } from '../protocol/half-hour.ts'
import { type Instant, instantMs } from './instants.ts'

/** An expectation did not hold. The message says what was found instead. */
export class VerdictError extends Error {
  override name = 'VerdictError'
}

/** A half-hour as a client has it: an entry of `bench.read`, or a value of the client's own. */
export interface CollectedHalfHour {
  /** Its stamp: an instant, or `stampMs` in milliseconds of UTC since 1970. */
  at?: Instant
  stampMs?: number
  /** Wh, a whole number. */
  wh?: number | null
}

export interface SettlementDayExpectation {
  /** What the stamps are: the `end` of the half-hour (unless given) or its `start`. */
  stamps?: 'end' | 'start'
  /** Local periods, from 1, that nobody can have: they must be missing, and no others. None unless given. */
  missing?: readonly number[]
  /** Sum of the day, Wh. */
  wh?: number
  /** Lets half-hours of other days be there too. Without it they are a fault: a party sees no day that is not its own. */
  others?: boolean
}

function stampOf({ at, stampMs }: CollectedHalfHour): number {
  if (stampMs !== undefined) return stampMs
  if (at !== undefined) return instantMs(at, 'at')
  throw new VerdictError('a half-hour has neither at nor stampMs')
}

const listed = (items: readonly (number | string)[]) =>
  items.length <= 10 ? items.join(', ') : `${items.slice(0, 10).join(', ')} and ${items.length - 10} more`

/** Values by local period from 1, and what is wrong with the half-hours. */
function periodsIn(halfHours: Iterable<CollectedHalfHour>, day: string, expected: SettlementDayExpectation) {
  const { startMs, endMs } = settlementDayBounds(day)
  const problems: string[] = []
  const others: string[] = []
  const values = new Map<number, number>()
  for (const one of halfHours) {
    const beginMs = stampOf(one) - ((expected.stamps ?? 'end') === 'end' ? halfHourMs : 0)
    const period = (beginMs - startMs) / halfHourMs + 1
    if (beginMs < startMs || beginMs >= endMs) others.push(new Date(stampOf(one)).toISOString())
    else if (!Number.isInteger(period)) problems.push(`${new Date(stampOf(one)).toISOString()} ends no half-hour`)
    else if (typeof one.wh === 'number') {
      if (!Number.isInteger(one.wh) || one.wh < 0) problems.push(`period ${period} has ${one.wh} Wh`)
      if (values.has(period)) problems.push(`period ${period} is there twice`)
      values.set(period, one.wh)
    }
  }
  if (others.length > 0 && expected.others !== true) problems.push(`half-hours of other days: ${listed(others)}`)
  return { values, problems }
}

/**
 * Expects the half-hours of a settlement day (`2026-10-25`): each local period of its 46, 48 or 50 once, and nothing else.
 * @returns Wh by local period, the first of the day first; null for one that is missing as expected
 * @throws VerdictError with all that is wrong
 */
export function expectSettlementDay(
  halfHours: Iterable<CollectedHalfHour>,
  day: string,
  expected: SettlementDayExpectation = {},
): (number | null)[] {
  if (!isDate(day)) throw new VerdictError(`a settlement day is a date, 2026-10-25, not ${day}`)
  const periods = Array.from({ length: periodsOf(day) }, (_, i) => i + 1)
  const { values, problems } = periodsIn(halfHours, day, expected)
  const nobodys = new Set(expected.missing)
  const missing = periods.filter((period) => !values.has(period) && !nobodys.has(period))
  const surplus = periods.filter((period) => values.has(period) && nobodys.has(period))
  if (missing.length > 0) problems.push(`missing periods: ${listed(missing)}`)
  if (surplus.length > 0) problems.push(`periods that nobody can have: ${listed(surplus)}`)
  const wh = [...values.values()].reduce((sum, one) => sum + one, 0)
  if (expected.wh !== undefined && wh !== expected.wh) problems.push(`${wh} Wh, not ${expected.wh}`)
  if (problems.length > 0)
    throw new VerdictError(`settlement day ${day} (${periods.length} periods): ${problems.join('; ')}`)
  return periods.map((period) => values.get(period) ?? null)
}

/** What `expectRefused` looks at: an answer of `bench.read`, or an acknowledgement that the caller's own client has parsed. */
export interface RefusedAnswer {
  /** Code of the acknowledgement. A request that was accepted (I99) and failed later was not refused. */
  acknowledgement?: string
  code: string
  /** Half-hours and registers that came with it; a refusal has none. */
  entries?: readonly unknown[]
  dailyReads?: readonly unknown[]
  explanation?: string | undefined
}

/**
 * Expects that a request was refused at once, with one of these codes (`E5`), and brought no data.
 * @throws VerdictError with what came instead
 */
export function expectRefused(answer: RefusedAnswer, ...codes: readonly string[]): void {
  const { acknowledgement = answer.code, code, entries = [], dailyReads = [], explanation } = answer
  const why = explanation === undefined ? '' : ` (${explanation})`
  const wanted = codes.length === 0 ? 'a refusal' : codes.join(' or ')
  if (/^[IW]/.test(acknowledgement))
    throw new VerdictError(
      `${wanted} was expected, and the request was accepted with ${acknowledgement}, then ${code}${why}`,
    )
  if (codes.length > 0 && !codes.includes(acknowledgement))
    throw new VerdictError(`${wanted} was expected, not ${acknowledgement}${why}`)
  const data = entries.length + dailyReads.length
  if (data > 0) throw new VerdictError(`refused with ${acknowledgement}, and yet it brought ${data} values`)
}

// One agreement at work: which half-hours it has, which days it may ask for on demand, and when.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import type { KeptAgreement, KeptDay } from './kept.ts'
import { profileVariant } from './plans.ts'
import { boundsOf } from './portfolio.ts'

/** Of a half-hour: nothing yet, a value, or no record in the meter. */
export const halfHourState = { missing: 0, kept: 1, absent: 2 } as const

export interface Work {
  row: KeptAgreement
  startMs: number
  /** Infinity without an end. */
  endMs: number
  /** What is known of a UTC day's half-hours (`halfHourState`); the values are in the store. */
  days: Map<number, Uint8Array>
  /** Days before this one are complete. */
  firstOpenDay: number
  /** When it is looked at next. */
  lookMs: number
  /** Whether it is being looked at. */
  busy: boolean
  /** Changes of its days, one after the other. */
  turn: Promise<unknown>
}

export function createWork(row: KeptAgreement): Work {
  const { startMs, endMs } = boundsOf(row.agreement)
  const firstOpenDay = Math.floor(startMs / dayMs)
  return { row, startMs, endMs, days: new Map(), firstOpenDay, lookMs: 0, busy: false, turn: Promise.resolve() }
}

/** Takes over what is kept of a day. */
export function setDay(work: Work, day: number, { wh, absent }: KeptDay): void {
  const states = Uint8Array.from(wh, (one) => (one === null ? halfHourState.missing : halfHourState.kept))
  for (const index of absent) if (states[index] === halfHourState.missing) states[index] = halfHourState.absent
  work.days.set(day, states)
}

/** The half-hours of a UTC day that belong to the agreement: from `first` to before `last`, counted from 0. */
export function ownHalfHours({ startMs, endMs }: Pick<Work, 'startMs' | 'endMs'>, day: number) {
  const at = (atMs: number) => Math.min(48, Math.max(0, (atMs - day * dayMs) / halfHourMs))
  return { first: at(startMs), last: at(endMs) }
}

/** The half-hours of a day of which nothing is known, from the first to the last; undefined when there are none. */
export function missingOf(work: Work, day: number): { first: number; last: number } | undefined {
  const own = ownHalfHours(work, day)
  const states = work.days.get(day)
  if (own.first >= own.last) return undefined
  if (states === undefined) return { first: own.first, last: own.last - 1 }
  let [first, last] = [-1, -1]
  for (let index = own.first; index < own.last; index++) {
    if (states[index] !== halfHourState.missing) continue
    if (first < 0) first = index
    last = index
  }
  return first < 0 ? undefined : { first, last }
}

/** The last UTC day of the agreement that is over at `nowMs`. */
export function lastDayOf({ endMs }: Pick<Work, 'endMs'>, nowMs: number): number {
  return Math.min(Math.floor(nowMs / dayMs) - 1, Math.ceil(endMs / dayMs) - 1)
}

/** When the scheduled read of a day goes out; undefined when no schedule reads it, `Infinity` while that is open. */
export function dueMsOf({ row }: Pick<Work, 'row'>, day: number): number | undefined {
  const due = ({ executionTimeMs = 0 }: { executionTimeMs?: number }, runDay: number) =>
    runDay * dayMs + executionTimeMs
  if (row.plans.length === 0) return Number.POSITIVE_INFINITY
  const times = row.plans.flatMap(({ name, details, id, refused }) => {
    const isDays = name === 'days' && day + 1 >= details.startDay && day + 1 <= (details.endDay ?? day + 1)
    const reads = name === 'before' ? details.period : undefined
    const isBefore = reads !== undefined && day >= details.startDay + reads.startDays
    const covers = isDays || (isBefore && day <= details.startDay + reads.endDays)
    if (!covers || refused !== undefined) return []
    return id === undefined ? [Number.POSITIVE_INFINITY] : [due(details, isDays ? day + 1 : details.startDay)]
  })
  return times.length === 0 ? undefined : Math.max(...times)
}

/** A scheduled read that has no response after this time has failed: 24 hours of target response time, and one to deliver. */
export const overdueMs = 25 * 3_600_000

/** Notes days whose scheduled read has failed without a word. @returns whether there are new ones */
export function noteOverdue(work: Work, nowMs: number): boolean {
  if (profileVariant(work.row.agreement) === undefined) return false
  const { failed } = work.row
  const before = failed.length
  let isOpen = false
  for (let day = work.firstOpenDay; day <= lastDayOf(work, nowMs); day++) {
    if (missingOf(work, day) === undefined) {
      if (!isOpen) work.firstOpenDay = day + 1
      continue
    }
    isOpen = true
    if (failed.some((one) => one.day === day)) continue
    const due = dueMsOf(work, day)
    if (due === undefined || (due === Number.POSITIVE_INFINITY && nowMs >= work.endMs))
      failed.push({ day, code: 'no schedule' })
    else if (due + overdueMs <= nowMs) failed.push({ day, code: 'no response' })
  }
  return failed.length > before
}

/** Notes that a scheduled read failed: the oldest open day whose run was due. */
export function noteFailure(work: Work, nowMs: number, code: string): void {
  for (let day = work.firstOpenDay; day <= lastDayOf(work, nowMs); day++) {
    if (missingOf(work, day) === undefined || work.row.failed.some((one) => one.day === day)) continue
    if ((dueMsOf(work, day) ?? nowMs) > nowMs) continue
    work.row.failed.push({ day, code })
    return
  }
}

/** Days that a meter's log reaches back: 13 months. Older ones are not asked for any more. */
const logDaysMax = 396

/** The next period to ask for on demand: failed days in a row, from their first missing half-hour to the last. */
export function periodToAsk(work: Work, nowMs: number): { startMs: number; endMs: number } | undefined {
  const since = Math.floor(nowMs / dayMs) - logDaysMax
  const open = work.row.failed.flatMap(({ day }) => (day < since ? [] : [day])).sort((a, b) => a - b)
  let found: { startMs: number; endMs: number; day: number } | undefined
  for (const day of open) {
    const missing = missingOf(work, day)
    if (missing === undefined) continue
    if (found !== undefined && day > found.day + 1) break
    const startMs = found?.startMs ?? day * dayMs + missing.first * halfHourMs
    found = { startMs, endMs: day * dayMs + (missing.last + 1) * halfHourMs, day }
  }
  return found && { startMs: found.startMs, endMs: found.endMs }
}

/** Forgets failures of days that are complete. */
export function dropMended(work: Work): void {
  work.row.failed = work.row.failed.filter(({ day }) => missingOf(work, day) !== undefined)
}

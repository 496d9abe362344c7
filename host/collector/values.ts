// What a collector has, by UTC day and by Settlement Day: values, gaps and why, registers against the sum of half-hours.

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { dayAfter, settlementDayBounds, settlementDayOf } from '../access/settlement-day.ts'
import { formatUtcDate } from '../duis/utc-date.ts'
import type { CollectorStore, FailedDay, KeptAgreement, KeptDay, Sealing, ValueFlag } from './kept.ts'
import { openDays, openRegisters } from './kept.ts'
import { profileVariant } from './plans.ts'
import { type Agreement, boundsOf } from './portfolio.ts'

/** A half-hour of an agreement. `wh` is null where there is none; then `why` says why. */
export interface Value {
  /** Its beginning, ms of UTC. */
  startMs: number
  wh: number | null
  why?: string
}

export interface DayValues {
  /** UTC day or Settlement Day, `2026-10-25`. */
  date: string
  /** Periods that the day has, whoever may have them: 46, 48 or 50. */
  periods: number
  /** Those that belong to the agreement, in order; `period` counts from 1 in the day. */
  values: (Value & { period: number })[]
}

export type DayKind = 'utc' | 'settlement'

const dateOf = (atMs: number) => formatUtcDate(Math.floor(atMs / dayMs))

/** Why a half-hour is missing. */
function whyMissing(day: number, kept: KeptDay | undefined, index: number, failed: readonly FailedDay[]): string {
  if (kept?.absent.includes(index)) return 'the meter has no record'
  const failure = failed.find((one) => one.day === day)
  return failure === undefined ? 'not read yet' : `not read: ${failure.code}`
}

export function createValues(store: CollectorStore, sealing: Pick<Sealing, 'key'>) {
  /** Every half-hour of an agreement that is over by `nowMs`, within `window`. */
  function valuesOf(
    row: KeptAgreement,
    nowMs: number,
    window = { startMs: 0, endMs: Number.POSITIVE_INFINITY },
  ): Value[] {
    const { startMs, endMs } = boundsOf(row.agreement)
    const days = new Map([...openDays(store, sealing, row.agreement.mpan)].map(({ day, kept }) => [day, kept]))
    const untilMs = Math.min(endMs, window.endMs, nowMs)
    const values: Value[] = []
    for (let atMs = Math.max(startMs, window.startMs); atMs + halfHourMs <= untilMs; atMs += halfHourMs) {
      const day = Math.floor(atMs / dayMs)
      const index = (atMs - day * dayMs) / halfHourMs
      const kept = days.get(day)
      const wh = kept?.wh[index] ?? null
      values.push(
        wh === null ? { startMs: atMs, wh, why: whyMissing(day, kept, index, row.failed) } : { startMs: atMs, wh },
      )
    }
    return values
  }

  return {
    /** The half-hours of an agreement by day. Only days that are over. */
    daysOf(row: KeptAgreement, kind: DayKind, nowMs: number): DayValues[] {
      const today =
        kind === 'utc' ? Math.floor(nowMs / dayMs) * dayMs : settlementDayBounds(settlementDayOf(nowMs)).startMs
      const days = new Map<string, DayValues>()
      for (const value of valuesOf(row, today)) {
        const date = kind === 'utc' ? dateOf(value.startMs) : settlementDayOf(value.startMs)
        const { startMs, endMs } = boundsOfDay(kind, date)
        const day = days.get(date) ?? { date, periods: (endMs - startMs) / halfHourMs, values: [] }
        day.values.push({ ...value, period: (value.startMs - startMs) / halfHourMs + 1 })
        days.set(date, day)
      }
      return [...days.values()]
    },
    flagsOf(agreement: Agreement): ValueFlag[] {
      const { startMs, endMs } = boundsOf(agreement)
      const flags = [...openDays(store, sealing, agreement.mpan)].flatMap(({ kept }) => kept.flags)
      return flags.filter(({ stampMs }) => stampMs > startMs && stampMs <= endMs)
    },
    /** Registers of midnights against the sum of the half-hours between them, by month and where an agreement begins or ends. */
    monthsOf(row: KeptAgreement, nowMs: number): RegisterMonth[] {
      const { startMs, endMs } = boundsOf(row.agreement)
      const registers = openRegisters(store, sealing, row.agreement.mpan)
      const own = registers.filter(({ stampMs }) => stampMs >= startMs && stampMs <= endMs && stampMs % dayMs === 0)
      const isEdge = (atMs: number) => new Date(atMs).getUTCDate() === 1
      const edges = own.filter(({ stampMs }, i) => i === 0 || i === own.length - 1 || isEdge(stampMs))
      return edges.slice(1).map((to, i) => {
        const from = edges[i] ?? to
        const values = valuesOf(row, nowMs, { startMs: from.stampMs, endMs: to.stampMs })
        const missing = values.filter(({ wh }) => wh === null).length
        const halfHoursWh = values.reduce((sum, { wh }) => sum + (wh ?? 0), 0)
        const registersWh = to.wh - from.wh
        const span = { from: dateOf(from.stampMs), to: dateOf(to.stampMs) }
        return { ...span, registersWh, halfHoursWh, missing, differenceWh: registersWh - halfHoursWh }
      })
    },
  }
}

/** Registers and half-hours between two midnights. */
export interface RegisterMonth {
  /** Dates of the midnights, UTC. */
  from: string
  to: string
  registersWh: number
  halfHoursWh: number
  /** Half-hours without a value: what they measured is in the difference. */
  missing: number
  differenceWh: number
}

function boundsOfDay(kind: DayKind, date: string): { startMs: number; endMs: number } {
  if (kind === 'settlement') return settlementDayBounds(date)
  return { startMs: Date.parse(date), endMs: Date.parse(dayAfter(date)) }
}

/** Whether half-hours of an agreement are collected at all. */
export const hasHalfHours = (agreement: Agreement) => profileVariant(agreement) !== undefined

// Reports which half-hours of a Settlement Day a party has received, from the audit trail's records of responses and
// deliveries.

import { halfHourMs } from '../../protocol/half-hour.ts'
import { dayAfter, periodsOf, settlementDayBounds, settlementDaysMax } from '../access/settlement-day.ts'
import type { AuditRecord, Served } from './audit-record.ts'
import { halfHoursServed, type ServedFrom } from './served.ts'

/**
 * The status of a period, the best first. Received within the Target Response Time: read from the meter, by a shared read,
 * or from the cache. Then: received late; sent and not accepted by the User; not recorded by the meter; never sent.
 */
export const statuses = ['meter', 'shared', 'cache', 'late', 'not taken', 'not recorded', 'missing'] as const
export type PeriodStatus = (typeof statuses)[number]

export interface DayReport {
  /** Settlement Day and channel. */
  day: string
  channel: string
  /** One for each Settlement Period, the first at local midnight: 46, 48 or 50. */
  periods: PeriodStatus[]
  counts: { [status in PeriodStatus]: number }
  /** True when every period was received, late or not. */
  complete: boolean
}

export interface CompletenessQuestion {
  mpan: string
  /** Channels to report even when nothing was sent. */
  channels: readonly string[]
  /** Settlement Days, both included; 500 at most. */
  first: string
  last: string
  /** EUI-64 of a User: reports only what it received. */
  user?: string | undefined
}

interface Answer {
  served: readonly Served[]
  dueMs: number
  deliveredMs?: number
}

/** Throws RangeError for wrong dates and for more than 500 days. */
export async function completeness(
  records: AsyncIterable<AuditRecord> | Iterable<AuditRecord>,
  question: CompletenessQuestion,
): Promise<DayReport[]> {
  const days = daysOf(question)
  const due = new Map<string, number>()
  const answers = new Map<string, Answer>()
  for await (const record of records) {
    if (record.event === 'accepted') {
      const mine = record.mpan === question.mpan && (question.user === undefined || record.user === question.user)
      if (mine) due.set(record.requestId, Date.parse(record.due))
    } else if (record.event === 'answered') {
      // After a crash a response may be made again; only the last one was sent.
      const dueMs = due.get(record.requestId)
      if (dueMs !== undefined) answers.set(record.requestId, { served: record.served ?? [], dueMs })
    } else if (record.event === 'delivered') {
      const answer = answers.get(record.requestId)
      if (answer !== undefined) answer.deliveredMs = Date.parse(record.time)
    }
  }
  const found = new Map<string, Map<number, PeriodStatus>>(question.channels.map((channel) => [channel, new Map()]))
  for (const answer of answers.values()) addAnswer(found, answer, days)
  return days.flatMap((day) => [...found].map(([channel, known]) => reportOf(day, channel, known)))
}

function daysOf({ first, last }: CompletenessQuestion): string[] {
  const days: string[] = []
  for (let day = first; day <= last; day = dayAfter(day)) {
    if (days.push(day) > settlementDaysMax) throw new RangeError(`more than ${settlementDaysMax} Settlement Days`)
  }
  return days
}

function addAnswer(found: Map<string, Map<number, PeriodStatus>>, answer: Answer, days: readonly string[]): void {
  const [firstDay] = days
  const lastDay = days.at(-1)
  if (firstDay === undefined || lastDay === undefined) return
  const from = settlementDayBounds(firstDay).startMs / halfHourMs
  const to = settlementDayBounds(lastDay).endMs / halfHourMs
  for (const served of answer.served) {
    const known = found.get(served.channel) ?? new Map<number, PeriodStatus>()
    for (const { halfHour, from: source } of halfHoursServed(served)) {
      if (halfHour < from || halfHour >= to) continue
      found.set(served.channel, known)
      const status = statusOf(answer, source)
      const before = known.get(halfHour) ?? 'missing'
      if (statuses.indexOf(status) < statuses.indexOf(before)) known.set(halfHour, status)
    }
  }
}

const received = { m: 'meter', s: 'shared', c: 'cache' } as const

function statusOf({ dueMs, deliveredMs }: Answer, source: ServedFrom): PeriodStatus {
  if (deliveredMs === undefined) return 'not taken'
  if (source === 'n') return 'not recorded'
  return deliveredMs > dueMs ? 'late' : received[source]
}

function reportOf(day: string, channel: string, known: ReadonlyMap<number, PeriodStatus>): DayReport {
  const first = settlementDayBounds(day).startMs / halfHourMs
  const periods = Array.from({ length: periodsOf(day) }, (_, i) => known.get(first + i) ?? 'missing')
  const counts = Object.fromEntries(statuses.map((status) => [status, 0])) as DayReport['counts']
  for (const status of periods) counts[status] += 1
  const { meter, shared, cache, late } = counts
  return { day, channel, periods, counts, complete: meter + shared + cache + late === periods.length }
}

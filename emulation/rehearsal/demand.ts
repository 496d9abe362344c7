// What the parties of a scenario ask for: schedules that they create before the rehearsal, and requests day by day.

import { settlementDayBounds } from '../../host/access/settlement-day.ts'
import { srvRow } from '../../host/catalogue/srv-table.ts'
import type { ScheduleDetails } from '../../host/duis/non-device-fields.ts'
import type { Period } from '../../host/duis/request.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { isInShare, isOf, type RehearsedMeter } from './population.ts'
import { registeredDays } from './registry.ts'
import type { Ask, AskedPeriod, Party, Scenario } from './scenario.ts'

/** A request on demand or future-dated. */
export interface Wanted {
  party: Party
  meter: RehearsedMeter
  srv: string
  /** When it is sent, milliseconds UTC. */
  atMs: number
  /** When it is to be executed. */
  executionMs?: number
  period?: Period
  /** How often it was asked for before. */
  tries: number
}

/** A schedule that a party creates before the rehearsal. */
export interface WantedSchedule {
  party: Party
  meter: RehearsedMeter
  details: ScheduleDetails
}

const monthsPerDay = 12 / 365
const goldenRatio = 0.6180339887

const dateOf = (atMs: number) => new Date(atMs).toISOString().slice(0, 10)

/** The period that an ask of a day (its 00:00 UTC) reads; undefined for registers. */
export function periodOfDay(srv: string, period: AskedPeriod, midnightMs: number): Period | undefined {
  if (srv === '4.1.1' || srv === '4.2') return undefined
  if (period === 'utc-day') return { startMs: midnightMs - dayMs, endMs: midnightMs }
  if (period === 'settlement-day') return settlementDayBounds(dateOf(midnightMs - dayMs))
  if ('days' in period) return { startMs: midnightMs - period.days * dayMs, endMs: midnightMs }
  return { startMs: midnightMs - dayMs + period.fromMs, endMs: midnightMs - dayMs + period.toMs }
}

/** The same as offsets from the day of a run. */
function offsetsOf(period: Period, midnightMs: number): NonNullable<ScheduleDetails['period']> {
  const part = (atMs: number) => {
    const days = Math.floor((atMs - midnightMs) / dayMs)
    return { days, timeMs: atMs - midnightMs - days * dayMs }
  }
  const [start, end] = [part(period.startMs), part(period.endMs)]
  return { startDays: start.days, startTimeMs: start.timeMs, endDays: end.days, endTimeMs: end.timeMs }
}

/** Whether a day is the day of the month on which a meter's registers are read: spread evenly over meters and days.
 * `turn`: of which part of a month the party's whole arrangement is turned, 0 to 1. */
export function isMonthlyDay(place: number, count: number, day: number, turn = 0): boolean {
  const phase = (day * monthsPerDay + (place + 0.5) / count + turn) % 1
  return phase < monthsPerDay
}

interface Target {
  party: Party
  ask: Ask
  meter: RehearsedMeter
  /** Which of the meters of the ask it is, and how many there are. */
  place: number
  count: number
  /** Turns the arrangement of the party, so that no two parties ask for a meter at the same time. */
  turn: number
  scheduled: boolean
  /** Days on which the party asks, since 1970: it is registered, or was until the day before. */
  firstDay: number
  lastDay: number
}

export interface Demand {
  schedules(): Iterable<WantedSchedule>
  /** The requests of a day of the rehearsal (from 0), in the order of their times. */
  requestsOfDay(day: number): Wanted[]
}

/** The requests of a log that arrived on a day, at the same time of the day of the rehearsal, with their windows moved as far. */
function arrivalsOfDay(
  { arrivals, parties, start }: Scenario,
  population: readonly RehearsedMeter[],
  isMine: (meter: RehearsedMeter) => boolean,
  day: number,
): Wanted[] {
  if (arrivals === undefined) return []
  const moveMs = Date.parse(start) - arrivals.firstDay * dayMs
  return arrivals.requests.flatMap((request): Wanted[] => {
    const meter = population[request.meter]
    const party = parties.find(({ name }) => name === request.party)
    if (request.day !== day || meter === undefined || party === undefined || !isMine(meter)) return []
    const atMs = request.atMs + moveMs
    const own = request.period && { startMs: request.period.startMs + moveMs, endMs: request.period.endMs + moveMs }
    const period = own ?? periodOfDay(request.srv, 'utc-day', Math.floor(atMs / dayMs) * dayMs)
    return [{ party, meter, srv: request.srv, atMs, ...(period !== undefined && { period }), tries: 0 }]
  })
}

/** The schedules that parties create, each from the first day on that is wholly the party's. */
function* schedulesOf(targets: readonly Target[], startMs: number, days: number): Iterable<WantedSchedule> {
  for (const target of targets) {
    const { party, ask, meter, place, count, turn, scheduled, firstDay } = target
    const row = srvRow(ask.srv)
    if (!scheduled || row === undefined) continue
    const lastDay = ask.period === 'utc-day' ? target.lastDay - 1 : target.lastDay
    const endDay = Math.min(startMs / dayMs + days - 1, lastDay)
    // A log is read on the day after: the first day that is wholly the party's.
    let startDay = Math.max(startMs / dayMs, firstDay + 1)
    const isMonthly = ask.every === 'month'
    while (isMonthly && startDay <= endDay && !isMonthlyDay(place, count, startDay - startMs / dayMs, turn))
      startDay += 1
    if (startDay > endDay) continue
    const midnightMs = startDay * dayMs
    const period = periodOfDay(ask.srv, ask.period, midnightMs)
    yield {
      party,
      meter,
      details: {
        frequency: isMonthly ? 'Monthly' : 'Daily',
        startDay,
        endDay,
        ...(ask.atMs !== undefined && { executionTimeMs: ask.atMs }),
        serviceReference: row.reference,
        variant: row.variant,
        deviceEui: meter.eui,
        readName: `DSP${row.bodyName}`,
        ...(period !== undefined && { period: offsetsOf(period, midnightMs) }),
      },
    }
  }
}

/** The demand on the meters for which `isMine` holds; places are counted over the whole population. */
export function createDemand(
  scenario: Scenario,
  population: readonly RehearsedMeter[],
  isMine: (meter: RehearsedMeter) => boolean,
): Demand {
  const startMs = Date.parse(scenario.start)
  const targets: Target[] = []
  for (const [number, party] of scenario.parties.entries()) {
    const turn = (number * goldenRatio) % 1
    for (const ask of party.asks) {
      const schedulable = ask.as === 'schedule'
      const all = population.filter((meter) => isOf(meter, ask.of))
      all.forEach((meter, place) => {
        const days = isMine(meter) ? registeredDays(scenario, party, meter) : undefined
        if (days === undefined) return
        const scheduled = schedulable && isInShare(place, scenario.scheduled)
        const [firstDay, lastDay] = [Date.parse(days.from) / dayMs, Date.parse(days.to) / dayMs + 1]
        targets.push({ party, ask, meter, place, count: all.length, turn, scheduled, firstDay, lastDay })
      })
    }
  }

  function requestsOfDay(day: number): Wanted[] {
    const midnightMs = startMs + day * dayMs
    const wanted: Wanted[] = []
    const today = midnightMs / dayMs
    for (const { party, ask, meter, place, count, turn, scheduled, firstDay, lastDay } of targets) {
      // Registers are those of today; a log is of days before, also of the last one.
      const isLog = srvRow(ask.srv)?.channels !== undefined || ask.srv === '4.6.1'
      if (scheduled || today < firstDay || today > (isLog ? lastDay : lastDay - 1)) continue
      if (ask.every === 'once' && ask.onDay !== day) continue
      if (ask.every === 'month' && !isMonthlyDay(place, count, day, turn)) continue
      const atMs = midnightMs + (ask.atMs ?? 0) + Math.floor(ask.withinMs * (((place + 0.5) / count + turn) % 1))
      const period = periodOfDay(ask.srv, ask.period, midnightMs)
      const future = ask.as === 'future-dated'
      wanted.push({
        party,
        meter,
        srv: ask.srv,
        atMs: future ? midnightMs : atMs,
        ...(future && { executionMs: atMs }),
        ...(period !== undefined && { period }),
        tries: 0,
      })
    }
    wanted.push(...arrivalsOfDay(scenario, population, isMine, day))
    return wanted.sort((a, b) => a.atMs - b.atMs || a.meter.index - b.meter.index)
  }

  return { schedules: () => schedulesOf(targets, startMs, scenario.days), requestsOfDay }
}

// The report of a rehearsal as plain values: what --json prints, and what tables, plots and CSV files are made from. It holds
// no time of this machine: the same scenario and seed give the same report.

import { settlementTimetables } from '../../host/catalogue/settlement-timetable.ts'
import { measuresOf } from '../../host/metrics/performance-measures.ts'
import { type CompletenessRow, completenessRows } from './completeness-report.ts'
import { addCounts, type Measures, noRequests, type RequestCounts, readKey, type WanCounts } from './measures.ts'
import type { Scenario } from './scenario.ts'
import { byHour, mostAtOnce, peak } from './series.ts'
import { sampledOneIn } from './users.ts'
import { joined, ratio, round, type WanRow, wanRow } from './wan-report.ts'

export interface RequestRow {
  srv: string
  party: string
  service: string
  settlement: 'yes' | 'no'
  requests: number
  answered: number
  inTime: number
  late: number
  failed: number
  refused: number
  /** Answered without a read of the meter. */
  saved: number
  meanSeconds: number
  longestSeconds: number
}

/** Appendix C, D5: by hour of the day, UTC, the mean of the days. */
export interface HourRow {
  hour: number
  requests: number
  answered: number
  wakeUps: number
  kilobytes: number
}

export interface Report {
  scenario: string
  summary: string
  seed: number
  start: string
  days: number
  /** Hours that were rehearsed: fewer than the days have when it was ended early. */
  hours: number
  meters: number
  /** Parts that the population was rehearsed in, each with its share of rates. */
  parts: number
  notes: string[]
  requests: RequestRow[]
  byHour: HourRow[]
  codes: { code: string; answers: number }[]
  deviceReads: number
  retries: number
  schedulesCreated: number
  schedulesRemoved: number
  unanswered: number
  wan: WanRow[]
  dco: {
    calls: number
    callsPerDeviceRead: number
    over4Seconds: number
    meanSeconds: number
    longestSeconds: number
    peakCallsPerSecond: number
    /** In progress or waiting. */
    mostAtOnce: number
  }
  /** Sessions that waited for a limit of the WAN, by limit. */
  heldBack: { limit: string; sessions: number; meanSeconds: number; longestSeconds: number }[]
  cache: {
    halfHours: { cache: number; meter: number; shared: number; notRecorded: number }
    deviceReadsSaved: number
    hitShare: number
    ageHours: { hours: number; responses: number }[]
  }
  completeness: CompletenessRow[]
  performance: { measure: string; what: string; answers: number; within: number }[]
  /** For `smets1 forecast --from-rehearsal`. */
  unitCosts: {
    attempts?: number
    wanBytesPerRead?: number
    smsPerRead?: number
    dcoCallsPerRead?: number
    dcoSeconds?: number
  }
  users: { verified: number; wrong: string[] }
}

function requestRows({ requests }: Measures): RequestRow[] {
  const sums = new Map<string, RequestCounts>()
  for (const [name, counts] of requests) {
    const { srv, party, service, settlement } = readKey(name)
    const key = [srv, party, service, settlement ? 'yes' : 'no'].join('\t')
    const sum = sums.get(key) ?? noRequests()
    sums.set(key, sum)
    addCounts(sum, counts)
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sum]) => {
      const [srv = '', party = '', service = '', settlement] = key.split('\t')
      return {
        srv,
        party,
        service,
        settlement: settlement === 'yes' ? 'yes' : 'no',
        requests: sum.requests,
        answered: sum.answered,
        inTime: sum.within,
        late: sum.answered - sum.within,
        failed: sum.failed,
        refused: sum.refused,
        saved: sum.saved,
        meanSeconds: ratio(sum.tookMsSum, sum.answered * 1000),
        longestSeconds: round(sum.tookMsMax / 1000),
      }
    })
}

/** Sums by hour of the day, as the mean of the days. */
function meanDay(hours: readonly number[], days: number): number[] {
  return Array.from({ length: 24 }, (_, hour) => {
    const sum = hours.reduce((total, amount, i) => (i % 24 === hour ? total + amount : total), 0)
    return round(sum / days)
  })
}

function hourRows(measures: Measures, days: number, wan: WanCounts): HourRow[] {
  const requests = new Array<number>(days * 24).fill(0)
  const answered = new Array<number>(days * 24).fill(0)
  for (const [name, counts] of measures.requests) {
    const { hour } = readKey(name)
    if (hour < 0 || hour >= days * 24) continue
    requests[hour] = (requests[hour] ?? 0) + counts.requests
    answered[hour] = (answered[hour] ?? 0) + counts.answered
  }
  const columns = {
    requests: meanDay(requests, days),
    answered: meanDay(answered, days),
    wakeUps: meanDay(byHour(wan.wakeUpsBySecond, days * 24), days),
    bytes: meanDay(byHour(wan.bytesBySecond, days * 24), days),
  }
  return Array.from({ length: 24 }, (_, hour) => ({
    hour,
    requests: columns.requests[hour] ?? 0,
    answered: columns.answered[hour] ?? 0,
    wakeUps: columns.wakeUps[hour] ?? 0,
    kilobytes: round((columns.bytes[hour] ?? 0) / 1000),
  }))
}

function notesOf(scenario: Scenario, parts: number): string[] {
  const { population, ratedMeters, timetable, days, arrivals } = scenario
  const notes = [
    'Store and audit trail were in memory: records of the trail were made and not kept.',
    `Users checked signatures and half-hours of one response in ${sampledOneIn}.`,
    `Timetable of settlement: ${settlementTimetables[timetable].source}.`,
  ]
  if (arrivals !== undefined)
    notes.push(
      `Requests from ${arrivals.path}: its first day was ${new Date(arrivals.firstDay * 86_400_000).toISOString().slice(0, 10)}; ` +
        `${arrivals.skipped} that the DCC answers itself were left out. Without a window of its own a request reads the UTC day before.`,
    )
  if (population.meters !== ratedMeters)
    notes.push(
      `Rates are scaled from ${ratedMeters} to ${population.meters} meters: the scenario gives them for all of its own.`,
    )
  if (parts > 1)
    notes.push(
      `The population was rehearsed in ${parts} parts; each had its share of the rates, and they did not share queues.`,
    )
  if (days < 30) notes.push('Figures for a month are those of these days times their number.')
  return notes
}

function unitCostsOf(measures: Measures, rows: readonly RequestRow[]): Report['unitCosts'] {
  const { sessions, wakeUps, bytesIn, bytesOut, dcoCalls } = measures.usage
  const requests = rows.reduce((sum, row) => sum + row.requests, 0)
  return {
    ...(requests > 0 && { attempts: ratio(requests + measures.retries, requests) }),
    ...(sessions > 0 && {
      wanBytesPerRead: ratio(bytesIn + bytesOut, sessions),
      smsPerRead: ratio(wakeUps, sessions),
      dcoCallsPerRead: ratio(dcoCalls, sessions),
    }),
    ...(measures.dco.msSum > 0 && { dcoSeconds: ratio(measures.dco.msSum, measures.dco.calls * 1000) }),
  }
}

/** The report of a scenario from what was measured. `metersOf` gives the number of meters of each cohort. */
export function reportOf(
  scenario: Scenario,
  measures: Measures,
  parts: number,
  metersOf: ReadonlyMap<string, number>,
): Report {
  const { name, summary, seed, start, days, population } = scenario
  const doneDays = Math.max(measures.hours, 1) / 24
  const requests = requestRows(measures)
  const all = joined(measures.wan.values())
  const cohorts = [...metersOf].map(([cohort, meters]) =>
    wanRow(cohort, meters, doneDays, measures.wan.get(cohort) ?? joined([])),
  )
  const { cache, dco, usage } = measures
  const saved = requests.reduce((sum, row) => sum + row.saved, 0)
  const served = cache.halfHours.cache + cache.halfHours.meter + cache.halfHours.shared
  return {
    scenario: name,
    summary,
    seed,
    start,
    days,
    hours: measures.hours,
    meters: population.meters,
    parts,
    notes: notesOf(scenario, parts),
    requests,
    byHour: hourRows(measures, days, all),
    codes: [...measures.codes].sort().map(([code, answers]) => ({ code, answers })),
    deviceReads: usage.sessions,
    retries: measures.retries,
    schedulesCreated: measures.schedulesCreated,
    schedulesRemoved: measures.schedulesRemoved,
    unanswered: measures.unanswered,
    wan: [...cohorts, wanRow('all', population.meters, doneDays, all)],
    dco: {
      calls: usage.dcoCalls,
      callsPerDeviceRead: ratio(usage.dcoCalls, usage.sessions),
      over4Seconds: usage.dcoSlow,
      meanSeconds: ratio(dco.msSum, dco.calls * 1000),
      longestSeconds: round(dco.msMax / 1000),
      peakCallsPerSecond: peak(dco.callsBySecond, 1),
      mostAtOnce: mostAtOnce(dco.callsBySecond, dco.endedBySecond),
    },
    heldBack: [...measures.heldBack].sort().map(([limit, { sessions, msSum, msMax }]) => ({
      limit,
      sessions,
      meanSeconds: ratio(msSum, sessions * 1000),
      longestSeconds: round(msMax / 1000),
    })),
    cache: {
      halfHours: cache.halfHours,
      deviceReadsSaved: saved,
      hitShare: ratio(cache.halfHours.cache + cache.halfHours.shared, served),
      ageHours: Array.from(cache.ageHours, (responses = 0, hours) => ({ hours, responses })),
    },
    completeness: completenessRows(scenario, measures),
    performance: measuresOf(
      [...measures.performance].map(([key, count]) => {
        const [kind = '', settlement, srv = ''] = key.split('/')
        return { ...count, kind, settlement: settlement === 'settlement', srv }
      }),
    ),
    unitCosts: unitCostsOf(measures, requests),
    users: { verified: measures.verified, wrong: measures.wrong },
  }
}

/** Why a rehearsal has failed, in sentences; none when every request was answered and no checked response was wrong. */
export function failuresOf({ users, unanswered }: Report, isCancelled: boolean): string[] {
  const failures: string[] = []
  if (users.wrong.length > 0) failures.push(`Users found mistakes in responses, the first: ${users.wrong[0]}`)
  // What was under way when it was ended early had no time to be answered.
  if (unanswered > 0 && !isCancelled) failures.push(`${unanswered} requests and reads of schedules had no answer`)
  return failures
}

// What a rehearsal counts while it runs. Everything can be added up, so that several processes give one report.

import type { Count } from '../../host/metrics/performance-measures.ts'
import { addUsage, noUsage, type Usage } from '../../host/wan/usage.ts'
import { addCompleteness, type Completeness } from './completeness.ts'
import { addSeries, type Series } from './series.ts'

export type Service = 'scheduled' | 'on demand' | 'future-dated' | 'answered by the DCC'

/** What a row of requests is about. The hour is counted from the start of the rehearsal. */
export interface RequestKey {
  hour: number
  srv: string
  party: string
  service: Service
  settlement: boolean
}

export interface RequestCounts {
  requests: number
  /** Responses with data; with a failure code, or an alert that there will be none; refusals at once. */
  answered: number
  failed: number
  refused: number
  /** Of those with data: within the target response time. */
  within: number
  tookMsSum: number
  tookMsMax: number
  /** Of those with data: without a read of the meter, because of the cache or of a read under way. */
  saved: number
}

/** The SMETS1 WAN of one cohort. */
export interface WanCounts {
  wakeUps: number
  contexts: number
  contextMsSum: number
  contextMsMax: number
  bytesOut: number
  bytesIn: number
  /** Wake-ups whose SMS were lost (the model of the WAN). */
  smsLost: number
  /** Of failure messages of the WAN (a fault of the scenario). */
  failureBytes: number
  wakeUpsBySecond: Series
  bytesBySecond: Series
  begunBySecond: Series
  endedBySecond: Series
}

export interface CacheCounts {
  halfHours: { cache: number; meter: number; shared: number; notRecorded: number }
  /** Age of the oldest reading of a response, in whole hours: responses. */
  ageHours: number[]
}

export interface DcoCounts {
  calls: number
  msSum: number
  msMax: number
  callsBySecond: Series
  endedBySecond: Series
}

export interface HeldBackCounts {
  sessions: number
  msSum: number
  msMax: number
}

export interface Measures {
  requests: Map<string, RequestCounts>
  /** Responses and alerts by code. */
  codes: Map<string, number>
  wan: Map<string, WanCounts>
  cache: CacheCounts
  dco: DcoCounts
  /** Sessions that waited for a limit of the WAN, by limit. */
  heldBack: Map<string, HeldBackCounts>
  usage: Usage
  completeness: Completeness
  performance: Map<string, Count>
  /** Failed attempts of scheduled requests that were tried again. */
  retries: number
  /** Schedules that were created before, and those that the DCC removed. */
  schedulesCreated: number
  schedulesRemoved: number
  /** Requests that had no answer at the end. */
  unanswered: number
  /** Responses whose signatures and values Users checked, and what was wrong. */
  verified: number
  wrong: string[]
  /** Virtual hours that were rehearsed. */
  hours: number
}

export const keyOf = ({ hour, srv, party, service, settlement }: RequestKey) =>
  [hour, srv, party, service, settlement ? 'settlement' : 'other'].join('\t')

export function readKey(key: string): RequestKey {
  const [hour, srv = '', party = '', service = '', settlement] = key.split('\t')
  return { hour: Number(hour), srv, party, service: service as Service, settlement: settlement === 'settlement' }
}

export const noRequests = (): RequestCounts => ({
  requests: 0,
  answered: 0,
  failed: 0,
  refused: 0,
  within: 0,
  tookMsSum: 0,
  tookMsMax: 0,
  saved: 0,
})

export const noWan = (): WanCounts => ({
  wakeUps: 0,
  contexts: 0,
  contextMsSum: 0,
  contextMsMax: 0,
  bytesOut: 0,
  bytesIn: 0,
  smsLost: 0,
  failureBytes: 0,
  wakeUpsBySecond: new Map(),
  bytesBySecond: new Map(),
  begunBySecond: new Map(),
  endedBySecond: new Map(),
})

export function noMeasures(): Measures {
  return {
    requests: new Map(),
    codes: new Map(),
    wan: new Map(),
    cache: { halfHours: { cache: 0, meter: 0, shared: 0, notRecorded: 0 }, ageHours: [] },
    dco: { calls: 0, msSum: 0, msMax: 0, callsBySecond: new Map(), endedBySecond: new Map() },
    heldBack: new Map(),
    usage: noUsage(),
    completeness: new Map(),
    performance: new Map(),
    retries: 0,
    schedulesCreated: 0,
    schedulesRemoved: 0,
    unanswered: 0,
    verified: 0,
    wrong: [],
    hours: 0,
  }
}

export function requestsOf({ requests }: Measures, key: RequestKey): RequestCounts {
  const name = keyOf(key)
  const found = requests.get(name) ?? noRequests()
  requests.set(name, found)
  return found
}

export function wanOf({ wan }: Measures, cohort: string): WanCounts {
  const found = wan.get(cohort) ?? noWan()
  wan.set(cohort, found)
  return found
}

export function heldBackBy({ heldBack }: Measures, limit: string): HeldBackCounts {
  const found = heldBack.get(limit) ?? { sessions: 0, msSum: 0, msMax: 0 }
  heldBack.set(limit, found)
  return found
}

export function count(map: Map<string, number>, name: string, amount = 1): void {
  map.set(name, (map.get(name) ?? 0) + amount)
}

/** Most texts of what was wrong. */
export const wrongMax = 20

/** Adds numbers and series of an object to those of another; names that end in Max keep the larger. */
export function addCounts<Counts extends object>(to: Counts, from: Counts): void {
  const target = to as { [name: string]: unknown }
  for (const [name, value] of Object.entries(from)) {
    const own = target[name]
    if (typeof value === 'number' && typeof own === 'number') {
      target[name] = name.endsWith('Max') ? Math.max(own, value) : own + value
    } else if (value instanceof Map && own instanceof Map) addSeries(own, value)
  }
}

function addPerformance(to: Map<string, Count>, from: Map<string, Count>): void {
  for (const [key, value] of from) {
    const own = to.get(key)
    if (own === undefined) to.set(key, { ...value })
    else addCounts(own, { ...value, trtMs: 0 })
  }
}

/** Adds what another process measured. */
export function addMeasures(to: Measures, from: Measures): void {
  for (const [key, counts] of from.requests) addCounts(requestsOf(to, readKey(key)), counts)
  for (const [code, amount] of from.codes) count(to.codes, code, amount)
  for (const [cohort, counts] of from.wan) addCounts(wanOf(to, cohort), counts)
  addCounts(to.cache.halfHours, from.cache.halfHours)
  from.cache.ageHours.forEach((amount, hour) => {
    to.cache.ageHours[hour] = (to.cache.ageHours[hour] ?? 0) + amount
  })
  addCounts(to.dco, from.dco)
  for (const [limit, counts] of from.heldBack) addCounts(heldBackBy(to, limit), counts)
  addUsage(to.usage, from.usage)
  addCompleteness(to.completeness, from.completeness)
  addPerformance(to.performance, from.performance)
  to.retries += from.retries
  to.schedulesCreated += from.schedulesCreated
  to.schedulesRemoved += from.schedulesRemoved
  to.unanswered += from.unanswered
  to.verified += from.verified
  to.wrong = [...to.wrong, ...from.wrong].slice(0, wrongMax)
  to.hours = Math.max(to.hours, from.hours)
}

// A scenario of a rehearsal: which meters there are, who asks them for what, and what the systems in between can do.

import type { SettlementTimetableName } from '../../host/catalogue/settlement-timetable.ts'
import type { DcoSettings } from '../../host/dco/dco-settings.ts'
import type { WanSettings } from '../../host/wan/wan-settings.ts'

/** Levels of a customer's consent for import (design assumption DA11); export is always half-hourly. */
export type Consent = 'half-hourly' | 'daily' | 'monthly' | 'none'

export const consents: readonly Consent[] = ['half-hourly', 'daily', 'monthly', 'none']

/** Shares by name; they sum up to 1. */
export type Shares = { readonly [name: string]: number }

/** A cohort: meters of one S1SP on one CSP's WAN, which behave alike. */
export interface Cohort {
  /** Share of all meters. */
  share: number
  csp: string
  /** Sessions a minute for all meters of the scenario; 0: no limit (risk R4). */
  rate: number
}

export interface Population {
  meters: number
  cohorts: { readonly [name: string]: Cohort }
  /** Share of meters that export. */
  exportTakeUp: number
  consent: Shares
  /** Share of meters that never answer. */
  unreachable: number
  loads: Shares
  /** Groups into which the meters are divided, for the asks of parties. */
  groups: Shares
}

export type PartyRole = 'supplier' | 'MDR' | 'network-operator' | 'other-user'

/** User Roles of a party's User. */
export const rolesOfParty: { readonly [role in PartyRole]: readonly string[] } = {
  supplier: ['IS', 'ES'],
  MDR: ['MDR'],
  'network-operator': ['ED'],
  'other-user': ['OU'],
}

/**
 * What is read of the log: the UTC day or Settlement Day before, so many UTC days, or a part of the UTC day before
 * (milliseconds of that day).
 */
export type AskedPeriod = 'utc-day' | 'settlement-day' | { days: number } | { fromMs: number; toMs: number }

/** What a party asks for, of which meters, when and how often. */
export interface Ask {
  srv: string
  /** Cohorts, levels of consent, groups or `export`: meters to which all of these apply. */
  of: readonly string[]
  every: 'day' | 'month' | 'once'
  as: 'schedule' | 'on-demand' | 'future-dated'
  /** For `once`: on which day of the rehearsal, from 0. */
  onDay: number
  /** When it is asked for, or executed if future-dated; undefined for a schedule that names no time. UTC, milliseconds of the day. */
  atMs: number | undefined
  /** Spread evenly over this time. */
  withinMs: number
  period: AskedPeriod
}

export interface Party {
  name: string
  role: PartyRole
  /** The party whose market participant (MPID) it is another User of. */
  userOf: string | undefined
  /** Whether a supplier's requests serve settlement. */
  forSettlement: boolean
  /** How often it asks again, on demand, for what failed, and how long afterwards (design assumption DA13). */
  askAgain: { times: number; afterMs: number }
  asks: readonly Ask[]
}

/** From a date on another party has the registrations of some meters in a role. */
export interface Change {
  role: 'supplier' | 'MDR'
  to: string
  /** The first Settlement Day, `YYYY-MM-DD`. */
  on: string
  /** Groups, cohorts, … as in an ask. */
  of: readonly string[]
}

/** A request of a log of arrivals. */
export interface Arrival {
  /** When it arrived, ms UTC, and on which day of the log, from 0. */
  atMs: number
  day: number
  srv: string
  /** The User, a party of the scenario. */
  party: string
  /** Index of the meter. */
  meter: number
  period?: { startMs: number; endMs: number }
}

/** A log of requests that really arrived. */
export interface Arrivals {
  path: string
  /** In the order of their times. */
  requests: readonly Arrival[]
  meters: number
  /** Meters that are asked for export. */
  exporting: readonly number[]
  /** First day of the log, days since 1970, and number of days. */
  firstDay: number
  days: number
  /** Requests of the log that the DCC answers without a meter: they are left out. */
  skipped: number
}

/** Between two instants, counted from the start of the rehearsal, meters are not reached. */
export interface Fault {
  kind: 'unreachable' | 'callback'
  fromMs: number
  toMs: number
  /** Meters; all when empty. */
  of: readonly string[]
  /** Share of these meters. */
  share: number
  /** The party whose callback answers nothing. */
  party: string | undefined
  /** Bytes on the WAN for each wake-up that finds nobody. */
  failureBytes: number
}

/** Parts of config.json that a scenario may set. */
export interface BridgeSettings {
  cachePolicy?: string
  cacheTopUp?: string
  cacheDeletion?: string
  readWindow?: string
  changeOfAgentRead?: string
  schedule?: { readonly [name: string]: unknown }
}

export interface Scenario {
  name: string
  summary: string
  /** The first day, `YYYY-MM-DD`, from its 00:00 UTC. */
  start: string
  days: number
  seed: number
  population: Population
  parties: readonly Party[]
  changes: readonly Change[]
  /** Share of the daily reads that go by DCC schedules; the others are asked for on demand. */
  scheduled: number
  bridge: BridgeSettings
  /** Models of the WAN and of the DCO, with limits for all meters of the scenario; undefined: as quick as they are. */
  wan: WanSettings | undefined
  dco: DcoSettings | undefined
  faults: readonly Fault[]
  timetable: SettlementTimetableName
  /** A log of requests that really arrived, to be asked again on the days of the rehearsal. */
  arrivals: Arrivals | undefined
  /** Meters for which rates and limits are given: those of the scenario as it is written. */
  ratedMeters: number
}

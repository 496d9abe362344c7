// A scenario as it is written in a file: what its schema (scenario-schema.ts) allows.

import type { SettlementTimetableName } from '../../host/catalogue/settlement-timetable.ts'
import type { Ask, BridgeSettings, Fault, PartyRole } from './scenario.ts'

/** What a scenario file holds, once its schema holds. */
export interface ScenarioText {
  name?: string
  summary?: string
  start?: string
  days?: number
  seed?: number
  population: {
    meters: number
    cohorts?: { [name: string]: CohortText }
    export?: ShareText
    consent?: { [level: string]: ShareText }
    unreachable?: ShareText
    loads?: { [load: string]: ShareText }
    groups?: { [name: string]: ShareText }
  }
  parties: PartyText[]
  changes?: { role: 'supplier' | 'MDR'; to: string; on: string; of?: string[] }[]
  scheduled?: ShareText
  bridge?: BridgeSettings
  wan?: unknown
  dco?: unknown
  faults?: FaultText[]
  timetable?: SettlementTimetableName
  arrivals?: string
}

/** 0 to 1, or a percentage such as `30%`. */
export type ShareText = number | string

export interface CohortText {
  share: ShareText
  csp?: string
  rate?: number
}

export interface PartyText {
  name: string
  role: PartyRole
  userOf?: string
  forSettlement?: boolean
  askAgain?: { times: number; after: string }
  asks?: AskText[]
}

export interface AskText {
  srv?: string | number
  set?: 'settlement'
  of?: string[]
  every?: Ask['every']
  as?: Ask['as']
  onDay?: number
  at?: string
  within?: string
  period?: string
}

export interface FaultText {
  kind: Fault['kind']
  from: string
  for: string
  of?: string[]
  share?: ShareText
  party?: string
  failureBytes?: number
}

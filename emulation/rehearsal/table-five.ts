// The SMETS1 part of the scenarios of table 5 of the impact assessment, at 1 : 10,000.

import { scenarios } from '../forecast/parameters.ts'
import type { AskText, ScenarioText } from './scenario-text.ts'

/** Shares of the SMETS1 meters by cohort (public figures); that each is on a WAN of its own is an assumption. */
export const smets1Cohorts = {
  IOC: { share: 0.22, csp: 'CSP-IOC' },
  MOC: { share: 0.32, csp: 'CSP-MOC' },
  FOC: { share: 0.46, csp: 'CSP-FOC' },
} as const

/** What the built-in scenarios assume of the WAN and of the DCO; no published text has figures but the DCO's target of 4 s. */
export const usualModels = {
  wan: { all: { smsDelayMs: 3000, smsJitterMs: 2000, latencyMs: 150, bitsPerSecond: 9600 } },
  dco: { latencyMs: 500, jitterMs: 500 },
} as const

/** One meter of the rehearsal stands for so many. */
export const tableFiveScale = 10_000

/** All daily reads by DCC schedules, monthly registers on demand in the window. */
export function settlementSet(of: string[], more: AskText = {}): AskText[] {
  return [{ set: 'settlement', of, within: '6h', ...more }]
}

/** Everybody consents to half-hourly data; the requests are those that MHHS adds. */
export function tableFive(name: 'A' | 'B' | 'C'): ScenarioText {
  const { exportTakeUp, mdrShare, reuse, meters, smets1Share } = scenarios[name]
  const supplierShare = (1 - mdrShare) * (1 - reuse)
  const groups = {
    'collected-by-mdr': mdrShare,
    'collected-by-supplier': supplierShare,
    'collected-already': 1 - mdrShare - supplierShare,
  }
  return {
    name: `table-5-${name.toLowerCase()}`,
    summary: `scenario ${name} of table 5: what settlement adds for SMETS1, at 1 : ${tableFiveScale.toLocaleString('en-GB')}`,
    population: {
      meters: Math.round((meters * smets1Share) / tableFiveScale),
      cohorts: smets1Cohorts,
      export: exportTakeUp,
      groups,
    },
    ...usualModels,
    parties: [
      { name: 'supplier', role: 'supplier', forSettlement: true, asks: settlementSet(['collected-by-supplier']) },
      { name: 'mdr', role: 'MDR', asks: settlementSet(['collected-by-mdr']) },
    ],
  }
}

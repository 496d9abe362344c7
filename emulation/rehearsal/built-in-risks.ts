// Built-in scenarios of the risks in appendix C of the impact assessment, and of what has gone wrong in the field.

import type { ScenarioText } from './scenario-text.ts'
import { settlementSet, smets1Cohorts, usualModels } from './table-five.ts'

const households = { meters: 200, cohorts: smets1Cohorts, export: 0.3 }

const both: ScenarioText['parties'] = [
  { name: 'supplier', role: 'supplier', forSettlement: true, asks: settlementSet([]) },
  { name: 'mdr', role: 'MDR', asks: settlementSet([]) },
]

export const riskScenarios: { readonly [name: string]: ScenarioText } = {
  'itron-apn-limit': {
    name: 'itron-apn-limit',
    ...usualModels,
    summary: 'risk R4: one cohort is limited to few sessions a minute, so that its APN is not overloaded',
    population: {
      ...households,
      cohorts: { ...smets1Cohorts, IOC: { ...smets1Cohorts.IOC, rate: 1 } },
    },
    parties: both,
  },
  'window-not-uniform': {
    name: 'window-not-uniform',
    ...usualModels,
    summary: 'risk R1: everybody names the same start time, in a window of 13 hours',
    population: households,
    bridge: { schedule: { windows: { default: '13h', MDR: '13h' } } },
    parties: [
      {
        name: 'supplier',
        role: 'supplier',
        forSettlement: true,
        asks: settlementSet([], { at: '07:00', within: '13h' }),
      },
      { name: 'mdr', role: 'MDR', asks: settlementSet([], { at: '07:00', within: '13h' }) },
    ],
  },
  'on-demand-storm': {
    name: 'on-demand-storm',
    ...usualModels,
    summary:
      'risk R2: on top of the schedules, a supplier reads every meter on demand within ten minutes of the evening',
    population: households,
    parties: [
      ...both,
      {
        name: 'supplier-app',
        role: 'supplier',
        userOf: 'supplier',
        asks: [{ srv: '4.8.1', every: 'once', as: 'on-demand', at: '18:00', within: '10m', period: '2 days' }],
      },
    ],
  },
  'no-cache': {
    name: 'no-cache',
    ...usualModels,
    summary: 'risk R3: two parties read the same meters, and the S1SP has no cache; compare cachePolicy=off,both-days',
    population: households,
    bridge: { cachePolicy: 'off' },
    parties: both,
  },
  'dco-half-speed': {
    name: 'dco-half-speed',
    summary:
      'issue I2: the DCO takes twice as long and works off just what comes; many on-demand reads of half-hours miss their 16 s',
    ...usualModels,
    dco: { latencyMs: 1000, jitterMs: 1000, callsPerSecond: 0.3 },
    population: households,
    parties: [
      ...both,
      {
        name: 'supplier-app',
        role: 'supplier',
        userOf: 'supplier',
        asks: [{ srv: '4.8.1', every: 'day', as: 'on-demand', at: '01:00', within: '1h', period: '2 days' }],
      },
    ],
  },
  'wan-outage-at-midnight': {
    name: 'wan-outage-at-midnight',
    ...usualModels,
    summary: 'no meter of one cohort is reached from 23:30 to 02:30, in the middle of the window',
    population: households,
    days: 2,
    faults: [{ kind: 'unreachable', from: '23.5h', for: '3h', of: ['FOC'] }],
    parties: both,
  },
  'wan-config-change': {
    name: 'wan-config-change',
    ...usualModels,
    summary: 'a WAN setting cuts off a fifth of the estate for two days, and failure messages are 100 times larger',
    population: households,
    days: 4,
    faults: [{ kind: 'unreachable', from: '1d', for: '2d', share: 0.2, failureBytes: 18_300 }],
    parties: both.map((party) => ({ ...party, askAgain: { times: 1, after: '1h' } })),
  },
  'migration-ramp': {
    name: 'migration-ramp',
    ...usualModels,
    summary: 'over a week more and more meters are read half-hourly, as customers change from monthly reads',
    days: 7,
    population: {
      ...households,
      groups: Object.fromEntries([1, 2, 3, 4, 5].map((wave) => [`wave-${wave}`, 0.2])),
    },
    parties: [
      { name: 'supplier', role: 'supplier' },
      { name: 'mdr-0', role: 'MDR' },
      { name: 'mdr', role: 'MDR', asks: settlementSet([]) },
    ],
    changes: [1, 2, 3, 4, 5].map((wave) => ({
      role: 'MDR' as const,
      to: 'mdr',
      on: `2026-11-${23 + wave}`,
      of: [`wave-${wave}`],
    })),
  },
  arrivals: {
    name: 'arrivals',
    ...usualModels,
    summary: 'requests that really arrived, from a CSV file (--arrivals): time, SRV, User, MPAN',
    population: { ...households, meters: 1, export: 0 },
    parties: [
      { name: 'supplier', role: 'supplier' },
      { name: 'mdr', role: 'MDR' },
      { name: 'network-operator', role: 'network-operator' },
      { name: 'other-user', role: 'other-user' },
    ],
  },
}

// Built-in scenarios of single nights and days: changes of party, of the clock, and of what counts as a day.

import type { ScenarioText } from './scenario-text.ts'
import { settlementSet, smets1Cohorts, usualModels } from './table-five.ts'

const households = { meters: 200, cohorts: smets1Cohorts, export: 0.3 }

export const nightScenarios: { readonly [name: string]: ScenarioText } = {
  'change-of-mdr-night': {
    name: 'change-of-mdr-night',
    ...usualModels,
    summary: 'in summer: the UTC day before the change has 46 half-hours of the outgoing MDR and 2 of the incoming one',
    start: '2026-07-14',
    days: 3,
    population: { ...households, meters: 60 },
    parties: [
      { name: 'supplier', role: 'supplier' },
      {
        name: 'mdr-out',
        role: 'MDR',
        asks: [
          ...settlementSet([]),
          { srv: '4.8.1', every: 'once', onDay: 1, as: 'on-demand', within: '6h', period: '00:00-23:00' },
          {
            srv: '4.8.3',
            of: ['export'],
            every: 'once',
            onDay: 1,
            as: 'on-demand',
            within: '6h',
            period: '00:00-23:00',
          },
        ],
      },
      {
        name: 'mdr-in',
        role: 'MDR',
        asks: [
          ...settlementSet([]),
          { srv: '4.8.1', every: 'once', onDay: 1, as: 'on-demand', within: '6h', period: '23:00-24:00' },
          {
            srv: '4.8.3',
            of: ['export'],
            every: 'once',
            onDay: 1,
            as: 'on-demand',
            within: '6h',
            period: '23:00-24:00',
          },
        ],
      },
    ],
    changes: [{ role: 'MDR', to: 'mdr-in', on: '2026-07-15' }],
  },
  'change-of-supplier-night': {
    name: 'change-of-supplier-night',
    ...usualModels,
    summary: 'half of the meters change their supplier at local midnight; their readings leave the cache',
    start: '2026-11-24',
    days: 3,
    population: { ...households, meters: 60, groups: { staying: 0.5, leaving: 0.5 } },
    parties: [
      {
        name: 'supplier-a',
        role: 'supplier',
        forSettlement: true,
        asks: settlementSet([], { period: 'settlement-day' }),
      },
      {
        name: 'supplier-b',
        role: 'supplier',
        forSettlement: true,
        asks: settlementSet(['leaving'], { period: 'settlement-day' }),
      },
      { name: 'mdr', role: 'MDR', asks: settlementSet([], { period: 'settlement-day' }) },
    ],
    changes: [{ role: 'supplier', to: 'supplier-b', on: '2026-11-25', of: ['leaving'] }],
  },
  'clock-change-day': {
    name: 'clock-change-day',
    ...usualModels,
    summary: 'the last Sunday of October: a Settlement Day of 50 half-hours, read by fixed UTC schedules',
    start: '2026-10-24',
    days: 4,
    population: { ...households, meters: 60 },
    parties: [
      {
        name: 'supplier',
        role: 'supplier',
        forSettlement: true,
        asks: settlementSet([], { period: 'settlement-day' }),
      },
      { name: 'mdr', role: 'MDR', asks: settlementSet([], { as: 'on-demand', period: 'settlement-day', at: '01:00' }) },
    ],
  },
  'utc-day-and-settlement-day': {
    name: 'utc-day-and-settlement-day',
    ...usualModels,
    summary: 'in summer: the MDR reads UTC days, the supplier Settlement Days, an hour apart; compare cachePolicy',
    start: '2026-07-14',
    days: 2,
    population: households,
    parties: [
      {
        name: 'supplier',
        role: 'supplier',
        forSettlement: true,
        asks: settlementSet([], { period: 'settlement-day' }),
      },
      { name: 'mdr', role: 'MDR', asks: settlementSet([], { period: 'utc-day' }) },
    ],
  },
}

// The Service Request Variants: one row each, and the only place that says what a variant needs.
//
// Rows are those of table 2 of the SECMP0162 preliminary impact assessment, and 4.8.2. Roles are the DUIS request matrix
// plus MDR (that table); Target Response Times for SMETS1 are its table 3, granularities its table 4, GBCS use cases its
// table 14. A row with `handled: false` is known, and true, but not offered by this bridge.

import { dayMs } from '../../protocol/half-hour.ts'
import type { Role } from './role.ts'

export type Granularity = 'half-hourly' | 'daily' | 'monthly'

export type SrvRow = {
  /** `4.8.1` */
  variant: string
  /** `4.8` */
  reference: string
  name: string
  /** Element in Body (DUIS XSD). */
  bodyName: string
  /** Web service: device requests go to serviceS, requests that the DCC answers itself to serviceD. */
  endpoint: 'serviceS' | 'serviceD'
  commandVariants: readonly number[]
  /** Roles that may send it to an ESME. */
  roles: readonly Role[]
  /** The MPAN whose registrations decide. That export requests go by the export MPAN is an assumption. */
  mpan: 'import' | 'export' | 'none'
  /** True when the DCC can be told to send it by schedule. */
  schedulable: boolean
  /** Target Response Times, milliseconds; absent where the request cannot be made that way. `settlement`: for MHHS. */
  trtMs: { onDemand?: number; scheduled?: number; settlement?: number }
  /** True for the three that an S1SP answers from its cache (MP256 consultation). */
  cached: boolean
  /** Channels of the profile data log that it reads, in the order of the values in an entry. */
  channels?: readonly ('active-import' | 'active-export' | 'reactive-import' | 'reactive-export')[]
  /** Entries of the longest log that a response may carry (MMC XSD). */
  entriesMax?: number
  /** Levels of a customer's consent for which settlement may ask it (table 4). */
  granularities?: readonly Granularity[]
  /** The GBCS use case that SMETS2 answers it with (table 14); SMETS1 has none. */
  gbcsUseCase?: string
  /** False where SMETS1 does not have the service at all (table 3: N/A). */
  onSmets1: boolean
  /** True for what this bridge carries out. */
  handled: boolean
}

const secondMs = 1_000

/** A command to the device over the WAN; the command variants for local delivery mean nothing on SMETS1 (assumption). */
const device = { endpoint: 'serviceS', commandVariants: [1], onSmets1: true, handled: true } as const

/** Table 3 says N/A for SMETS1. Refused to everybody who might ask it of another device (assumption: with E11). */
const notOnSmets1 = { onSmets1: false, handled: false, trtMs: {}, cached: false } as const

/** Answered by the DCC, no device involved. */
const nonDevice = {
  endpoint: 'serviceD',
  commandVariants: [8],
  mpan: 'none',
  schedulable: false,
  cached: false,
  onSmets1: true,
  handled: true,
} as const

const everyGranularity: readonly Granularity[] = ['half-hourly', 'daily', 'monthly']

const onDemandOnly = { onDemand: 16 * secondMs, settlement: dayMs }
const onDemandAndScheduled = { onDemand: 16 * secondMs, scheduled: dayMs, settlement: dayMs }

// In the DUIS matrix gas suppliers (GS) and gas transporters (GT) may send 4.1.1, 4.6.1, 4.8.1 and 4.17, to gas meters.
// The devices here are ESMEs, so device rows leave them out: such a request is refused for its role (E2), not searched
// for in gas registrations. Rows that the DCC answers keep them.
const consumption: readonly Role[] = ['IS', 'ED', 'OU', 'MDR']
const generation: readonly Role[] = ['ES', 'ED', 'OU', 'MDR']
const scheduling: readonly Role[] = ['IS', 'ES', 'GS', 'ED', 'GT', 'OU', 'MDR']

export const srvTable: readonly SrvRow[] = [
  {
    ...device,
    variant: '4.1.1',
    reference: '4.1',
    name: 'Read Instantaneous Import Registers',
    bodyName: 'ReadInstantaneousImportRegisters',
    roles: ['IS', 'ED', 'MDR'],
    mpan: 'import',
    schedulable: false,
    trtMs: onDemandOnly,
    cached: false,
    granularities: everyGranularity,
    gbcsUseCase: 'ECS17b',
  },
  {
    ...device,
    variant: '4.2',
    reference: '4.2',
    name: 'Read Instantaneous Export Registers',
    bodyName: 'ReadInstantaneousExportRegisters',
    roles: ['ES', 'ED', 'MDR'],
    mpan: 'export',
    // Since DUIS 5.3, with the 24 hours of every schedule. Tables 2 and 3 are older and say no.
    schedulable: true,
    trtMs: onDemandAndScheduled,
    cached: false,
    granularities: everyGranularity,
    gbcsUseCase: 'ECS17a',
  },
  {
    ...device,
    variant: '4.6.1',
    reference: '4.6',
    name: 'Retrieve Import Daily Read Log',
    bodyName: 'RetrieveImportDailyReadLog',
    roles: ['IS', 'MDR'],
    mpan: 'import',
    schedulable: true,
    trtMs: onDemandAndScheduled,
    cached: true,
    entriesMax: 31,
    granularities: ['half-hourly', 'daily'],
    gbcsUseCase: 'ECS21a',
  },
  {
    ...device,
    variant: '4.6.2',
    reference: '4.6',
    name: 'Retrieve Export Daily Read Log',
    bodyName: 'RetrieveExportDailyReadLog',
    roles: ['ES', 'MDR'],
    mpan: 'export',
    schedulable: true,
    entriesMax: 31,
    granularities: ['half-hourly', 'daily'],
    gbcsUseCase: 'ECS21c',
    ...notOnSmets1,
  },
  {
    ...device,
    variant: '4.8.1',
    reference: '4.8',
    name: 'Read Active Import Profile Data',
    bodyName: 'ReadActiveImportProfileData',
    roles: consumption,
    mpan: 'import',
    schedulable: true,
    trtMs: onDemandAndScheduled,
    cached: true,
    channels: ['active-import'],
    entriesMax: 19_056,
    granularities: ['half-hourly'],
    gbcsUseCase: 'ECS22b',
  },
  {
    ...device,
    variant: '4.8.2',
    reference: '4.8',
    name: 'Read Reactive Import Profile Data',
    bodyName: 'ReadReactiveImportProfileData',
    // Not in tables 2 to 4: nobody needs it for settlement, and an MDR may not send it. Its Target Response Times on
    // SMETS1 are an assumption: those of its neighbours.
    roles: ['IS', 'ED', 'OU'],
    mpan: 'import',
    schedulable: true,
    trtMs: { onDemand: 16 * secondMs, scheduled: dayMs },
    cached: false,
    channels: ['reactive-import'],
    entriesMax: 4_464,
  },
  {
    ...device,
    variant: '4.8.3',
    reference: '4.8',
    name: 'Read Export Profile Data',
    bodyName: 'ReadExportProfileData',
    roles: generation,
    mpan: 'export',
    schedulable: true,
    trtMs: onDemandAndScheduled,
    cached: true,
    channels: ['active-export', 'reactive-export'],
    entriesMax: 4_464,
    granularities: ['half-hourly'],
    gbcsUseCase: 'ECS22a',
  },
  {
    ...device,
    variant: '4.17',
    reference: '4.17',
    name: 'Retrieve Daily Consumption Log',
    bodyName: 'RetrieveDailyConsumptionLog',
    roles: consumption,
    mpan: 'import',
    schedulable: true,
    entriesMax: 731,
    granularities: ['half-hourly', 'daily'],
    gbcsUseCase: 'ECS66',
    ...notOnSmets1,
  },
  {
    ...nonDevice,
    variant: '5.1',
    reference: '5.1',
    name: 'Create Schedule',
    bodyName: 'CreateSchedule',
    roles: scheduling,
    trtMs: { onDemand: dayMs, settlement: dayMs },
  },
  {
    ...nonDevice,
    variant: '5.2',
    reference: '5.2',
    name: 'Read Schedule',
    bodyName: 'ReadSchedule',
    roles: scheduling,
    trtMs: { onDemand: dayMs, settlement: dayMs },
  },
  {
    ...nonDevice,
    variant: '5.3',
    reference: '5.3',
    name: 'Delete Schedule',
    bodyName: 'DeleteSchedule',
    roles: scheduling,
    trtMs: { onDemand: dayMs, settlement: dayMs },
  },
  {
    ...nonDevice,
    variant: '8.2',
    reference: '8.2',
    name: 'Read Inventory',
    bodyName: 'ReadInventory',
    roles: ['IS', 'ES', 'GS', 'RSA', 'ED', 'GT', 'OU', 'MDR'],
    // Table 3 gives 16 s for SMETS1; its note 4 calls that an anomaly and makes it 30 s for all Users.
    trtMs: { onDemand: 30 * secondMs, settlement: 30 * secondMs },
  },
]

const rows = new Map(srvTable.map((row) => [row.variant, row]))

/** The row of a Service Reference Variant, or undefined for one that this table does not know. */
export function srvRow(variant: string): SrvRow | undefined {
  return rows.get(variant)
}

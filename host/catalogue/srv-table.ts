// The Service Request Variants, one row each, with all that the bridge needs to know of them.
//
// Rows are those of table 2 of the SECMP0162 preliminary impact assessment, and 4.8.2. Roles are the DUIS request matrix
// plus MDR (that table); Target Response Times for SMETS1 are its table 3, granularities its table 4, GBCS use cases its
// table 14. This bridge does not offer the variants with `handled: false`.

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
  /** Web service: serviceS for requests to devices, serviceD for requests that the DCC answers. */
  endpoint: 'serviceS' | 'serviceD'
  commandVariants: readonly number[]
  /** Roles that may send it to an ESME. */
  roles: readonly Role[]
  /** The MPAN whose registrations are checked. That it is the export MPAN for export requests is an assumption. */
  mpan: 'import' | 'export' | 'none'
  /** True when it can be scheduled (5.1). */
  schedulable: boolean
  /** Target Response Times, milliseconds; absent where the request cannot be made that way. `settlement`: for MHHS. */
  trtMs: { onDemand?: number; scheduled?: number; settlement?: number }
  /** True for the three that an S1SP answers from its cache (MP256 consultation). */
  cached: boolean
  /** Channels of the profile data log that it reads, in the order of the values in an entry. */
  channels?: readonly ('active-import' | 'active-export' | 'reactive-import' | 'reactive-export')[]
  /** Entries of the longest log that a response may carry (MMC XSD). */
  entriesMax?: number
  /** Levels of customer consent at which it may be used for settlement (table 4). */
  granularities?: readonly Granularity[]
  /** The GBCS use case that SMETS2 answers it with (table 14); SMETS1 has none. */
  gbcsUseCase?: string
  /** False where SMETS1 does not have the service at all (table 3: N/A). */
  onSmets1: boolean
  /** True for variants that this bridge executes. */
  handled: boolean
}

const secondMs = 1_000

/** A command to the device over the WAN. Command variants for local delivery are not used on SMETS1 (assumption). */
const device = { endpoint: 'serviceS', commandVariants: [1], onSmets1: true, handled: true } as const

/** N/A for SMETS1 in table 3: refused with E11 (assumption) to the roles that may send it. */
const notOnSmets1 = { onSmets1: false, handled: false, trtMs: {}, cached: false } as const

/** Answered by the DCC without a device. */
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
// The devices here are ESMEs, so these roles are not in the rows of device requests: such a request is refused with E2.
// Rows that the DCC answers include them.
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
    // Schedulable since DUIS 5.3, in 24 hours as all schedules. Tables 2 and 3 are older and say that it is not.
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
    // Not in tables 2 to 4: it is not used for settlement, and an MDR may not send it. Its Target Response Times on
    // SMETS1 are an assumption: those of 4.8.1 and 4.8.3.
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

/** The row of a Service Reference Variant, or undefined when it is not in the table. */
export function srvRow(variant: string): SrvRow | undefined {
  return rows.get(variant)
}

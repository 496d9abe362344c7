// What a collector keeps: its agreements with their schedules and requests, and, sealed, the values that it has.

import { halfHourMs } from '../../protocol/half-hour.ts'
import { readScheduleDetails } from '../schedule/schedule-store.ts'
import type { Reader } from '../store/row-reader.ts'
import { listOf, oneOf, optional, readBoolean, readBytes, readNumber, readText, record } from '../store/row-reader.ts'
import { openEntry, sealEntry } from '../store/sealed.ts'
import type { Store, TableReaders } from '../store/store.ts'
import type { Plan, PlanName } from './plans.ts'
import { type Agreement, collectorRoles, consents } from './portfolio.ts'

/** A schedule: planned, made, or not wanted any more. */
export interface KeptPlan extends Plan {
  /** DSPScheduleID, once it is made. */
  id?: number
  /** Code with which the DCC refused it, and when it is tried again. */
  refused?: string
  againMs?: number
  /** Whether the DCC has removed it, or has been told to. */
  ended?: boolean
}

/** An on-demand request that is not answered. */
export interface Asking {
  requestId: string
  srv: string
  /** The half-hours or midnights that it reads, ms of UTC; none for registers of the moment. */
  startMs: number
  endMs: number
  sentMs: number
  /** Whether the DCC has acknowledged it with I99. */
  accepted: boolean
}

/** A UTC day whose scheduled read has failed. */
export interface FailedDay {
  day: number
  /** What is known: `no response`, `CommandFailure`, or a response code. */
  code: string
}

export interface KeptAgreement {
  agreement: Agreement
  /** Its number: it decides its place in the window. */
  place: number
  plans: KeptPlan[]
  /** Name of the plan whose creation was sent and is not answered. */
  creating?: PlanName
  asking?: Asking
  failed: FailedDay[]
  /** The day (UTC midnight, or first of the month) up to which registers are kept, and whether their schedule has failed since. */
  registersTo?: number
  registersFailed?: boolean
  /** On-demand requests in a row that failed, and when the next one may go out. */
  tries: number
  nextMs: number
}

/** Something about a value that a user should look at. Nothing is dropped for it. */
export interface ValueFlag {
  stampMs: number
  why: 'more than a connection carries' | 'negative' | 'another value came later'
  wh: number
}

/** A UTC day of an MPAN: Wh by half-hour; null where there is no value. */
export interface KeptDay {
  wh: (number | null)[]
  /** Half-hours that a whole response did not have: the meter has no record. */
  absent: number[]
  flags: ValueFlag[]
}

export interface KeptRegister {
  stampMs: number
  wh: number
}

export interface CollectorTables {
  agreements: KeptAgreement
  /** By MPAN and UTC day, sealed. */
  days: Uint8Array
  /** Registers at midnights and at other instants, by MPAN, sealed. */
  registers: Uint8Array
  counters: number
}

const readPlanName: Reader<PlanName> = oneOf(['days', 'before', 'registers', 'first registers'])

export const collectorTables: TableReaders<CollectorTables> = {
  agreements: record<KeptAgreement>({
    agreement: record<Agreement>({
      mpan: readText,
      device: readText,
      role: oneOf(collectorRoles),
      direction: oneOf(['import', 'export']),
      consent: oneOf(consents),
      from: readText,
      to: optional(readText),
    }),
    place: readNumber,
    plans: listOf(
      record<KeptPlan>({
        name: readPlanName,
        details: readScheduleDetails,
        id: optional(readNumber),
        refused: optional(readText),
        againMs: optional(readNumber),
        ended: optional(readBoolean),
      }),
    ),
    creating: optional(readPlanName),
    asking: optional(
      record<Asking>({
        requestId: readText,
        srv: readText,
        startMs: readNumber,
        endMs: readNumber,
        sentMs: readNumber,
        accepted: readBoolean,
      }),
    ),
    failed: listOf(record<FailedDay>({ day: readNumber, code: readText })),
    registersTo: optional(readNumber),
    registersFailed: optional(readBoolean),
    tries: readNumber,
    nextMs: readNumber,
  }),
  days: readBytes,
  registers: readBytes,
  counters: readNumber,
}

export type CollectorStore = Store<CollectorTables>

export const dayKey = (mpan: string, day: number) => `${mpan}/${String(day).padStart(6, '0')}`

/** Values under a key of 32 bytes that is the collector's own. */
export interface Sealing {
  key: Uint8Array
  randomBytes(count: number): Uint8Array
}

const emptyDay = (): KeptDay => ({ wh: Array.from({ length: 48 }, () => null), absent: [], flags: [] })

function opened<Value>(sealing: Pick<Sealing, 'key'>, sealed: Uint8Array, name: string): Value {
  const plain = openEntry(sealing.key, sealed, name)
  if (plain === undefined)
    throw new Error(`the collector's record ${name} cannot be opened: put back the key file with which it was written`)
  return JSON.parse(Buffer.from(plain).toString())
}

const sealed = ({ key, randomBytes }: Sealing, value: unknown, name: string) =>
  sealEntry(key, Buffer.from(JSON.stringify(value)), name, randomBytes)

export const sealDay = (sealing: Sealing, key: string, day: KeptDay) => sealed(sealing, day, `days/${key}`)

export function openDay(store: Pick<CollectorStore, 'get'>, sealing: Pick<Sealing, 'key'>, key: string): KeptDay {
  const bytes = store.get('days', key)
  return bytes === undefined ? emptyDay() : opened<KeptDay>(sealing, bytes, `days/${key}`)
}

/** Every day of an MPAN that has a value or an absent half-hour, in order. */
export function* openDays(
  store: Pick<CollectorStore, 'range'>,
  sealing: Pick<Sealing, 'key'>,
  mpan: string,
): Iterable<{ day: number; kept: KeptDay }> {
  for (const { key, value } of store.range('days', `${mpan}/`, `${mpan}0`))
    yield { day: Number(key.slice(mpan.length + 1)), kept: opened<KeptDay>(sealing, value, `days/${key}`) }
}

export const sealRegisters = (sealing: Sealing, mpan: string, registers: readonly KeptRegister[]) =>
  sealed(sealing, registers, `registers/${mpan}`)

export function openRegisters(
  store: Pick<CollectorStore, 'get'>,
  sealing: Pick<Sealing, 'key'>,
  mpan: string,
): KeptRegister[] {
  const bytes = store.get('registers', mpan)
  return bytes === undefined ? [] : opened<KeptRegister[]>(sealing, bytes, `registers/${mpan}`)
}

/** A half-hour's place in its UTC day, and the day, from the instant at which it begins. */
export function placeOf(startMs: number): { day: number; index: number } {
  const halfHour = Math.floor(startMs / halfHourMs)
  const day = Math.floor(halfHour / 48)
  return { day, index: halfHour - day * 48 }
}

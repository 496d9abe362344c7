// The DCC schedules that exist: in memory, and in the store's table `schedules`.

import { type Role, roles } from '../catalogue/role.ts'
import { frequencies, type PeriodOffset, type ScheduleDetails, scheduleLimits } from '../duis/non-device-fields.ts'
import { listOf, oneOf, optional, readBoolean, readNumber, readText, record } from '../store/row-reader.ts'
import type { Sequence } from '../store/sequence.ts'
import type { Store } from '../store/store.ts'

/** A run that has begun and has no answer yet. */
export type Run = {
  /** The UTC day it runs for, from which its period is computed. */
  day: number
  /** When it was due: its target response time counts from here. */
  dueMs: number
  /** Counter of the request that the DCC sends for it, decimal. */
  counter: string
  tries: number
  nextTryMs: number
}

export type Schedule = {
  id: number
  /** EUI-64 of the User that created it. */
  owner: string
  /** The role that allowed it. */
  role: Role
  /** Whether its reads serve settlement; absent in old records, where an MDR's do. */
  forSettlement?: boolean
  /** schemaVersion of the request that created it; its results have the same. */
  schemaVersion: string
  details: ScheduleDetails
  createdMs: number
  /** UTC day of the next run that has not begun; absent when there is none any more. */
  nextDay?: number
  runs: Run[]
}

const readDetails = record<ScheduleDetails>({
  frequency: oneOf(frequencies),
  startDay: readNumber,
  endDay: optional(readNumber),
  executionTimeMs: optional(readNumber),
  credential: optional(readText),
  serviceReference: readText,
  variant: readText,
  deviceEui: readText,
  readName: readText,
  period: optional(
    record<PeriodOffset>({
      startDays: readNumber,
      startTimeMs: readNumber,
      endDays: readNumber,
      endTimeMs: readNumber,
    }),
  ),
})

const readRun = record<Run>({
  day: readNumber,
  dueMs: readNumber,
  counter: readText,
  tries: readNumber,
  nextTryMs: readNumber,
})

/** Reads a row of the table `schedules`. */
export const readSchedule = record<Schedule>({
  id: readNumber,
  owner: readText,
  role: oneOf(roles),
  forSettlement: optional(readBoolean),
  schemaVersion: readText,
  details: readDetails,
  createdMs: readNumber,
  nextDay: optional(readNumber),
  runs: listOf(readRun),
})

/** Whether a schedule serves settlement. */
export function isForSettlement({ forSettlement, role }: Pick<Schedule, 'forSettlement' | 'role'>): boolean {
  return forSettlement ?? role === 'MDR'
}

/** Schedules of all Users together: about 1 kB of memory each. */
export const schedulesMax = 1_000_000

export interface ScheduleStore {
  get(id: number): Schedule | undefined
  all(): Iterable<Schedule>
  /** Those of a User for a device, by id. */
  of(owner: string, deviceEui: string): Schedule[]
  /** Resolves when it is on disk; 'full' beyond 99 for a User and device, or when there is no room at all. */
  add(schedule: Omit<Schedule, 'id' | 'runs'>): Promise<Schedule | 'full'>
  /** Writes what was changed in a schedule that `get` gave. Nothing for one that was removed meanwhile. */
  save(schedule: Schedule): Promise<void>
  /** Resolves when it is gone from disk. It is gone from memory at once. */
  remove(id: number): Promise<void>
}

/** So that keys sort as ids do. */
const keyOf = (id: number) => `${id}`.padStart(13, '0')

/** Loads every schedule. One process may own the table at a time. */
export function openScheduleStore(store: Store<{ schedules: Schedule }>, nextId: Sequence): ScheduleStore {
  const byId = new Map<number, Schedule>()
  const byOwnerAndDevice = new Map<string, Set<number>>()
  /** Being written: they count, so that creations at the same time cannot pass the limit together. */
  const coming = new Map<string, number>()

  const pairOf = (owner: string, deviceEui: string) => `${owner}/${deviceEui}`

  function index(schedule: Schedule): void {
    const pair = pairOf(schedule.owner, schedule.details.deviceEui)
    const ids = byOwnerAndDevice.get(pair) ?? new Set()
    byOwnerAndDevice.set(pair, ids.add(schedule.id))
    byId.set(schedule.id, schedule)
  }

  for (const { value } of store.range('schedules', '', '\uffff')) index(value)

  return {
    get: (id) => byId.get(id),
    all: () => byId.values(),
    of(owner, deviceEui) {
      const ids = byOwnerAndDevice.get(pairOf(owner, deviceEui)) ?? []
      return [...ids].sort((a, b) => a - b).map((id) => byId.get(id)!)
    },
    async add(fields) {
      const pair = pairOf(fields.owner, fields.details.deviceEui)
      const count = (byOwnerAndDevice.get(pair)?.size ?? 0) + (coming.get(pair) ?? 0)
      if (count >= scheduleLimits.perUserAndDevice || byId.size >= schedulesMax) return 'full'
      coming.set(pair, (coming.get(pair) ?? 0) + 1)
      try {
        const schedule: Schedule = { ...fields, id: Number(await nextId()), runs: [] }
        if (schedule.id > scheduleLimits.idMax) return 'full'
        await store.put('schedules', keyOf(schedule.id), schedule)
        index(schedule)
        return schedule
      } finally {
        const left = coming.get(pair)! - 1
        if (left === 0) coming.delete(pair)
        else coming.set(pair, left)
      }
    },
    async save(schedule) {
      if (byId.get(schedule.id) === schedule) await store.put('schedules', keyOf(schedule.id), schedule)
    },
    async remove(id) {
      const schedule = byId.get(id)
      if (schedule === undefined) return
      byId.delete(id)
      const pair = pairOf(schedule.owner, schedule.details.deviceEui)
      const ids = byOwnerAndDevice.get(pair)!
      ids.delete(id)
      if (ids.size === 0) byOwnerAndDevice.delete(pair)
      await store.remove('schedules', keyOf(id))
    },
  }
}

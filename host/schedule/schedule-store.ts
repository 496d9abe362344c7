// The DCC schedules that exist, in the store: a million cost no memory. One is read when it is due or asked for, and stays the
// same object for as long as anybody holds it.

import { type Role, roles } from '../catalogue/role.ts'
import { frequencies, type PeriodOffset, type ScheduleDetails, scheduleLimits } from '../duis/non-device-fields.ts'
import { createLiveObjects } from '../store/live-objects.ts'
import { listOf, oneOf, optional, readBoolean, readNumber, readText, record } from '../store/row-reader.ts'
import type { Sequence } from '../store/sequence.ts'
import type { Batch, Store } from '../store/store.ts'

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
  /** When it is looked at next: a run of it is due, or tried again. Its place in the table `scheduleTimes`. */
  wakeMs?: number
}

export type ScheduleTables = {
  /** By id in 13 digits. */
  schedules: Schedule
  /** By `TIME/ID`, in 15 and 13 digits: when each is looked at next. `settings`: by which settings. */
  scheduleTimes: string
  /** By `DEVICE/OWNER/ID`. */
  scheduleOwners: string
  /** Those with runs that have begun, by id. */
  scheduleRuns: string
}

/** A schedule as it is kept in a store. */
export const readScheduleDetails = record<ScheduleDetails>({
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
  details: readScheduleDetails,
  createdMs: readNumber,
  nextDay: optional(readNumber),
  runs: listOf(readRun),
  wakeMs: optional(readNumber),
})

export const scheduleTables = {
  schedules: readSchedule,
  scheduleTimes: readText,
  scheduleOwners: readText,
  scheduleRuns: readText,
}

/** Whether a schedule serves settlement. */
export function isForSettlement({ forSettlement, role }: Pick<Schedule, 'forSettlement' | 'role'>): boolean {
  return forSettlement ?? role === 'MDR'
}

/** Schedules of all Users together. */
export const schedulesMax = 1_000_000

export interface ScheduleStore {
  get(id: number): Schedule | undefined
  /** Every schedule, by id; those above `after`. A caller that waits between two goes on after the last. */
  all(after?: number): Iterable<Schedule>
  count(): number
  /** Those for a device, and of a User for a device, by id. */
  of(deviceEui: string, owner?: string): Schedule[]
  /** Those with runs that have begun. */
  withRuns(): Iterable<Schedule>
  /** Entries of the timetable after a place in it, in the order of their times. */
  times(after: string): Iterable<{ place: string; atMs: number; id: number }>
  /** Resolves when it is on disk; 'full' beyond 99 for a User and device, or when there is no room at all. */
  add(schedule: Omit<Schedule, 'id' | 'runs' | 'wakeMs'>): Promise<Schedule | 'full'>
  /** Writes what was changed in a schedule that `get` gave. Nothing for one that was removed meanwhile. */
  save(schedule: Schedule): Promise<void>
  /** Resolves when it is gone from disk. `get` does not find it any more at once. */
  remove(id: number): Promise<void>
  /** Makes the timetable and the list by device, where a version without them or other settings left the schedules. */
  prepare(settings: string): Promise<void>
}

const digits = 13
/** So that keys sort as numbers do. */
const keyOf = (number: number) => `${number}`.padStart(digits, '0')
/** Times reach to the year 9999. */
const timeDigits = 15
const timeKey = ({ id, wakeMs = 0 }: Schedule) =>
  `${`${Math.max(0, Math.ceil(wakeMs))}`.padStart(timeDigits, '0')}/${keyOf(id)}`
const ownerKey = ({ id, owner, details }: Schedule) => `${details.deviceEui}/${owner}/${keyOf(id)}`
/** Schedules that are written in one transaction when the timetable is made. */
const prepareAtOnce = 1_000

interface StoreParts {
  store: Store<ScheduleTables>
  nextId: Sequence
  /** When a schedule is to be looked at next; undefined when it never is. */
  wakeMs(schedule: Schedule): number | undefined
}

/** Reads and writes single schedules. */
function createScheduleRows({ store, wakeMs }: Pick<StoreParts, 'store' | 'wakeMs'>) {
  const objects = createLiveObjects<Schedule>()
  const removed = new Set<number>()

  /** The object that others hold already, for a row that was read. */
  function live(row: Schedule | undefined): Schedule | undefined {
    if (row === undefined || removed.has(row.id)) return undefined
    const known = objects.get(row.id)
    if (known === undefined) objects.set(row.id, row)
    return known ?? row
  }

  return {
    live,
    get(id: number): Schedule | undefined {
      if (removed.has(id)) return undefined
      return objects.get(id) ?? live(store.get('schedules', keyOf(id)))
    },
    async write(schedule: Schedule, isNew = false): Promise<void> {
      const { id, wakeMs: before } = schedule
      const next = wakeMs(schedule)
      const old = before === undefined ? undefined : timeKey(schedule)
      if (next === undefined) delete schedule.wakeMs
      else schedule.wakeMs = next
      const written = objects.dirty(id, schedule)
      await store.write((batch) => {
        batch.put('schedules', keyOf(id), schedule)
        const time = next === undefined ? undefined : timeKey(schedule)
        if (old !== undefined && old !== time) batch.remove('scheduleTimes', old)
        if (time !== undefined && old !== time) batch.put('scheduleTimes', time, '')
        if (isNew) batch.put('scheduleOwners', ownerKey(schedule), '')
        if (schedule.runs.length > 0) batch.put('scheduleRuns', keyOf(id), '')
        else batch.remove('scheduleRuns', keyOf(id))
      })
      if (isNew) objects.set(id, schedule)
      written()
    },
    async remove(schedule: Schedule): Promise<void> {
      const { id } = schedule
      // It stays out of sight also when it cannot be removed from disk.
      removed.add(id)
      await store.write((batch) => removeAll(batch, schedule))
      removed.delete(id)
      objects.delete(id)
    },
  }
}

/** One process may own the tables at a time. */
export function openScheduleStore({ store, nextId, wakeMs }: StoreParts): ScheduleStore {
  const { live, get, write, remove } = createScheduleRows({ store, wakeMs })
  /** Being written: they count, so that creations at the same time cannot pass the limit together. */
  const coming = new Map<string, number>()

  function* found(table: 'scheduleOwners' | 'scheduleRuns', prefix: string): Iterable<Schedule> {
    for (const { key } of store.range(table, prefix, `${prefix}\uffff`)) {
      const schedule = get(Number(key.slice(-digits)))
      if (schedule !== undefined) yield schedule
    }
  }

  return {
    get,
    *all(after = -1) {
      for (const { value } of store.range('schedules', keyOf(after + 1), '\uffff')) {
        const schedule = live(value)
        if (schedule !== undefined) yield schedule
      }
    },
    count: () => store.count('schedules'),
    of(deviceEui, owner) {
      const prefix = owner === undefined ? `${deviceEui}/` : `${deviceEui}/${owner}/`
      return [...found('scheduleOwners', prefix)].sort((a, b) => a.id - b.id)
    },
    withRuns: () => found('scheduleRuns', ''),
    *times(after) {
      for (const { key } of store.range('scheduleTimes', `${after}\0`, ':')) {
        yield { place: key, atMs: Number(key.slice(0, timeDigits)), id: Number(key.slice(-digits)) }
      }
    },
    async add(fields) {
      const prefix = `${fields.details.deviceEui}/${fields.owner}/`
      const under = [...store.range('scheduleOwners', prefix, `${prefix}\uffff`)].length
      const count = under + (coming.get(prefix) ?? 0)
      if (count >= scheduleLimits.perUserAndDevice || store.count('schedules') >= schedulesMax) return 'full'
      coming.set(prefix, (coming.get(prefix) ?? 0) + 1)
      try {
        const schedule: Schedule = { ...fields, id: Number(await nextId()), runs: [] }
        if (schedule.id > scheduleLimits.idMax) return 'full'
        await write(schedule, true)
        return schedule
      } finally {
        const left = (coming.get(prefix) ?? 1) - 1
        if (left === 0) coming.delete(prefix)
        else coming.set(prefix, left)
      }
    },
    async save(schedule) {
      if (get(schedule.id) === schedule) await write(schedule)
    },
    async remove(id) {
      const schedule = get(id)
      if (schedule !== undefined) await remove(schedule)
    },
    prepare: (settings) => prepare({ store, wakeMs }, settings),
  }
}

function removeAll(batch: Batch<ScheduleTables>, schedule: Schedule): void {
  batch.remove('schedules', keyOf(schedule.id))
  if (schedule.wakeMs !== undefined) batch.remove('scheduleTimes', timeKey(schedule))
  batch.remove('scheduleOwners', ownerKey(schedule))
  batch.remove('scheduleRuns', keyOf(schedule.id))
}

async function prepare({ store, wakeMs }: Pick<StoreParts, 'store' | 'wakeMs'>, settings: string): Promise<void> {
  const isWhole = store.count('scheduleOwners') === store.count('schedules')
  if (isWhole && store.get('scheduleTimes', 'settings') === settings) return
  let rows: Schedule[] = []
  let after = ''
  do {
    rows = []
    for (const { key, value } of store.range('schedules', after, '\uffff')) {
      after = `${key}\0`
      if (rows.push(value) === prepareAtOnce) break
    }
    await store.write((batch) => {
      for (const schedule of rows) {
        if (schedule.wakeMs !== undefined) batch.remove('scheduleTimes', timeKey(schedule))
        const next = wakeMs(schedule)
        const { wakeMs: _, ...rest } = schedule
        const row = next === undefined ? rest : { ...rest, wakeMs: next }
        batch.put('schedules', keyOf(row.id), row)
        if (next !== undefined) batch.put('scheduleTimes', timeKey(row), '')
        batch.put('scheduleOwners', ownerKey(row), '')
        if (row.runs.length > 0) batch.put('scheduleRuns', keyOf(row.id), '')
      }
    })
  } while (rows.length > 0)
  await store.put('scheduleTimes', 'settings', settings)
}

// 5.1 Create Schedule, 5.2 Read Schedule, 5.3 Delete Schedule.

import { dayMs } from '../../protocol/half-hour.ts'
import { decide, explain, type UserAllowed } from '../access/access-control.ts'
import { tooLongForBoxed } from '../access/boxed-limits.ts'
import { targetsOf } from '../access/targets.ts'
import { servesSettlement } from '../catalogue/for-settlement.ts'
import { type SrvRow, srvRow } from '../catalogue/srv-table.ts'
import { bodyRow } from '../duis/bodies.ts'
import { scheduleIdContent, schedulesContent } from '../duis/format-non-device.ts'
import { type ScheduleDetails, type ScheduleSubject, scheduleLimits } from '../duis/non-device-fields.ts'
import { type DirectRequest, requestIdOf } from '../duis/request.ts'
import type { DirectHandler, DirectRefusal } from '../requests/direct-response.ts'
import type { Access } from './entitlement.ts'
import type { Runner } from './runner.ts'
import type { Schedule, ScheduleStore } from './schedule-store.ts'
import { isForward, lastDay, periodOfRun } from './schedules.ts'
import type { ScheduleSettings } from './settings.ts'
import type { Timetable } from './timetable.ts'

type CreateScheduleRequest = Extract<DirectRequest, { kind: 'createSchedule' }>

export interface ScheduleParts {
  schedules: ScheduleStore
  runner: Pick<Runner, 'begin'>
  timetable: Timetable
  access: Access
  settings: Pick<ScheduleSettings, 'deleteCode'>
  /** Whether this bridge executes a variant. */
  offers(variant: string): boolean
}

/** DUIS version since which 4.2 is among the variants that can be scheduled. */
const registersSchedulableSince = 5.3

/** Whether messages of a version can name the schedule of a variant. */
function hasSchedulesOf(schemaVersion: string, variant: string): boolean {
  return variant !== '4.2' || Number(schemaVersion) >= registersSchedulableSince
}

function refuse(fault: DirectRefusal['fault'], reason: string): DirectRefusal {
  return { fault, reason }
}

/** The row of what is to be scheduled, or why it cannot be: reference, variant, body and version have to agree. */
function scheduledRow(request: CreateScheduleRequest, parts: ScheduleParts): SrvRow | DirectRefusal {
  const { schemaVersion, schedule: details } = request
  const { variant, readName, period } = details
  const row = srvRow(variant)
  if (row === undefined) return refuse('notForDevice', `${variant} is not a request of this S1SP`)
  if (row.reference !== details.serviceReference) {
    return refuse('mismatch', `DSPScheduledServiceReference ${details.serviceReference} with variant ${variant}`)
  }
  if (!row.schedulable) return refuse('notSchedulable', `${variant} ${row.name} cannot be scheduled`)
  if (readName !== `DSP${row.bodyName}`) return refuse('mismatch', `${variant} is DSP${row.bodyName}, not ${readName}`)
  if (!hasSchedulesOf(schemaVersion, variant)) {
    return refuse('schema', `4.2 can be scheduled since DUIS ${registersSchedulableSince}, this is ${schemaVersion}`)
  }
  if (!row.onSmets1) return refuse('notForDevice', `SMETS1 has no ${variant} (table 3 of the impact assessment: N/A)`)
  if (!parts.offers(variant)) return refuse('notForDevice', `this bridge does not offer ${variant} ${row.name}`)
  const needsPeriod = bodyRow(row.bodyName)?.kind === 'log'
  if (needsPeriod !== (period !== undefined)) {
    return refuse('schema', `${readName} ${period === undefined ? 'lacks its period' : 'holds a period, and has none'}`)
  }
  return row
}

function wrongDates(details: ScheduleDetails, nowMs: number): DirectRefusal | undefined {
  const { startDay, endDay, period } = details
  const today = Math.floor(nowMs / dayMs)
  if (startDay < today) return refuse('scheduleDates', 'ScheduleStartDate is past')
  if (startDay > lastDay) return refuse('scheduleDates', 'ScheduleStartDate is too far away')
  if (endDay !== undefined && endDay < startDay) return refuse('scheduleDates', 'ScheduleEndDate is before the start')
  if (period !== undefined && !isForward(period)) {
    return refuse('schedulePeriod', 'the period to be read does not begin before it ends')
  }
  return undefined
}

/**
 * 5.1. The User must be one that may send the scheduled request to the device on the settlement day of its first run: an
 * MDR or supplier may set up its schedules before its registration begins, for days from there on (an assumption).
 */
export function createScheduleHandler(parts: ScheduleParts): DirectHandler<'createSchedule'> {
  const { schedules, runner, timetable, access } = parts
  return async (request, { user }, nowMs) => {
    const details = request.schedule
    const row = scheduledRow(request, parts)
    if ('fault' in row) return row
    const wrong = wrongDates(details, nowMs)
    if (wrong !== undefined) return wrong
    const requestId = requestIdOf(user.eui, details.deviceEui, 0n)
    const registry = access.registry()
    // The role decides the window, and the window when the first run is: any role that could be it, to begin with.
    const roles = user.roles.filter((role) => row.roles.includes(role))
    const role = roles.length === 1 ? roles[0]! : roles.find((one) => one !== 'MDR')
    const day = timetable.firstDay({ details, role: role ?? 'MDR' }, nowMs)
    if (day === undefined) return refuse('scheduleDates', 'the schedule would never run')
    const decision = decide({ requestId }, Math.max(nowMs, day * dayMs), registry, row, access.policy)
    if (!decision.allowed) return { ...refuse(decision.fault, explain(decision)), decision }
    const forSettlement = servesSettlement(row, [decision.role], user, request.forSettlement)
    if (typeof forSettlement === 'string') return refuse('forSettlement', forSettlement)
    const nextDay = timetable.firstDay({ details, role: decision.role, forSettlement }, nowMs)
    if (nextDay === undefined) return refuse('scheduleDates', 'the schedule would never run')
    const atMs = Number.POSITIVE_INFINITY
    const [{ entries }] = targetsOf(row, periodOfRun(details, nextDay), atMs, decision.device, access.policy)
    const tooLong = tooLongForBoxed(row, user, entries, atMs)
    if (tooLong !== undefined) return refuse('tooLargeForBoxed', tooLong)
    const { schemaVersion } = request
    const created = {
      owner: user.eui,
      role: decision.role,
      forSettlement,
      schemaVersion,
      details,
      createdMs: nowMs,
      nextDay,
    }
    const schedule = await schedules.add(created)
    if (schedule === 'full') {
      const most = scheduleLimits.perUserAndDevice
      return refuse('scheduleLimit', `${user.name} has ${most} schedules for ${details.deviceEui}, or there is no room`)
    }
    runner.begin(schedule)
    const first = new Date(timetable.dueMs(schedule, nextDay)).toISOString()
    const reason = `schedule ${schedule.id} of ${row.variant}, first run ${first}; ${explain(decision)}`
    return { code: 'I0', content: scheduleIdContent(schedule.id), reason }
  }
}

/** A User's own schedules: those of other Users are treated as missing. */
function ownSchedules(subject: ScheduleSubject, { user }: UserAllowed, store: ScheduleStore): Schedule[] {
  if ('deviceEui' in subject) return store.of(subject.deviceEui, user.eui)
  const schedule = store.get(subject.scheduleId)
  return schedule?.owner === user.eui ? [schedule] : []
}

const nothing = (subject: ScheduleSubject) =>
  'deviceEui' in subject
    ? `no schedules of this User for ${subject.deviceEui}`
    : `no schedule ${subject.scheduleId} of this User`

/**
 * 5.2. A schedule that the schema version cannot express is left out (assumption): the answer would not be valid.
 */
export function readScheduleHandler({
  schedules: store,
}: Pick<ScheduleParts, 'schedules'>): DirectHandler<'readSchedule'> {
  return async ({ subject, schemaVersion }, user) => {
    const own = ownSchedules(subject, user, store)
    const schedules = own.filter(({ details }) => hasSchedulesOf(schemaVersion, details.variant))
    const left = own.length - schedules.length
    const more = left === 0 ? '' : `; left out, as DUIS ${schemaVersion} has no schedules of 4.2: ${left}`
    if (schedules.length === 0) {
      return refuse('deviceEui' in subject ? 'noSchedulesToRead' : 'noScheduleToRead', nothing(subject) + more)
    }
    return { code: 'I0', content: schedulesContent(schedules), reason: `${schedules.length} schedules${more}` }
  }
}

/** 5.3. A run that is under way gets no response any more. */
export function deleteScheduleHandler({
  schedules: store,
  settings,
}: Pick<ScheduleParts, 'schedules' | 'settings'>): DirectHandler<'deleteSchedule'> {
  return async ({ subject }, user) => {
    const schedules = ownSchedules(subject, user, store)
    if (schedules.length === 0) {
      return refuse('deviceEui' in subject ? 'noSchedulesToDelete' : 'noScheduleToDelete', nothing(subject))
    }
    await Promise.all(schedules.map(({ id }) => store.remove(id)))
    return { code: settings.deleteCode, content: '', reason: `deleted ${schedules.map(({ id }) => id).join(', ')}` }
  }
}

// A DCC schedule as people describe it, as the details of a request 5.1.

import { dayMs } from '../../protocol/half-hour.ts'
import { srvRow, srvTable } from '../catalogue/srv-table.ts'
import { bodyRow } from '../duis/bodies.ts'
import { frequencies, type ScheduleDetails, scheduleLimits } from '../duis/non-device-fields.ts'
import { parseUtcDate, parseUtcTime } from '../duis/utc-date.ts'
import { CommandError, exitCode } from '../state/errors.ts'

/** What is left out: yesterday's half-hours, every day from tomorrow on, spread over the scheduling window. */
export interface NewSchedule {
  srv?: string | undefined
  /** `daily`, `weekly`, …, in any case. */
  frequency?: string | undefined
  /** First and last day, UTC: `2026-12-01`. */
  start?: string | undefined
  end?: string | undefined
  /** Time of day, UTC: `01:30` or `01:30:00`. */
  at?: string | undefined
  /** The period that is read: days before the day of the run, and times of day. */
  fromDaysAgo?: number | undefined
  fromTime?: string | undefined
  toDaysAgo?: number | undefined
  toTime?: string | undefined
}

/** Days before its run that a schedule can read. */
export const daysAgoMax = -scheduleLimits.offsetDaysMin

function usage(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

/** `nameOf`: how a field is called in messages. @throws CommandError naming the field that is wrong */
export function scheduleDetails(
  wanted: NewSchedule,
  device: string,
  nowMs: number,
  nameOf: (field: keyof NewSchedule) => string = (field) => field,
): ScheduleDetails {
  const date = (name: 'start' | 'end') => {
    const text = wanted[name]
    const day = text === undefined ? undefined : parseUtcDate(text)
    if (text === undefined || day !== undefined) return day
    throw usage(`${nameOf(name)} is a date in UTC, 2026-12-01, not ${text}`)
  }
  const time = (name: 'at' | 'fromTime' | 'toTime') => {
    const text = wanted[name]
    const timeMs = text === undefined ? undefined : parseUtcTime(/^\d\d:\d\d$/.test(text) ? `${text}:00` : text)
    if (text === undefined || timeMs !== undefined) return timeMs
    throw usage(`${nameOf(name)} is a time in UTC, 01:30 or 01:30:00, not ${text}`)
  }
  const variant = wanted.srv ?? '4.8.1'
  const row = srvRow(variant)
  if (row === undefined || row.endpoint !== 'serviceS') {
    const can = srvTable.filter((one) => one.schedulable && one.onSmets1).map((one) => one.variant)
    throw usage(`${nameOf('srv')} is a request to a meter: ${can.join(', ')}, not ${variant}`)
  }
  const named = wanted.frequency ?? 'daily'
  const frequency = frequencies.find((one) => one.toLowerCase() === named.toLowerCase())
  if (frequency === undefined)
    throw usage(`${nameOf('frequency')} is ${frequencies.join(', ').toLowerCase()}, not ${named}`)
  const endDay = date('end')
  const executionTimeMs = time('at')
  const period = {
    startDays: 0 - (wanted.fromDaysAgo ?? 1),
    startTimeMs: time('fromTime') ?? 0,
    endDays: 0 - (wanted.toDaysAgo ?? 0),
    endTimeMs: time('toTime') ?? 0,
  }
  return {
    frequency,
    startDay: date('start') ?? Math.floor(nowMs / dayMs) + 1,
    ...(endDay !== undefined && { endDay }),
    ...(executionTimeMs !== undefined && { executionTimeMs }),
    serviceReference: row.reference,
    variant,
    deviceEui: device,
    readName: `DSP${row.bodyName}`,
    ...(bodyRow(row.bodyName)?.kind === 'log' && { period }),
  }
}

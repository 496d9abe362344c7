// When the runs of schedules go out, by the windows that are configured.

import { dayMs } from '../../protocol/half-hour.ts'
import { deviceDefaults } from '../access/device-details.ts'
import type { Registry } from '../access/parties.ts'
import type { Schedule } from './schedule-store.ts'
import { nextRunDay } from './schedules.ts'
import { type ScheduleSettings, windowFor } from './settings.ts'
import { dueMsOf, placeInWindow } from './windows.ts'

export interface Timetable {
  /** When the run of a day goes out. The schedule's id says where in its window. */
  dueMs(schedule: Pick<Schedule, 'details' | 'role' | 'id'>, day: number): number
  /** The day on which a schedule will run first if it is created now; undefined when it never would. */
  firstDay(schedule: Pick<Schedule, 'details' | 'role'>, nowMs: number): number | undefined
}

export function createTimetable(settings: ScheduleSettings, registry: () => Registry): Timetable {
  function dueMs({ details, role }: Pick<Schedule, 'details' | 'role'>, day: number, place: number): number {
    const { s1sp = deviceDefaults.s1sp } = registry().device(details.deviceEui) ?? {}
    return dueMsOf(details, day, windowFor(settings, role, s1sp), place, settings.startTimes)
  }

  return {
    dueMs: (schedule, day) => dueMs(schedule, day, placeInWindow(schedule.id, settings.seed)),
    firstDay(schedule, nowMs) {
      let day = nextRunDay(schedule.details, Math.floor(nowMs / dayMs) - 1)
      // Its id is not known yet, so neither is its place in the window: the beginning of the window decides.
      while (day !== undefined && dueMs(schedule, day, 0) < nowMs) day = nextRunDay(schedule.details, day + 1)
      return day
    },
  }
}

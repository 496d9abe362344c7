// When the runs of schedules go out, by the windows that are configured.

import { dayMs } from '../../protocol/half-hour.ts'
import type { Registry } from '../access/parties.ts'
import { isForSettlement, type Schedule } from './schedule-store.ts'
import { nextRunDay } from './schedules.ts'
import { type ScheduleSettings, windowFor } from './settings.ts'
import { dueMsOf, placeInWindow } from './windows.ts'

export interface Timetable {
  /** When the run of a day goes out. The schedule's id says where in its window. */
  dueMs(schedule: Planned & Pick<Schedule, 'id'>, day: number): number
  /** The day on which a schedule will run first if it is created now; undefined when it never would. */
  firstDay(schedule: Planned, nowMs: number): number | undefined
}

type Planned = Pick<Schedule, 'details' | 'role' | 'forSettlement'>

export function createTimetable(settings: ScheduleSettings, registry: () => Registry): Timetable {
  function dueMs(schedule: Planned, day: number, place: number): number {
    const { details } = schedule
    const forSettlement = isForSettlement(schedule)
    const window = windowFor(settings, forSettlement, registry().device(details.deviceEui) ?? {})
    const keepsToWindow = forSettlement && settings.settlementWindow === 'all'
    return dueMsOf(details, day, window, place, keepsToWindow ? 'window' : settings.startTimes)
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

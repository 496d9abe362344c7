// DCC schedules as one part of the bridge: the book, the runner, and the requests that create, read and delete.

import type { DirectHandlers } from '../requests/direct-response.ts'
import { createRunner, type Runner, type RunnerParts } from '../schedule/runner.ts'
import { createScheduleHandler, deleteScheduleHandler, readScheduleHandler } from '../schedule/schedule-requests.ts'
import { openScheduleStore, type Schedule, type ScheduleStore } from '../schedule/schedule-store.ts'
import { createTimetable } from '../schedule/timetable.ts'
import { createSequence } from '../store/sequence.ts'
import type { Store } from '../store/store.ts'

export interface ScheduleService {
  book: ScheduleStore
  runner: Runner
  /** For 5.1, 5.2 and 5.3. */
  directHandlers: Omit<DirectHandlers, 'readInventory'>
}

/** Numbers that the DSP reserves at once; the rest of a block is lost in a restart. */
const counterBlock = 1000n

/** Loads the schedules. Nothing runs before the runner's `start`. */
export function openSchedules(
  store: Store<{ schedules: Schedule; counters: unknown }>,
  parts: Omit<RunnerParts, 'book' | 'timetable' | 'nextCounter'>,
  carriesOut: (variant: string) => boolean,
): ScheduleService {
  const book = openScheduleStore(store, createSequence(store, 'schedules', 1n))
  const nextCounter = createSequence(store, 'dsp-counter', counterBlock)
  const timetable = createTimetable(parts.settings, parts.registry)
  const runner = createRunner({ ...parts, book, timetable, nextCounter })
  const handled = { ...parts, book, timetable, runner, carriesOut }
  return {
    book,
    runner,
    directHandlers: {
      createSchedule: createScheduleHandler(handled),
      readSchedule: readScheduleHandler(handled),
      deleteSchedule: deleteScheduleHandler(handled),
    },
  }
}

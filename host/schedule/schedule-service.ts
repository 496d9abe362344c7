// DCC schedules as one part of the bridge: their store, the runner, and the requests that create, read and delete them.

import type { AlertCodes } from '../catalogue/alert-code.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Performance } from '../metrics/performance-measures.ts'
import type { Signer } from '../pki/signer.ts'
import type { DirectHandlers } from '../requests/direct-response.ts'
import type { Execution } from '../requests/execution.ts'
import { createSequence } from '../store/sequence.ts'
import type { Store } from '../store/store.ts'
import type { Timing } from '../wan/timing.ts'
import { createScheduleAlerts } from './alerts.ts'
import type { Access } from './entitlement.ts'
import { createRunOutcomes, type RunReport } from './run-outcomes.ts'
import { createRunner, type Runner } from './runner.ts'
import { createScheduleHandler, deleteScheduleHandler, readScheduleHandler } from './schedule-requests.ts'
import { openScheduleStore, type Schedule, type ScheduleStore, type ScheduleTables } from './schedule-store.ts'
import type { ScheduleSettings } from './settings.ts'
import { createTimetable, type Timetable } from './timetable.ts'

export interface ScheduleServiceParts {
  timing: Timing
  store: Store<ScheduleTables & { counters: unknown }>
  settings: ScheduleSettings
  alertCodes: AlertCodes
  access: Access
  dsp: { eui: string; signer: Signer }
  delivery: Delivery
  performance: Performance
  execution: Execution
  report: RunReport
}

export interface ScheduleService {
  schedules: ScheduleStore
  runner: Runner
  /** For 5.1, 5.2 and 5.3. */
  directHandlers: Omit<DirectHandlers, 'readInventory'>
}

/** Counters that the DSP reserves with one write; the rest of a block is lost at a restart. */
const counterBlock = 1000n

/** When a schedule is looked at next: its next run is due, or one is tried again. */
function earliestMs({ nextDay, runs, ...schedule }: Schedule, { dueMs }: Timetable): number | undefined {
  const times = runs.map(({ nextTryMs }) => nextTryMs)
  if (nextDay !== undefined) times.push(dueMs(schedule, nextDay))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Nothing runs before the runner's `start`. */
export async function openSchedules(parts: ScheduleServiceParts): Promise<ScheduleService> {
  const { timing, store, settings, access, dsp, delivery, performance, execution, report } = parts
  const timetable = createTimetable(settings, access.registry)
  const schedules = openScheduleStore({
    store,
    nextId: createSequence(store, 'schedules', 1n),
    wakeMs: (schedule) => earliestMs(schedule, timetable),
  })
  await schedules.prepare(JSON.stringify(settings))
  const nextCounter = createSequence(store, 'dsp-counter', counterBlock)
  const { registry } = access
  const alerts = createScheduleAlerts({ timing, registry, dsp, alertCodes: parts.alertCodes, delivery, performance })
  const dspEui = dsp.eui
  const { log } = report
  const shared = { timing, schedules, nextCounter, dspEui }
  const outcomes = createRunOutcomes({ ...shared, delivery, alerts, performance, report })
  const { execute, offers } = execution
  const runner = createRunner({ ...shared, timetable, settings, access, execute, outcomes, log })
  const handled = { schedules, timetable, runner, access, settings, offers }
  return {
    schedules,
    runner,
    directHandlers: {
      createSchedule: createScheduleHandler(handled),
      readSchedule: readScheduleHandler(handled),
      deleteSchedule: deleteScheduleHandler(handled),
    },
  }
}

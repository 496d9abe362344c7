// The outcome of a run of a schedule: its response, a failure alert, or the removal of the schedule.
//
// The schedule's record is written whole. A run leaves it in the same step as its response enters the outbox, and after
// it, so that every run has exactly one response however often the process is killed.

import { dayMs } from '../../protocol/half-hour.ts'
import { responseAddress } from '../access/callback.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Performance } from '../metrics/performance-measures.ts'
import type { AcceptedRequest, CompletedRequest } from '../requests/accepted-request.ts'
import type { Log } from '../state/log-event.ts'
import type { Sequence } from '../store/sequence.ts'
import type { Timing } from '../wan/timing.ts'
import type { Usage } from '../wan/usage.ts'
import type { ScheduleAlerts } from './alerts.ts'
import { alertIdOf, resultIdOf, rowOfSchedule } from './command.ts'
import type { RemovalCause } from './entitlement.ts'
import { isForSettlement, type Run, type Schedule, type ScheduleStore } from './schedule-store.ts'

/** What is reported of runs. */
export interface RunReport {
  /** Records a run and the response that is about to be sent; resolves when the record is on disk. */
  record(accepted: AcceptedRequest, completed: CompletedRequest, xml: string): Promise<void>
  completed(completed: CompletedRequest): void
  log: Log
}

export interface RunOutcomeParts {
  timing: Timing
  schedules: ScheduleStore
  delivery: Pick<Delivery, 'keep' | 'start' | 'has'>
  alerts: ScheduleAlerts
  performance: Performance
  /** Counters of the messages that the DSP originates. */
  nextCounter: Sequence
  dspEui: string
  report: RunReport
}

/** The response to a run, and what it cost. */
export type RunResponse = Pick<CompletedRequest, 'provenance'> & { xml: string; usage: Usage }

export interface RunOutcomes {
  /** The target response time of a scheduled request. */
  targetMs(schedule: Pick<Schedule, 'details'>): number
  /** False once the schedule or the run is gone. */
  isLive(schedule: Schedule, run: Run): boolean
  /** Whether a run was answered just before a crash; only its record as under way is left then. */
  isAnswered(schedule: Schedule, run: Run): boolean
  /** Removes a run from its schedule, and the schedule with its last run. */
  settle(schedule: Schedule, run: Run): Promise<void>
  /** Sends the response of a run. Resolves with false, and sends nothing, when the run is gone. */
  respond(schedule: Schedule, run: Run, accepted: AcceptedRequest, response: RunResponse): Promise<boolean>
  /** Ends a run without a response: its owner gets an alert. */
  fail(schedule: Schedule, run: Run, because: string): Promise<void>
  /** Removes a schedule. Its owner gets an alert, unless `cause` is undefined: then there is no owner any more. */
  remove(schedule: Schedule, cause: RemovalCause | undefined, why: string): Promise<void>
}

function scheduledTrtMs(schedule: Pick<Schedule, 'details'>, { performance }: RunOutcomeParts): number {
  return performance.targetMs(rowOfSchedule(schedule), 'scheduled') ?? dayMs
}

export function createRunOutcomes(parts: RunOutcomeParts): RunOutcomes {
  const { schedules, delivery, alerts, dspEui, report } = parts
  const isLive = (schedule: Schedule, run: Run) =>
    schedules.get(schedule.id) === schedule && schedule.runs.includes(run)

  async function settle(schedule: Schedule, run: Run): Promise<void> {
    schedule.runs = schedule.runs.filter((one) => one !== run)
    if (schedule.nextDay !== undefined || schedule.runs.length > 0) return schedules.save(schedule)
    report.log('schedule ended', { scheduleId: schedule.id })
    await schedules.remove(schedule.id)
  }

  return {
    targetMs: (schedule) => scheduledTrtMs(schedule, parts),
    isLive,
    isAnswered: (schedule, run) =>
      delivery.has(resultIdOf(schedule, run)) || delivery.has(alertIdOf(dspEui, schedule.owner, run.counter)),
    settle,
    async respond(schedule, run, accepted, response) {
      if (!isLive(schedule, run)) return false
      const id = resultIdOf(schedule, run)
      const completed = completedRun(schedule, run, id, response, parts)
      await report.record({ ...accepted, id }, completed, response.xml)
      if (!isLive(schedule, run)) return false
      const kept = delivery.keep(id, responseAddress(accepted.allowed.user), response.xml)
      await Promise.all([kept, settle(schedule, run)])
      delivery.start(id)
      report.completed(completed)
      measure(schedule, run, true, parts)
      return true
    },
    async fail(schedule, run, because) {
      report.log('scheduled request given up', { scheduleId: schedule.id, day: run.day, because })
      const alert = alerts.failure(schedule, run)
      await Promise.all([alert.kept, settle(schedule, run)])
      alert.send()
      measure(schedule, run, false, parts)
    },
    async remove(schedule, cause, why) {
      const counter = await parts.nextCounter()
      if (schedules.get(schedule.id) !== schedule) return
      const { id, owner } = schedule
      report.log('schedule removed', { scheduleId: id, owner, cause: cause ?? 'no owner', because: why })
      const alert = cause && alerts.removal(schedule, cause, counter)
      await Promise.all([alert?.kept, schedules.remove(id)])
      alert?.send()
    },
  }
}

function completedRun(
  { id: scheduleId, details }: Schedule,
  { dueMs }: Run,
  id: string,
  { provenance, usage }: RunResponse,
  { timing }: RunOutcomeParts,
): CompletedRequest {
  const tookMs = timing.nowMs() - dueMs
  return {
    id,
    srv: details.variant,
    code: 'I0',
    detail: '',
    tookMs,
    usage,
    scheduleId,
    ...(provenance && { provenance }),
  }
}

function measure(schedule: Schedule, run: Run, good: boolean, parts: RunOutcomeParts): void {
  const { timing, performance } = parts
  performance.record({
    srv: schedule.details.variant,
    kind: 'scheduled',
    settlement: isForSettlement(schedule),
    trtMs: scheduledTrtMs(schedule, parts),
    tookMs: timing.nowMs() - run.dueMs,
    good,
  })
}

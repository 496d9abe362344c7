// Runs DCC schedules: begins the runs that are due and attempts them until each has its response or its failure alert.
//
// What must survive a crash is in the schedule's record: the next day that has not begun, and the runs that have begun and
// have no response yet.

import type { Sequence } from '../store/sequence.ts'
import { type AttemptParts, type Attempts, createAttempts } from './attempts.ts'
import { verdictOf } from './entitlement.ts'
import type { Run, Schedule, ScheduleStore } from './schedule-store.ts'
import { nextRunDay } from './schedules.ts'
import type { ScheduleSettings } from './settings.ts'
import { createTimerQueue } from './timer-queue.ts'
import type { Timetable } from './timetable.ts'

export interface RunnerParts extends AttemptParts {
  schedules: ScheduleStore
  timetable: Timetable
  settings: ScheduleSettings
  /** Counters of the messages that the DSP originates. */
  nextCounter: Sequence
}

export interface Runner {
  /** Sets the timers of a schedule that was just created. */
  begin(schedule: Schedule): void
  /** Sets the timers of every schedule. Call it before the outbox is resumed, which shows which runs were answered. */
  start(): void
  /**
   * Checks the schedules of these devices, or all of them, after registrations or devices have changed, and removes those
   * that can never run again. Resolves with the number removed, when the alerts are on disk.
   */
  reconcile(devices?: readonly string[]): Promise<number>
  /** Starts no more runs, and waits for those under way. */
  stop(): Promise<void>
}

const minuteMs = 60_000
const hourMs = 3_600_000

/** Runs that wait for their attempt, and runs that are being stored, until which more are begun. */
const waitingMax = 10_000
const beginningMax = 200

export function createRunner(parts: RunnerParts): Runner {
  const { schedules, timing, outcomes } = parts
  const { dueMs } = parts.timetable
  const startedMs = timing.nowMs()
  const beginning = new Set<Schedule>()
  let stopped = false
  const isFull = () => beginning.size >= beginningMax || attempts.waiting() >= waitingMax
  const timers = createTimerQueue({ timing, times: schedules.times, due: wake, isFull })
  const work = createWork(parts, (schedule) => {
    // What is in the record is tried again.
    if (!stopped) timers.remind(timing.nowMs() + minuteMs, schedule.id)
  })
  const attempts = createAttempts(parts, work.track, arm)

  function arm(schedule: Schedule): void {
    timers.resume()
    if (schedules.get(schedule.id) !== schedule) return
    if (schedule.nextDay !== undefined) timers.set(dueMs(schedule, schedule.nextDay), schedule.id)
    for (const run of schedule.runs) if (!attempts.has(run)) timers.set(run.nextTryMs, schedule.id)
  }

  function wake(id: number): void {
    const schedule = schedules.get(id)
    if (schedule === undefined) return
    const nowMs = timing.nowMs()
    for (const run of schedule.runs) {
      if (run.nextTryMs <= nowMs && !attempts.has(run)) attempts.enqueue(schedule, run)
    }
    if (schedule.nextDay === undefined || beginning.has(schedule)) return
    if (dueMs(schedule, schedule.nextDay) > nowMs) {
      // The window was moved.
      if (dueMs(schedule, schedule.nextDay) !== schedule.wakeMs && schedule.runs.length === 0)
        work.track(
          schedules.save(schedule).then(() => arm(schedule)),
          schedule,
        )
      return
    }
    beginning.add(schedule)
    const begun = beginRun(schedule, startedMs, parts, attempts)
    work.track(
      begun.finally(() => beginning.delete(schedule)).then(() => arm(schedule)),
      schedule,
    )
  }

  return {
    begin: arm,
    start() {
      for (const schedule of schedules.withRuns()) {
        for (const run of schedule.runs) {
          if (outcomes.isAnswered(schedule, run))
            work.track(
              outcomes.settle(schedule, run).then(() => arm(schedule)),
              schedule,
            )
        }
      }
      timers.start()
    },
    reconcile: (devices) => reconcile(devices, parts, arm, () => stopped),
    async stop() {
      stopped = true
      attempts.stop()
      timers.stop()
      await work.ended()
    },
  }
}

/** Promises under way. A failed one is logged, such as one for which the disk is full; then `failed` is called. */
function createWork({ log }: Pick<RunnerParts, 'log'>, failed: (schedule: Schedule) => void) {
  const underWay = new Set<Promise<void>>()
  return {
    track(promise: Promise<void>, schedule: Schedule): void {
      const done: Promise<void> = promise
        .catch((error) => {
          log('schedule failed', { scheduleId: schedule.id, problem: (error as Error).message })
          failed(schedule)
        })
        .finally(() => underWay.delete(done))
      underWay.add(done)
    },
    ended: () => Promise.all(underWay),
  }
}

/** Begins the run that is due, and gives up those that are too old to catch up. */
async function beginRun(
  schedule: Schedule,
  startedMs: number,
  parts: RunnerParts,
  attempts: Pick<Attempts, 'enqueue' | 'reserve' | 'release'>,
): Promise<void> {
  const { schedules, outcomes, timing, settings, timetable } = parts
  const { dueMs } = timetable
  const nowMs = timing.nowMs()
  const oldestMs = Math.max(startedMs - settings.catchUpHours * hourMs, nowMs - outcomes.targetMs(schedule))
  const missed: number[] = []
  let day = schedule.nextDay
  for (; day !== undefined && dueMs(schedule, day) < oldestMs; day = nextRunDay(schedule.details, day + 1)) {
    missed.push(day)
  }
  const dueDay = day !== undefined && dueMs(schedule, day) <= nowMs ? day : undefined
  const lastMissed = missed.at(-1)
  const lost = lastMissed === undefined ? undefined : await newRun(schedule, lastMissed, parts)
  const run = dueDay === undefined ? undefined : await newRun(schedule, dueDay, parts)
  if (schedules.get(schedule.id) !== schedule) return
  // The next day and the run that takes its place change together, so that a crash cannot separate them.
  const next = dueDay === undefined ? day : nextRunDay(schedule.details, dueDay + 1)
  if (next === undefined) delete schedule.nextDay
  else schedule.nextDay = next
  if (run !== undefined) {
    schedule.runs.push(run)
    attempts.reserve(run)
  }
  try {
    // One alert for all of them: it tells the owner that there is a gap, which it can read on demand.
    if (lost !== undefined)
      await outcomes.fail(schedule, lost, `${missed.length} runs were missed while the bridge was off`)
    else if (run !== undefined || schedule.nextDay !== undefined) await schedules.save(schedule)
  } finally {
    if (run !== undefined) attempts.release(run)
  }
  if (run !== undefined) attempts.enqueue(schedule, run)
}

async function newRun(schedule: Schedule, day: number, { nextCounter, timetable, timing }: RunnerParts): Promise<Run> {
  const counter = `${await nextCounter()}`
  return { day, dueMs: timetable.dueMs(schedule, day), counter, tries: 0, nextTryMs: timing.nowMs() }
}

/** Schedules that are checked before other work goes on: a few milliseconds. */
const checkedAtOnce = 50
const pauseMs = 5

/** The schedules of these devices, or all of them, a few at a time. */
function* slices(schedules: ScheduleStore, devices: readonly string[] | undefined): Iterable<Schedule[]> {
  if (devices !== undefined) {
    for (let at = 0; at < devices.length; at += checkedAtOnce) {
      yield devices.slice(at, at + checkedAtOnce).flatMap((device) => schedules.of(device))
    }
    return
  }
  let after = -1
  while (true) {
    const slice: Schedule[] = []
    for (const schedule of schedules.all(after)) if (slice.push(schedule) === checkedAtOnce) break
    after = slice.at(-1)?.id ?? after
    yield slice
    if (slice.length < checkedAtOnce) return
  }
}

async function reconcile(
  devices: readonly string[] | undefined,
  parts: RunnerParts,
  arm: (schedule: Schedule) => void,
  isStopped: () => boolean,
): Promise<number> {
  const { schedules, timing, outcomes, access, timetable } = parts
  let removed = 0
  let isFirst = true
  for (const slice of slices(schedules, devices)) {
    if (!isFirst) await new Promise<void>((resolve) => timing.after(pauseMs, resolve))
    isFirst = false
    for (const schedule of slice) {
      if (schedule.nextDay === undefined || isStopped()) continue
      const dueMs = timetable.dueMs(schedule, schedule.nextDay)
      const verdict = verdictOf(schedule, schedule.nextDay, Math.max(timing.nowMs(), dueMs), access)
      if (verdict.outcome === 'remove') {
        await outcomes.remove(schedule, verdict.cause, verdict.because)
        removed += 1
      } else if (schedule.runs.length === 0 && schedule.wakeMs !== dueMs) {
        // Its device is in another cohort, which has another window.
        await schedules.save(schedule)
        arm(schedule)
      }
    }
  }
  return removed
}

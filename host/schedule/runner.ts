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

export function createRunner(parts: RunnerParts): Runner {
  const { schedules, timing, outcomes } = parts
  const { dueMs } = parts.timetable
  const startedMs = timing.nowMs()
  const beginning = new Set<Schedule>()
  /** The time for which a schedule's timer is set. It changes when the window is moved. */
  const armedMs = new WeakMap<Schedule, number>()
  let stopped = false
  const timers = createTimerQueue(timing, wake)
  const work = createWork(parts, (schedule) => {
    // What is in the record is tried again.
    if (!stopped) timers.set(timing.nowMs() + minuteMs, schedule.id)
  })
  const attempts = createAttempts(parts, work.track, arm)

  function armNext(schedule: Schedule): void {
    if (schedule.nextDay === undefined) return
    const atMs = dueMs(schedule, schedule.nextDay)
    if (armedMs.get(schedule) !== atMs) timers.set(atMs, schedule.id)
    armedMs.set(schedule, atMs)
  }

  function arm(schedule: Schedule): void {
    armNext(schedule)
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
      armNext(schedule)
      return
    }
    beginning.add(schedule)
    const begun = beginRun(schedule, startedMs, parts, attempts).then(() => arm(schedule))
    work.track(
      begun.finally(() => beginning.delete(schedule)),
      schedule,
    )
  }

  return {
    begin: arm,
    start() {
      for (const schedule of [...schedules.all()]) {
        for (const run of schedule.runs) {
          if (outcomes.isAnswered(schedule, run)) work.track(outcomes.settle(schedule, run), schedule)
        }
        arm(schedule)
      }
    },
    reconcile: (devices) => reconcile(devices, parts, () => stopped),
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

async function reconcile(
  devices: readonly string[] | undefined,
  parts: RunnerParts,
  isStopped: () => boolean,
): Promise<number> {
  const { schedules, timing, outcomes, access, timetable } = parts
  const wanted = devices && new Set(devices)
  let removed = 0
  for (const [index, schedule] of [...schedules.all()].entries()) {
    if (wanted?.has(schedule.details.deviceEui) === false) continue
    // Requests come in between: a hundred thousand schedules take two seconds.
    if (index % 1000 === 999) await new Promise<void>((resolve) => timing.after(0, resolve))
    if (schedule.nextDay === undefined || isStopped()) continue
    const atMs = Math.max(timing.nowMs(), timetable.dueMs(schedule, schedule.nextDay))
    const verdict = verdictOf(schedule, schedule.nextDay, atMs, access)
    if (verdict.outcome !== 'remove') continue
    await outcomes.remove(schedule, verdict.cause, verdict.because)
    removed += 1
  }
  return removed
}

// Carries out DCC schedules: begins what is due, tries again what failed, tells the owner when there is no answer.
//
// What must survive a kill is in the schedule's own record, which is written whole: the next day that has not begun, and
// the runs that have begun and are not answered. A run leaves the record in the same breath as its answer enters the
// outbox, and after it, so every run has one answer, however often the process dies.

import type { AccessPolicy } from '../access/access-control.ts'
import { srvRow } from '../catalogue/srv-table.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { AcceptedRequest, CompletedRequest } from '../requests/accepted-request.ts'
import { Refusal } from '../requests/refusal.ts'
import type { Log } from '../state/log-event.ts'
import type { Sequence } from '../store/sequence.ts'
import { StoppedError } from '../wan/line-queue.ts'
import { noUsage, type Usage } from '../wan/usage.ts'
import { type AlertParts, createScheduleAlerts } from './alerts.ts'
import { alertIdOf, commandOf, resultIdOf } from './command.ts'
import { type EntitlementParts, type RemovalCause, verdictOf } from './entitlement.ts'
import { isForSettlement, type Run, type Schedule, type ScheduleStore } from './schedule-store.ts'
import { nextRunDay } from './schedules.ts'
import type { ScheduleSettings } from './settings.ts'
import { createTimerQueue } from './timer-queue.ts'
import type { Timetable } from './timetable.ts'

export interface RunnerParts extends AlertParts {
  book: ScheduleStore
  timetable: Timetable
  settings: ScheduleSettings
  policy: AccessPolicy
  /** Counters of what the DCC sends of itself. */
  nextCounter: Sequence
  /** Carries out a request: the very function that on-demand requests go through. @throws when there is no answer */
  execute(accepted: AcceptedRequest, usage: Usage): Promise<Pick<CompletedRequest, 'sources'> & { xml: string }>
  delivery: Pick<Delivery, 'keep' | 'start' | 'has'>
  /** Puts on record what a run was and what is about to be sent; on disk when it resolves. */
  record(accepted: AcceptedRequest, answered: CompletedRequest, xml: string): Promise<void>
  answered(answered: CompletedRequest): void
  log: Log
}

export interface Runner {
  /** Takes up a schedule that was just created. */
  begin(schedule: Schedule): void
  /** Takes up every schedule in the book. Call it before delivery takes up the outbox, which says what is answered. */
  start(): void
  /**
   * Looks at every schedule after registrations or devices have changed, and removes those that can serve nothing any more.
   * Resolves with the number removed, when the alerts are on disk.
   */
  reconcile(): Promise<number>
  /** Begins nothing more and waits for what is under way. */
  stop(): Promise<void>
}

const minuteMs = 60_000
const hourMs = 3_600_000

export function createRunner(parts: RunnerParts): Runner {
  const { book, settings, timing, log, delivery } = parts
  const { dueMs } = parts.timetable
  const startedMs = timing.nowMs()
  const ready: { schedule: Schedule; run: Run }[] = []
  /** Waiting in `ready`, or under way. */
  const taken = new Set<Run>()
  const beginning = new Set<Schedule>()
  /** For when the alarm is set. A window that is moved moves it. */
  const armedMs = new WeakMap<Schedule, number>()
  const underWay = new Set<Promise<void>>()
  let stopped = false
  const alarm = createTimerQueue(timing, wake)
  const alerts = createScheduleAlerts(parts)

  const rowOf = (schedule: Pick<Schedule, 'details'>) => srvRow(schedule.details.variant)!
  const trtMs = (schedule: Schedule) => rowOf(schedule).trtMs.scheduled ?? 24 * hourMs
  const entitlement = (schedule: Schedule): EntitlementParts => {
    return { registry: parts.registry(), policy: parts.policy, row: rowOf(schedule) }
  }

  function armNext(schedule: Schedule): void {
    if (schedule.nextDay === undefined) return
    const atMs = dueMs(schedule, schedule.nextDay)
    if (armedMs.get(schedule) !== atMs) alarm.set(atMs, schedule.id)
    armedMs.set(schedule, atMs)
  }

  function arm(schedule: Schedule): void {
    armNext(schedule)
    for (const run of schedule.runs) if (!taken.has(run)) alarm.set(run.nextTryMs, schedule.id)
  }

  function wake(id: number): void {
    const schedule = book.get(id)
    if (schedule === undefined) return
    const nowMs = timing.nowMs()
    for (const run of schedule.runs) if (run.nextTryMs <= nowMs && !taken.has(run)) enqueue(schedule, run)
    if (schedule.nextDay === undefined || beginning.has(schedule)) return
    if (dueMs(schedule, schedule.nextDay) > nowMs) armNext(schedule)
    else {
      beginning.add(schedule)
      work(
        beginRun(schedule, nowMs).finally(() => beginning.delete(schedule)),
        schedule,
      )
    }
  }

  function work(promise: Promise<void>, schedule: Schedule): void {
    const done: Promise<void> = promise
      .catch((error) => {
        // A disk that is full, say. What is in the record is tried again.
        log('schedule failed', { scheduleId: schedule.id, problem: (error as Error).message })
        if (!stopped) alarm.set(timing.nowMs() + minuteMs, schedule.id)
      })
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }

  /** Passes over what is too old to be made up for, and begins the first run that is not. */
  async function beginRun(schedule: Schedule, nowMs: number): Promise<void> {
    const oldestMs = Math.max(startedMs - settings.catchUpHours * hourMs, nowMs - trtMs(schedule))
    const missed: number[] = []
    let day = schedule.nextDay
    for (; day !== undefined && dueMs(schedule, day) < oldestMs; day = nextRunDay(schedule.details, day + 1)) {
      missed.push(day)
    }
    const due = day !== undefined && dueMs(schedule, day) <= nowMs ? day : undefined
    const lost = missed.length === 0 ? undefined : await newRun(schedule, missed.at(-1)!)
    const run = due === undefined ? undefined : await newRun(schedule, due)
    if (book.get(schedule.id) !== schedule) return
    // The next day and the run that takes its place change together, so that no kill can come between them.
    const next = due === undefined ? day : nextRunDay(schedule.details, due + 1)
    if (next === undefined) delete schedule.nextDay
    else schedule.nextDay = next
    if (run !== undefined) {
      schedule.runs.push(run)
      taken.add(run)
    }
    try {
      // One alert for all of them: the owner learns that there is a gap, and asks on demand for what it needs.
      if (lost !== undefined) await fail(schedule, lost, `${missed.length} runs were missed while the bridge was off`)
      else if (run !== undefined || schedule.nextDay !== undefined) await book.save(schedule)
    } finally {
      if (run !== undefined) taken.delete(run)
    }
    if (run !== undefined) enqueue(schedule, run)
    arm(schedule)
  }

  async function newRun(schedule: Schedule, day: number): Promise<Run> {
    const counter = `${await parts.nextCounter()}`
    return { day, dueMs: dueMs(schedule, day), counter, tries: 0, nextTryMs: timing.nowMs() }
  }

  function enqueue(schedule: Schedule, run: Run): void {
    taken.add(run)
    ready.push({ schedule, run })
    pump()
  }

  let attempting = 0
  function pump(): void {
    while (!stopped && attempting < settings.underWayMax && ready.length > 0) {
      const { schedule, run } = ready.shift()!
      attempting += 1
      const attempted = attempt(schedule, run).finally(() => {
        taken.delete(run)
        attempting -= 1
        pump()
        if (book.get(schedule.id) === schedule && schedule.runs.includes(run)) arm(schedule)
      })
      work(attempted, schedule)
    }
  }

  const isLive = (schedule: Schedule, run: Run) => book.get(schedule.id) === schedule && schedule.runs.includes(run)

  async function attempt(schedule: Schedule, run: Run): Promise<void> {
    if (!isLive(schedule, run)) return
    const nowMs = timing.nowMs()
    const verdict = verdictOf(schedule, run.day, nowMs, entitlement(schedule))
    if (verdict.outcome === 'remove') return void (await removeSchedule(schedule, verdict.cause, verdict.because))
    if (verdict.outcome === 'fail') return fail(schedule, run, verdict.because)
    const deadlineMs = run.dueMs + trtMs(schedule)
    if (nowMs >= deadlineMs) return fail(schedule, run, 'no answer within the target response time')
    const accepted = commandOf(schedule, run, verdict.allowed, rowOf(schedule), deadlineMs, parts.dspEui)
    const usage = noUsage()
    const answered = { id: resultIdOf(schedule, run), srv: accepted.row.variant, usage, scheduleId: schedule.id }
    try {
      const { xml, sources } = await parts.execute(accepted, usage)
      if (!isLive(schedule, run)) return
      const tookMs = timing.nowMs() - run.dueMs
      const done: CompletedRequest = { ...answered, code: 'I0', detail: '', tookMs, ...(sources && { sources }) }
      await parts.record({ ...accepted, id: done.id }, done, xml)
      if (!isLive(schedule, run)) return
      const kept = delivery.keep(answered.id, verdict.allowed.user.callback, xml)
      await Promise.all([kept, settle(schedule, run)])
      delivery.start(answered.id)
      parts.answered(done)
      measure(schedule, run, true)
      if (verdict.last !== undefined) await removeSchedule(schedule, verdict.last, verdict.because)
    } catch (error) {
      if (error instanceof StoppedError) return
      const detail = (error as Error).message
      // Asking again would not change it.
      if (error instanceof Refusal) return fail(schedule, run, detail)
      log('scheduled request failed', { scheduleId: schedule.id, day: run.day, tries: run.tries + 1, detail, usage })
      await tryLater(schedule, run, deadlineMs)
    }
  }

  async function tryLater(schedule: Schedule, run: Run, deadlineMs: number): Promise<void> {
    if (!isLive(schedule, run)) return
    const waits = settings.retryMinutes
    const waitMs = waits[Math.min(run.tries, waits.length - 1)]! * minuteMs
    run.tries += 1
    run.nextTryMs = Math.min(timing.nowMs() + waitMs, deadlineMs)
    await book.save(schedule)
  }

  /** Whether a run was answered just before a kill; only the note that it had begun is left then. */
  function isAnswered(schedule: Schedule, run: Run): boolean {
    return delivery.has(resultIdOf(schedule, run)) || delivery.has(alertIdOf(parts.dspEui, schedule.owner, run.counter))
  }

  /** Takes a run off the record; the schedule too when it was its last. */
  async function settle(schedule: Schedule, run: Run): Promise<void> {
    schedule.runs = schedule.runs.filter((one) => one !== run)
    if (schedule.nextDay === undefined && schedule.runs.length === 0) await end(schedule)
    else await book.save(schedule)
  }

  async function end(schedule: Schedule): Promise<void> {
    log('schedule ended', { scheduleId: schedule.id })
    await book.remove(schedule.id)
  }

  function measure(schedule: Schedule, run: Run, good: boolean): void {
    const tookMs = timing.nowMs() - run.dueMs
    const settlement = isForSettlement(schedule)
    const srv = schedule.details.variant
    parts.performance.record({ srv, kind: 'scheduled', settlement, trtMs: trtMs(schedule), tookMs, good })
  }

  async function fail(schedule: Schedule, run: Run, because: string): Promise<void> {
    log('scheduled request given up', { scheduleId: schedule.id, day: run.day, because })
    const told = alerts.failure(schedule, run)
    await Promise.all([told.kept, settle(schedule, run)])
    told.send()
    measure(schedule, run, false)
  }

  async function removeSchedule(schedule: Schedule, cause: RemovalCause | undefined, why: string): Promise<void> {
    const counter = await parts.nextCounter()
    if (book.get(schedule.id) !== schedule) return
    log('schedule removed', {
      scheduleId: schedule.id,
      owner: schedule.owner,
      cause: cause ?? 'no owner',
      because: why,
    })
    const told = cause && alerts.removal(schedule, cause, counter)
    await Promise.all([told?.kept, book.remove(schedule.id)])
    told?.send()
  }

  return {
    begin: arm,
    start() {
      for (const schedule of [...book.all()]) {
        for (const run of schedule.runs) if (isAnswered(schedule, run)) work(settle(schedule, run), schedule)
        arm(schedule)
      }
    },
    async reconcile() {
      let removed = 0
      for (const [index, schedule] of [...book.all()].entries()) {
        // Requests are not kept waiting: a hundred thousand take two seconds.
        if (index % 1000 === 999) await new Promise<void>((goOn) => timing.after(0, goOn))
        if (schedule.nextDay === undefined || stopped) continue
        const atMs = Math.max(timing.nowMs(), dueMs(schedule, schedule.nextDay))
        const verdict = verdictOf(schedule, schedule.nextDay, atMs, entitlement(schedule))
        if (verdict.outcome !== 'remove') continue
        await removeSchedule(schedule, verdict.cause, verdict.because)
        removed += 1
      }
      return removed
    },
    async stop() {
      stopped = true
      alarm.stop()
      await Promise.all(underWay)
    },
  }
}

// Attempts to answer runs of schedules: a limited number at a time, in the order in which the runs became ready.

import type { Execution } from '../requests/execution.ts'
import { Refusal } from '../requests/refusal.ts'
import type { Log } from '../state/log-event.ts'
import { StoppedError } from '../wan/line-queue.ts'
import type { Timing } from '../wan/timing.ts'
import { noUsage } from '../wan/usage.ts'
import { commandOf } from './command.ts'
import { type Access, verdictOf } from './entitlement.ts'
import type { RunOutcomes } from './run-outcomes.ts'
import type { Run, Schedule, ScheduleStore } from './schedule-store.ts'
import { retriesFor, type ScheduleSettings } from './settings.ts'

export interface AttemptParts {
  timing: Timing
  schedules: Pick<ScheduleStore, 'save'>
  settings: Pick<ScheduleSettings, 'underWayMax' | 'retryMinutes' | 'retries'>
  access: Access
  execute: Execution['execute']
  outcomes: RunOutcomes
  dspEui: string
  log: Log
}

export interface Attempts {
  /** Whether a run waits for its attempt, or is in one. */
  has(run: Run): boolean
  /** Starts the attempt as soon as there is room. */
  enqueue(schedule: Schedule, run: Run): void
  /** Marks a run that is being stored, so that it is not enqueued twice; `release` removes the mark. */
  reserve(run: Run): void
  release(run: Run): void
  /** Runs that wait for their attempt. */
  waiting(): number
  /** Starts no more attempts. */
  stop(): void
}

const minuteMs = 60_000

/** `track` is called with each attempt; `finished` when one is over. */
export function createAttempts(
  parts: AttemptParts,
  track: (attempt: Promise<void>, schedule: Schedule) => void,
  finished: (schedule: Schedule) => void,
): Attempts {
  const ready: { schedule: Schedule; run: Run }[] = []
  const enqueued = new Set<Run>()
  let underWay = 0
  let stopped = false

  function startNext(): void {
    while (!stopped && underWay < parts.settings.underWayMax) {
      const next = ready.shift()
      if (next === undefined) return
      underWay += 1
      track(
        attempt(next.schedule, next.run, parts).finally(() => end(next.schedule, next.run)),
        next.schedule,
      )
    }
  }

  function end(schedule: Schedule, run: Run): void {
    enqueued.delete(run)
    underWay -= 1
    startNext()
    finished(schedule)
  }

  return {
    has: (run) => enqueued.has(run),
    enqueue(schedule, run) {
      enqueued.add(run)
      ready.push({ schedule, run })
      startNext()
    },
    reserve: (run) => void enqueued.add(run),
    release: (run) => void enqueued.delete(run),
    waiting: () => ready.length,
    stop() {
      stopped = true
    },
  }
}

async function attempt(schedule: Schedule, run: Run, parts: AttemptParts): Promise<void> {
  const { outcomes, timing, log } = parts
  if (!outcomes.isLive(schedule, run)) return
  const nowMs = timing.nowMs()
  const verdict = verdictOf(schedule, run.day, nowMs, parts.access)
  if (verdict.outcome === 'remove') return outcomes.remove(schedule, verdict.cause, verdict.because)
  if (verdict.outcome === 'fail') return outcomes.fail(schedule, run, verdict.because)
  const deadlineMs = run.dueMs + outcomes.targetMs(schedule)
  if (nowMs >= deadlineMs) return outcomes.fail(schedule, run, 'no answer within the target response time')
  const accepted = commandOf(schedule, run, verdict.allowed, deadlineMs, parts.dspEui)
  const usage = noUsage()
  try {
    const response = await parts.execute(accepted, usage)
    const sent = await outcomes.respond(schedule, run, accepted, { ...response, usage })
    if (sent && verdict.last !== undefined) await outcomes.remove(schedule, verdict.last, verdict.because)
  } catch (error) {
    if (error instanceof StoppedError) return
    const detail = error instanceof Error ? error.message : String(error)
    // Another attempt would be refused as well.
    if (error instanceof Refusal) return outcomes.fail(schedule, run, detail)
    log('scheduled request failed', { scheduleId: schedule.id, day: run.day, tries: run.tries + 1, detail, usage })
    if (outcomes.isLive(schedule, run)) await postpone(schedule, run, deadlineMs, parts)
  }
}

/** Notes when the next attempt is due. */
async function postpone(schedule: Schedule, run: Run, deadlineMs: number, parts: AttemptParts): Promise<void> {
  const device = parts.access.registry().device(schedule.details.deviceEui) ?? {}
  const waits = retriesFor(parts.settings, schedule.role, device)
  const waitMinutes = waits[Math.min(run.tries, waits.length - 1)] ?? 0
  run.tries += 1
  run.nextTryMs = Math.min(parts.timing.nowMs() + waitMinutes * minuteMs, deadlineMs)
  await parts.schedules.save(schedule)
}

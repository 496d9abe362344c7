// The clock of a bench on virtual time, as its user moves it: it stands, runs at N times the speed of real time, or advances
// as fast as it can. At every speed it is the same clock of events, only throttled, so the results are equal.

import { CommandError, exitCode } from '../host/state/errors.ts'
import type { Timing } from '../host/wan/timing.ts'
import type { BenchClock, ClockState } from './bench-api.ts'
import { type Duration, durationMs, type Instant, instantMs } from './instants.ts'
import type { SteppedClock } from './virtual-clock.ts'

export interface BenchClockParts {
  clock: SteppedClock
  real: Timing
  /** Whether a request of a User has no answer yet, and waits for nothing but time. */
  unanswered(): boolean
  /** Called whenever time has passed, and when it stands again: after an advance, an answer, a stop. */
  moved?(): void
  stands?(): void
  failed(error: unknown): void
}

export interface MovedClock extends BenchClock {
  /** Lets time pass until no request is unanswered, if the clock stands. Call it when one may have been accepted. */
  answer(): void
  /** Stops the clock for good. */
  close(): void
}

/** How long an advance waits for work outside, such as a User's answer, in real time. */
export const waitMsMax = 30_000
const lookEveryMs = 500
/** Real time between two looks at a clock that runs. */
const tickMs = 20
/** A clock that runs and is so far behind, because it had to wait, continues from where it is. */
const lagMsMax = 1000
export const scaleMax = 1_000_000

const iso = (atMs: number) => new Date(atMs).toISOString()

/** Runs timers due by an instant while it is wanted, and tells when nothing has happened for `waitMsMax` of real time. */
async function stepUntil({ clock, real, moved }: BenchClockParts, untilMs: number, isWanted: () => boolean) {
  let movedAtMs = real.nowMs()
  let watch: { cancel(): void } | undefined
  const stuck = new Promise<string[]>((resolve) => {
    const look = () => {
      const waitsFor = clock.held()
      if (waitsFor.length > 0 && real.nowMs() - movedAtMs >= waitMsMax) resolve(waitsFor)
      else watch = real.after(lookEveryMs, look)
    }
    watch = real.after(lookEveryMs, look)
  })
  let isStuck = false
  async function steps(): Promise<undefined> {
    while (await clock.step(untilMs, () => !isStuck && isWanted())) {
      movedAtMs = real.nowMs()
      moved?.()
    }
    if (!isStuck && isWanted()) clock.set(Math.max(clock.nowMs(), untilMs))
    moved?.()
  }
  try {
    return await Promise.race([steps(), stuck])
  } finally {
    isStuck = true
    watch?.cancel()
  }
}

/** Runs a clock at a speed, until the next call. */
function createRunner(parts: BenchClockParts, isAdvancing: () => boolean) {
  const { clock, real, failed } = parts
  const { nowMs } = clock
  /** Changes with the speed. */
  let run = 0

  async function runAt(speed: number, mine: number): Promise<void> {
    const isWanted = () => run === mine
    let anchor = { realMs: real.nowMs(), atMs: nowMs() }
    while (isWanted()) {
      const dueMs = anchor.atMs + (real.nowMs() - anchor.realMs) * speed
      if (!isAdvancing() && dueMs > nowMs()) await stepUntil(parts, dueMs, isWanted)
      const lagMs = real.nowMs() - anchor.realMs - (nowMs() - anchor.atMs) / speed
      // Behind after a wait, ahead after an advance.
      if (lagMs > lagMsMax || lagMs < -1) anchor = { realMs: real.nowMs(), atMs: nowMs() }
      await new Promise<void>((resolve) => void real.after(tickMs, resolve))
    }
  }

  /** 0: it stands. */
  return (speed: number): void => {
    run += 1
    if (speed > 0) runAt(speed, run).catch(failed)
  }
}

/** Lets time pass while a request is unanswered and nothing else moves the clock. */
function createAnswerer(parts: BenchClockParts, mayMove: () => boolean): () => void {
  const { clock, unanswered, failed } = parts
  let isAnswering = false
  const isWanted = () => mayMove() && unanswered()

  async function untilAnswered(): Promise<void> {
    if (!isWanted()) return
    while (isWanted() && (await clock.step(Number.POSITIVE_INFINITY, isWanted))) parts.moved?.()
    parts.stands?.()
  }

  return () => {
    if (isAnswering) return
    isAnswering = true
    untilAnswered()
      .catch(failed)
      .finally(() => {
        isAnswering = false
      })
  }
}

/** @throws CommandError */
function checkScale(factor: number): void {
  if (Number.isInteger(factor) && factor >= 0 && factor <= scaleMax) return
  const why = `the scale is a whole number from 1 to ${scaleMax} times real time, or 0 for a clock that stands, not ${factor}`
  throw new CommandError(exitCode.usage, why)
}

export function createBenchClock(parts: BenchClockParts): MovedClock {
  const { clock } = parts
  const { nowMs } = clock
  let factor = 0
  let goal: { untilMs: number; isWanted: boolean } | undefined
  /** Why the last advance ended early. */
  let problem: string | undefined
  let isOpen = true
  const run = createRunner(parts, () => goal !== undefined)
  const answer = createAnswerer(parts, () => isOpen && factor === 0 && goal === undefined)

  function state(): ClockState {
    const to = goal && { movingTo: iso(goal.untilMs) }
    const why = problem === undefined ? {} : { problem }
    return { clock: 'virtual', now: iso(nowMs()), scale: factor, ...to, ...why, waitsFor: clock.held() }
  }

  async function moveTo(untilMs: number): Promise<ClockState> {
    if (goal !== undefined) {
      const why = `the clock is on its way to ${iso(goal.untilMs)}: wait for it, or stop the clock first`
      throw new CommandError(exitCode.failed, why)
    }
    if (untilMs < nowMs())
      throw new CommandError(exitCode.usage, `the clock shows ${iso(nowMs())} and does not go back to ${iso(untilMs)}`)
    const mine = { untilMs, isWanted: true }
    goal = mine
    problem = undefined
    const waitsFor = await stepUntil(parts, untilMs, () => mine.isWanted).finally(() => {
      goal = undefined
      parts.stands?.()
    })
    if (waitsFor !== undefined) {
      const stuck = `for 30 s of real time it waited for ${waitsFor.join(', and for ')}`
      problem = `the clock stands at ${iso(nowMs())}, before ${iso(untilMs)}: ${stuck}`
      throw new CommandError(exitCode.failed, problem)
    }
    if (nowMs() < untilMs) problem = `the clock was stopped at ${iso(nowMs())}, before ${iso(untilMs)}`
    answer()
    return state()
  }

  function setScale(next: number): ClockState {
    checkScale(next)
    factor = next
    run(isOpen ? next : 0)
    if (next === 0) {
      parts.stands?.()
      answer()
    }
    return state()
  }

  return {
    nowMs,
    state,
    advance: async (duration: Duration) => moveTo(nowMs() + durationMs(duration, 'the time to advance')),
    to: async (instant: Instant) => moveTo(instantMs(instant, 'the time to advance to')),
    scale: setScale,
    stop() {
      if (goal !== undefined) goal.isWanted = false
      return setScale(0)
    },
    answer,
    close() {
      isOpen = false
      run(0)
      if (goal !== undefined) goal.isWanted = false
    },
  }
}

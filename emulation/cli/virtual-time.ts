// What `smets1 up --virtual-time` runs on: one clock for the bridge, and for the line and the meter in this process.

import { statSync } from 'node:fs'
import { pageBytes } from '../../firmware/flash-map.ts'
import { lookBack } from '../../hardware/cli/meter-past.ts'
import { openFlashFile } from '../../hardware/emulator/flash-file.ts'
import type { MachineClock } from '../../host/runtime/machine-clock.ts'
import type { RunningBridge } from '../../host/runtime/run-bridge.ts'
import { systemTiming } from '../../host/runtime/system-timing.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { keepVirtualTime, virtualTimeOf } from '../../host/state/state-clock.ts'
import { type StatePaths, stateOf } from '../../host/state/state-directory.ts'
import { PortError } from '../../host/wan/bindings.ts'
import { createBenchClock, type MovedClock } from '../bench-clock.ts'
import { createRandom } from '../random.ts'
import { createSimLine, type SimLine } from '../sim-line.ts'
import { hasUnanswered } from '../unanswered.ts'
import { createVirtualClock, type SteppedClock } from '../virtual-clock.ts'

/** A line with `--baud 0` has no delay. */
const baudOfNoDelay = 1e9

/** The line to the meter in this process. */
export const simulatedLine = 'sim:'

const iso = (atMs: number) => new Date(atMs).toISOString()

/** What the meter's log reaches to, ms of UTC. */
function meterAliveMs({ flash: path }: StatePaths): number {
  const flash = openFlashFile(path, { pageBytes, pages: statSync(path).size / pageBytes })
  try {
    return lookBack(flash).aliveMs
  } finally {
    flash.close()
  }
}

/**
 * The time at which a bench starts: the one asked for; else the one that its clock showed at last; else, for a new one, the
 * present. @throws CommandError for a time before the one that its clock showed
 */
export function startOf(paths: StatePaths, askedMs: number | undefined): number {
  const kept = stateOf(paths) === 'absent' ? undefined : virtualTimeOf(paths)
  if (kept === undefined) return askedMs ?? systemTiming.nowMs()
  // After a kill while it moved, the meter may have lived longer than was noted.
  const lastMs = kept.isMoving ? Math.max(kept.nowMs, meterAliveMs(paths)) : kept.nowMs
  if (askedMs === undefined || askedMs >= lastMs) return askedMs ?? lastMs
  throw new CommandError(
    exitCode.usage,
    `--at ${iso(askedMs)}: the clock of ${paths.root} shows ${iso(lastMs)} and does not go back; leave --at out, or name another --state`,
  )
}

/** Real time for what closes files and sockets. */
const closeMs = 20
/** Real time between two notes of a clock that moves. */
const noteEveryMs = 1000

/** Notes the time on disk: at once when the clock begins to move, then each second, and at once when it stands again. */
function createNotes(paths: StatePaths, nowMs: () => number) {
  let timer: { cancel(): void } | undefined
  let hasMoved = false

  const note = (isMoving: boolean) => keepVirtualTime(paths, { nowMs: nowMs(), isMoving })
  function look(): void {
    note(hasMoved)
    timer = hasMoved ? systemTiming.after(noteEveryMs, look) : undefined
    hasMoved = false
  }

  return {
    moved(): void {
      hasMoved = true
      if (timer === undefined) look()
    },
    stands(): void {
      timer?.cancel()
      timer = undefined
      hasMoved = false
      note(false)
    },
  }
}

export interface VirtualBench {
  clock: SteppedClock
  line: SimLine
  /** What the bridge is told of the clock. */
  machine: MachineClock
  /** The user's clock. */
  moved: MovedClock
  /** The bridge runs: requests move time from now on. `failed`: what timers threw. */
  started(running: Pick<RunningBridge, 'store'>, failed: (error: unknown) => void): void
  /** Stops the clock and sets it to where it was at the start. */
  goBack(): void
  /** Moves time until the work has ended; the clock is not to be used after it. */
  end(work: Promise<void>): Promise<void>
}

export function createVirtualBench(paths: StatePaths, startMs: number, baud: number): VirtualBench {
  const clock = createVirtualClock(startMs)
  const line = createSimLine(clock, baud === 0 ? baudOfNoDelay : baud, createRandom(1))
  const notes = createNotes(paths, clock.nowMs)
  let store: RunningBridge['store'] | undefined
  let fail: (error: unknown) => void = () => {}
  let answering = 0
  const moved = createBenchClock({
    clock,
    real: systemTiming,
    unanswered: () => answering > 0 || (store !== undefined && hasUnanswered(store, clock.nowMs())),
    moved: notes.moved,
    stands: notes.stands,
    failed: (error) => fail(error),
  })
  return {
    clock,
    line,
    moved,
    machine: {
      kind: 'virtual',
      // Stamps are of whole milliseconds, as this machine's clock has them.
      timing: { nowMs: () => Math.floor(clock.nowMs()), steadyMs: clock.steadyMs, after: clock.after },
      hold: clock.hold,
      answering(requests) {
        answering = requests
        moved.answer()
      },
      async openPort(url, speed, events) {
        if (url === simulatedLine) return line.openPort(url, speed, events)
        throw new PortError(`${url}: on virtual time there are only the meters in this process`)
      },
    },
    started(running, failed) {
      store = running.store
      fail = failed
      moved.answer()
    },
    goBack() {
      moved.stop()
      clock.goBack(startMs)
      line.settle()
      notes.stands()
    },
    async end(work) {
      moved.close()
      let hasEnded = false
      const end = () => {
        hasEnded = true
      }
      work.then(end, end)
      while (!hasEnded) {
        // Files and sockets are closed in real time; only what is left then waits for time to pass.
        await Promise.race([work, new Promise<void>((resolve) => void systemTiming.after(closeMs, resolve))])
        await clock.step(Number.POSITIVE_INFINITY, () => !hasEnded)
      }
      notes.stands()
      return work
    },
  }
}

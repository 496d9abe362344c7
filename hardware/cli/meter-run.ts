// Runs a meter through the time that it has missed, and then in real time.

import type { Meter } from '../../firmware/meter.ts'
import { switchGrainMs } from '../../firmware/tariff.ts'
import { stampOfHalfHour } from '../../protocol/half-hour.ts'
import type { EmulatedBoard } from '../emulator/emulated-board.ts'
import type { MeterTime } from '../emulator/meter-time.ts'
import type { PoweredMeter } from '../emulator/powered-meter.ts'
import type { ScaledClock } from '../emulator/scaled-clock.ts'
import { type LoadRun, runLoad } from '../emulator/virtual-run.ts'
import type { Io } from './io.ts'
import { instant } from './io.ts'
import type { LineHolder } from './line-holder.ts'
import type { Stop } from './stop.ts'

const quietMs = 2000
/** Wait of a meter that is awake, so that it falls asleep on time. */
const awakeMsMax = 1000

/**
 * Runs a meter through the half-hours that it has missed. `undefined` when stopped meanwhile, or when it has no power
 * at the end.
 */
export async function catchUp(missed: LoadRun, io: Io, stop: Stop): Promise<Meter | undefined> {
  const { from, to } = missed
  const began = Date.now()
  const run = runLoad(missed)
  let shown = began
  let yielded = began
  let told = false
  for (;;) {
    const next = run.next()
    const now = Date.now()
    if (next.done) {
      if (told && io.isTerminal) io.stderr('\r\x1b[K')
      if (to > from) io.stderr(`caught up ${to - from} half-hours in ${((now - began) / 1000).toFixed(1)} s\n`)
      return next.value
    }
    if (now - began >= quietMs && now - shown >= (io.isTerminal ? 200 : quietMs)) {
      const { done, total, halfHour } = next.value
      const text = `catching up: ${Math.floor((done * 100) / total)} %, ${instant(stampOfHalfHour(halfHour))}`
      io.stderr(io.isTerminal ? `\r${text}\x1b[K` : `${text}\n`)
      shown = now
      told = true
    }
    if (now - yielded >= 50) {
      // Lets signals through.
      await new Promise((resume) => setImmediate(resume))
      yielded = Date.now()
      if (stop.stopped) return undefined
    }
  }
}

/** The parts of a running meter. */
export interface Serving {
  powered: PoweredMeter
  clock: ScaledClock
  board: EmulatedBoard
  line: LineHolder
  stop: Stop
  /** The meter's time runs so many times as fast while the meter sleeps. */
  timeScale: number
  time: MeterTime
  /** Called after each half-hour in the log. */
  recorded(): void
  /** Gives what somebody orders the meter to do to `take`, which does it between two turns. */
  orders?: ((take: (act: () => void) => void) => void) | undefined
}

/**
 * Runs the meter in its time until stopped; then it commits what it has counted.
 * @throws what the firmware or the flash throws
 */
export function serve(serving: Serving): Promise<void> {
  const { powered, clock, board, line, stop, timeScale, time, recorded, orders } = serving
  const { timers, sleepMsMax } = time
  return new Promise((stopped, failed) => {
    let timer: unknown
    let last = powered.meter()?.lastHalfHour()
    function end(): void {
      timers.clear(timer)
      line.take(() => {})
    }
    /** Runs an action that may fail; a meter that cannot record must not continue. */
    function safely(act: () => void): boolean {
      try {
        act()
        return true
      } catch (error) {
        end()
        failed(error)
        return false
      }
    }
    // While it is awake, the meter runs in real time, as the line does.
    const scale = () => (powered.meter()?.awake() === true ? 1 : timeScale)
    function work(): void {
      clock.update(scale())
      powered.runUntil(clock.nowMs, clock.upMs)
      const meter = powered.meter()
      while (meter?.busy() === true && powered.meter() === meter && board.uart.ready()) {
        powered.runUntil(clock.nowMs, clock.upMs)
      }
      const newest = meter?.lastHalfHour()
      if (newest !== undefined && newest !== last) recorded()
      last = newest ?? last
    }
    function turn(): void {
      timers.clear(timer)
      if (!safely(work)) return
      // Often enough for a session to fall asleep on time, and exactly at the end of the half-hour.
      const toQuarter = switchGrainMs - (clock.nowMs % switchGrainMs)
      const dueMs = Math.min(toQuarter, powered.dueInMs()) / scale()
      const waitMsMax = powered.meter()?.awake() === true ? awakeMsMax : sleepMsMax
      timer = timers.set(turn, powered.meter()?.busy() === true ? 2 : Math.min(waitMsMax, Math.max(1, dueMs)))
    }
    line.take((bytes) => {
      powered.meter()?.received(bytes)
      turn()
    })
    orders?.((act) => {
      const ordered = () => {
        work()
        act()
      }
      if (!stop.stopped && safely(ordered)) turn()
    })
    void stop.asked.then(() => {
      end()
      const kept = safely(() => {
        clock.update(scale())
        powered.runUntil(clock.nowMs, clock.upMs)
        powered.stop()
      })
      if (kept) stopped()
    })
    turn()
  })
}

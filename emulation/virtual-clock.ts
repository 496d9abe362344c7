// A clock that moves only when it is told to: timers run in the order of their times, and all promises that can settle do
// so in between. Time is counted in whole microseconds, so that it always reaches the next timer.

import TinyQueue from 'tinyqueue'
import type { Timing } from '../host/wan/timing.ts'

export interface VirtualClock extends Timing {
  /** Runs timers, and what follows from them, until `promise` settles. @throws when there is nothing that could settle it */
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass, timers included. */
  pass(ms: number): Promise<void>
  /** Sets the time. Timers that are due by then run with the next `run` or `pass`. */
  set(ms: number): void
}

interface Timer {
  atUs: number
  /** Of two timers for the same time, the one that was set earlier runs first. */
  order: number
  call: (() => void) | undefined
}

/** Chains of promises settle within a few turns of the event loop. */
const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))

/** Turns without a timer after which `run` gives up: disk and threads end in real time. */
const idleTurnsMax = 200
/** Virtual time after which `run` gives up: some timers, such as that of the cache, repeat for ever. */
const runMsMax = 400 * 86_400_000

export function createVirtualClock(startMs: number): VirtualClock {
  let nowUs = Math.round(startMs * 1000)
  let order = 0
  const timers = new TinyQueue<Timer>([], (a, b) => a.atUs - b.atUs || a.order - b.order)

  /** The next timer that was not cancelled. */
  function peek(): Timer | undefined {
    while (timers.length > 0 && timers.peek()?.call === undefined) timers.pop()
    return timers.peek()
  }

  /** Runs the next timer and all others of the same time, but none that these set: promises come first. */
  function fire({ atUs }: Timer): void {
    nowUs = Math.max(nowUs, atUs)
    const newest = order
    for (let timer = peek(); timer?.atUs === atUs && timer.order <= newest; timer = peek()) {
      const { call } = timer
      timer.call = undefined
      call?.()
    }
  }

  return {
    nowMs: () => nowUs / 1000,
    after(ms, call) {
      order += 1
      // A wait of less than a microsecond must end, too.
      const waitUs = ms > 0 ? Math.max(1, Math.round(ms * 1000)) : 0
      const timer: Timer = { atUs: nowUs + waitUs, order, call }
      timers.push(timer)
      return {
        cancel() {
          timer.call = undefined
        },
      }
    },
    async run(promise) {
      let settled = false
      const end = () => {
        settled = true
      }
      promise.then(end, end)
      const untilUs = nowUs + runMsMax * 1000
      for (let idle = 0; !settled; ) {
        await settle()
        const timer = settled ? undefined : peek()
        idle = timer === undefined ? idle + 1 : 0
        if (idle > idleTurnsMax || nowUs > untilUs) throw new Error('nothing is left that could settle the promise')
        if (timer !== undefined) fire(timer)
      }
      return promise
    },
    async pass(ms) {
      const untilUs = nowUs + Math.round(ms * 1000)
      await settle()
      for (let timer = peek(); timer !== undefined && timer.atUs <= untilUs; timer = peek()) {
        fire(timer)
        await settle()
      }
      nowUs = Math.max(nowUs, untilUs)
    },
    set(ms) {
      nowUs = Math.round(ms * 1000)
    },
  }
}

// A clock that moves only by its own calls: timers run in the order of their times, and all promises that can settle do
// so in between. Time is counted in whole microseconds, so that it always reaches the next timer.

import TinyQueue from 'tinyqueue'
import type { Timing } from '../host/wan/timing.ts'

export interface VirtualClock extends Timing {
  /** Runs timers, and what follows from them, until `promise` settles. @throws when there is nothing that could settle it */
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass, timers included. */
  pass(ms: number): Promise<void>
  /** Lets no timer run until `promise` settles: work that takes real time, such as an exchange over HTTP. */
  hold<T>(promise: Promise<T>): Promise<T>
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

interface Timers extends Timing {
  nowUs(): number
  set(us: number): void
  /** The next timer that was not cancelled. */
  peek(): Timer | undefined
  /** Runs a timer and all others of the same time, but none that these set: promises come first. */
  fire(timer: Timer): void
}

function createTimers(startUs: number): Timers {
  let nowUs = startUs
  let order = 0
  const heap = new TinyQueue<Timer>([], (a, b) => a.atUs - b.atUs || a.order - b.order)

  function peek(): Timer | undefined {
    while (heap.length > 0 && heap.peek()?.call === undefined) heap.pop()
    return heap.peek()
  }

  return {
    nowUs: () => nowUs,
    nowMs: () => nowUs / 1000,
    set(us) {
      nowUs = us
    },
    peek,
    fire({ atUs }) {
      nowUs = Math.max(nowUs, atUs)
      const newest = order
      for (let timer = peek(); timer?.atUs === atUs && timer.order <= newest; timer = peek()) {
        const { call } = timer
        timer.call = undefined
        call?.()
      }
    },
    after(ms, call) {
      order += 1
      // A wait of less than a microsecond must end, too.
      const waitUs = ms > 0 ? Math.max(1, Math.round(ms * 1000)) : 0
      const timer: Timer = { atUs: nowUs + waitUs, order, call }
      heap.push(timer)
      return {
        cancel() {
          timer.call = undefined
        },
      }
    },
  }
}

export function createVirtualClock(startMs: number): VirtualClock {
  const timers = createTimers(Math.round(startMs * 1000))
  const { nowUs, nowMs, after } = timers
  /** Work outside that takes real time. */
  const held = new Set<Promise<unknown>>()
  /** Several callers may move the time at once; they take turns. */
  let lastTurn: Promise<unknown> = Promise.resolve()

  /** Waits for all that can settle, then runs the next timer if it is wanted and due by `untilUs`. */
  function turn(untilUs: number, isWanted: () => boolean): Promise<'ran' | 'nothing due'> {
    const next = lastTurn.then(async () => {
      await settle()
      while (held.size > 0) {
        await Promise.race(held)
        await settle()
      }
      const timer = isWanted() ? timers.peek() : undefined
      if (timer === undefined || timer.atUs > untilUs) return 'nothing due'
      timers.fire(timer)
      return 'ran'
    })
    lastTurn = next.catch(() => {})
    return next
  }

  return {
    nowMs,
    after,
    async run(promise) {
      let settled = false
      const end = () => {
        settled = true
      }
      promise.then(end, end)
      const untilUs = nowUs() + runMsMax * 1000
      for (let idle = 0; !settled; ) {
        const outcome = await turn(Number.POSITIVE_INFINITY, () => !settled)
        idle = outcome === 'ran' ? 0 : idle + 1
        if (idle > idleTurnsMax || nowUs() > untilUs) throw new Error('nothing is left that could settle the promise')
      }
      return promise
    },
    async pass(ms) {
      const untilUs = nowUs() + Math.round(ms * 1000)
      while ((await turn(untilUs, () => true)) === 'ran');
      timers.set(Math.max(nowUs(), untilUs))
    },
    hold(promise) {
      const ended: Promise<unknown> = promise
        .catch(() => {})
        .then(() => {
          held.delete(ended)
        })
      held.add(ended)
      return promise
    },
    set: (ms) => timers.set(Math.round(ms * 1000)),
  }
}

// A clock that moves only by its own calls: timers run in the order of their times, and all promises that can settle do
// so in between. Time is counted in whole microseconds, so that it always reaches the next timer.

import TinyQueue from 'tinyqueue'
import type { Timing } from '../host/wan/timing.ts'

export interface VirtualClock extends Timing {
  /** Runs timers, and what follows from them, until `promise` settles. @throws when there is nothing that could settle it */
  run<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass, timers included. */
  pass(ms: number): Promise<void>
  /**
   * Lets no timer run until `promise` settles: work that ends in real time, such as a write to disk or an exchange over
   * HTTP. `what` it is, for messages.
   */
  hold<T>(promise: Promise<T>, what?: string | (() => string)): Promise<T>
  /**
   * Sets the time. Timers that are due by then run with the next `run` or `pass`. Forwards it counts as time that has passed;
   * back it leaves `steadyMs` as it is.
   */
  set(ms: number): void
}

/** A clock whose timers can also be run one instant at a time. */
export interface SteppedClock extends VirtualClock {
  /**
   * Waits for all that can settle and for work outside, then runs the timers of the next instant, if it is due by `untilMs`
   * and `isWanted` still says so. @returns whether it ran any
   */
  step(untilMs: number, isWanted?: () => boolean): Promise<boolean>
  /** What time waits for now: the names of work outside that has one, the oldest first. */
  held(): string[]
  /** Whole microseconds of UTC since 1970, which have no rounding. */
  nowUs(): number
  /** Sets the time back. Who waits for a time that has not come waits as long as before. */
  goBack(ms: number): void
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
  /** Moves every timer with the clock. */
  shift(us: number): void
  /** The next timer that was not cancelled. */
  peek(): Timer | undefined
  /** Runs a timer and all others of the same time, but none that these set: promises come first. */
  fire(timer: Timer): void
}

function createTimers(startUs: number): Timers {
  let nowUs = startUs
  /** How far the clock has been set back, in all. */
  let backUs = 0
  let order = 0
  const heap = new TinyQueue<Timer>([], (a, b) => a.atUs - b.atUs || a.order - b.order)

  function peek(): Timer | undefined {
    while (heap.length > 0 && heap.peek()?.call === undefined) heap.pop()
    return heap.peek()
  }

  return {
    nowUs: () => nowUs,
    nowMs: () => nowUs / 1000,
    steadyMs: () => (nowUs + backUs) / 1000,
    set(us) {
      backUs += Math.max(0, nowUs - us)
      nowUs = us
    },
    shift(us) {
      const byUs = us - nowUs
      backUs += Math.max(0, -byUs)
      nowUs = us
      // All by the same, so their order stays.
      for (const timer of heap.data) timer.atUs += byUs
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

type Named = string | (() => string) | undefined

/** Work outside that has not ended. Who waits for the end of all of it is told; nothing is polled. */
function createWorkOutside() {
  const underWay = new Set<{ what: Named }>()
  let waiting: (() => void)[] = []
  return {
    add<T>(promise: Promise<T>, what: Named): Promise<T> {
      const work = { what }
      underWay.add(work)
      const end = () => {
        underWay.delete(work)
        if (underWay.size > 0) return
        const told = waiting
        waiting = []
        for (const resolve of told) resolve()
      }
      promise.then(end, end)
      return promise
    },
    any: () => underWay.size > 0,
    ended: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    names: () => [
      ...new Set([...underWay].flatMap(({ what }) => (typeof what === 'function' ? what() : (what ?? [])))),
    ],
  }
}

export function createVirtualClock(startMs: number): SteppedClock {
  const timers = createTimers(Math.round(startMs * 1000))
  const { nowUs, nowMs, steadyMs, after } = timers
  const outside = createWorkOutside()
  /** Several callers may move the time at once; they take turns. */
  let lastTurn: Promise<unknown> = Promise.resolve()

  /** Waits for all that can settle, then runs the next timer if it is wanted and due by `untilUs`. */
  function turn(untilUs: number, isWanted: () => boolean): Promise<boolean> {
    const next = lastTurn.then(async () => {
      await settle()
      while (outside.any()) {
        await outside.ended()
        await settle()
      }
      const timer = isWanted() ? timers.peek() : undefined
      if (timer === undefined || timer.atUs > untilUs) return false
      timers.fire(timer)
      return true
    })
    lastTurn = next.catch(() => {})
    return next
  }

  const always = () => true
  return {
    nowMs,
    steadyMs,
    nowUs,
    after,
    async run(promise) {
      let settled = false
      const end = () => {
        settled = true
      }
      promise.then(end, end)
      const untilUs = nowUs() + runMsMax * 1000
      for (let idle = 0; !settled; ) {
        const ran = await turn(Number.POSITIVE_INFINITY, () => !settled)
        idle = ran ? 0 : idle + 1
        if (idle > idleTurnsMax || nowUs() > untilUs) throw new Error('nothing is left that could settle the promise')
      }
      return promise
    },
    async pass(ms) {
      const untilUs = nowUs() + Math.round(ms * 1000)
      while (await turn(untilUs, always));
      timers.set(Math.max(nowUs(), untilUs))
    },
    step: (untilMs, isWanted = always) => turn(Math.round(untilMs * 1000), isWanted),
    hold: outside.add,
    held: outside.names,
    set: (ms) => timers.set(Math.round(ms * 1000)),
    goBack: (ms) => timers.shift(Math.round(ms * 1000)),
  }
}

// The timetable of all schedules is on disk. What is due soon is read into memory, and one timer waits for the first of it.

import TinyQueue from 'tinyqueue'
import type { Timing } from '../wan/serial-line.ts'

export interface TimerQueue {
  /** Reads the timetable and begins to wait. */
  start(): void
  /** For a time that is in the timetable on disk, too: calls `due` at or after it. It may be set several times. */
  set(atMs: number, id: number): void
  /** For a time that is not on disk. */
  remind(atMs: number, id: number): void
  /** There is room again for what is due. */
  resume(): void
  stop(): void
}

export interface TimerParts {
  timing: Timing
  /** Entries of the timetable on disk after a place in it, in the order of their times. */
  times(after: string): Iterable<{ place: string; atMs: number; id: number }>
  /** Called for each schedule whose time has come, earliest first. */
  due(id: number): void
  /** True while no more can be begun; `resume` is called when that is over. */
  isFull(): boolean
}

/** Longest sleep: a machine that was suspended, or whose clock was set, is noticed after this time. */
const sleepMaxMs = 60_000
/** How far ahead the timetable is read. */
const aheadMs = 10 * sleepMaxMs
/** Entries that are read, and schedules that are woken, before other work goes on: a few milliseconds. */
const readAtOnce = 1_000
const wokenAtOnce = 50
/** Until the next of these: Node gives way to input and output only when no timer is due. */
const pauseMs = 5

export function createTimerQueue({ timing, times, due, isFull }: TimerParts): TimerQueue {
  const entries = new TinyQueue<{ atMs: number; id: number }>([], (a, b) => a.atMs - b.atMs)
  let timer: { cancel(): void; atMs: number } | undefined
  let stopped = false
  /** What is in the timetable up to this time, and this place, is in memory. */
  let readToMs = Number.NEGATIVE_INFINITY
  let place = ''

  function read(): void {
    const untilMs = timing.nowMs() + aheadMs
    let count = 0
    for (const entry of times(place)) {
      if (entry.atMs > untilMs) break
      entries.push(entry)
      place = entry.place
      readToMs = Math.max(readToMs, entry.atMs)
      count += 1
      if (count === readAtOnce) return
    }
    readToMs = Math.max(readToMs, untilMs)
  }

  /** At the earliest after `leastMs`. */
  function sleep(leastMs = 0): void {
    if (stopped || isFull()) return
    const nowMs = timing.nowMs()
    const firstMs = entries.peek()?.atMs ?? Number.POSITIVE_INFINITY
    const atMs = Math.max(nowMs + leastMs, Math.min(firstMs, Math.max(nowMs, readToMs), nowMs + sleepMaxMs))
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { ...timing.after(Math.max(0, atMs - nowMs), ring), atMs }
  }

  function ring(): void {
    timer = undefined
    const nowMs = timing.nowMs()
    const first = entries.peek()
    const hasRoom = entries.length < readAtOnce || first === undefined || first.atMs > nowMs
    if (readToMs < nowMs + aheadMs / 2 && hasRoom) read()
    let woken = 0
    for (let next = entries.peek(); !stopped && next !== undefined && next.atMs <= nowMs; next = entries.peek()) {
      if (woken === wokenAtOnce || isFull()) break
      entries.pop()
      woken += 1
      due(next.id)
    }
    sleep(woken === wokenAtOnce ? pauseMs : 0)
  }

  function remind(atMs: number, id: number): void {
    entries.push({ atMs, id })
    sleep()
  }

  return {
    start() {
      read()
      sleep()
    },
    set(atMs, id) {
      if (atMs <= readToMs) remind(atMs, id)
    },
    remind,
    resume: () => sleep(pauseMs),
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

// One timer for any number of due times.

import TinyQueue from 'tinyqueue'
import type { Timing } from '../wan/serial-line.ts'

export interface TimerQueue {
  /** Calls `due` with the key at or after the time. A key may be set several times; each counts. */
  set(atMs: number, key: number): void
  stop(): void
}

/** Longest sleep: a machine that was suspended, or whose clock was set, is noticed after this time. */
const sleepMaxMs = 60_000

/** `due` is called for each key whose time has come, earliest first. */
export function createTimerQueue(timing: Timing, due: (key: number) => void): TimerQueue {
  const entries = new TinyQueue<{ atMs: number; key: number }>([], (a, b) => a.atMs - b.atMs)
  let timer: { cancel(): void; atMs: number } | undefined
  let stopped = false

  function sleep(): void {
    const first = entries.peek()
    if (stopped || first === undefined) return
    const atMs = Math.min(first.atMs, timing.nowMs() + sleepMaxMs)
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { ...timing.after(Math.max(0, atMs - timing.nowMs()), ring), atMs }
  }

  function ring(): void {
    timer = undefined
    const nowMs = timing.nowMs()
    for (let next = entries.peek(); !stopped && next !== undefined && next.atMs <= nowMs; next = entries.peek()) {
      entries.pop()
      due(next.key)
    }
    sleep()
  }

  return {
    set(atMs, key) {
      entries.push({ atMs, key })
      sleep()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

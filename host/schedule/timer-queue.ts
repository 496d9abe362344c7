// One timer for any number of things that are due some time.

import type { Timing } from '../wan/line.ts'

export interface TimerQueue {
  /** Calls `due` with the key at or after the time. A key may be set several times; each counts. */
  set(atMs: number, key: number): void
  stop(): void
}

/** Longest sleep: a machine that was suspended, or whose clock was set, is noticed after this time. */
const sleepMaxMs = 60_000

/** `due` is called for each key whose time has come, earliest first. */
export function createTimerQueue(timing: Timing, due: (key: number) => void): TimerQueue {
  // A binary heap: the parent of entry i is (i - 1) >> 1 and is never later.
  const heap: { atMs: number; key: number }[] = []
  let timer: { cancel(): void; atMs: number } | undefined
  let stopped = false

  function swap(a: number, b: number): void {
    const held = heap[a]!
    heap[a] = heap[b]!
    heap[b] = held
  }

  function push(entry: { atMs: number; key: number }): void {
    heap.push(entry)
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1
      if (heap[parent]!.atMs <= heap[i]!.atMs) return
      swap(i, parent)
      i = parent
    }
  }

  function pop(): { atMs: number; key: number } {
    swap(0, heap.length - 1)
    const top = heap.pop()!
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2]
      let least = i
      if (left < heap.length && heap[left]!.atMs < heap[least]!.atMs) least = left
      if (right < heap.length && heap[right]!.atMs < heap[least]!.atMs) least = right
      if (least === i) return top
      swap(i, least)
      i = least
    }
  }

  function sleep(): void {
    const first = heap[0]
    if (stopped || first === undefined) return
    const atMs = Math.min(first.atMs, timing.nowMs() + sleepMaxMs)
    if (timer !== undefined && timer.atMs <= atMs) return
    timer?.cancel()
    timer = { ...timing.after(Math.max(0, atMs - timing.nowMs()), ring), atMs }
  }

  function ring(): void {
    timer = undefined
    const nowMs = timing.nowMs()
    while (!stopped && heap.length > 0 && heap[0]!.atMs <= nowMs) due(pop().key)
    sleep()
  }

  return {
    set(atMs, key) {
      push({ atMs, key })
      sleep()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

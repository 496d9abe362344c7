// One timer for a timetable on disk.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { createTimerQueue } from '../../../host/schedule/timer-queue.ts'

/** A timetable with these times by id; the place is the index in the sorted list. */
function timetable(list: readonly number[]) {
  const sorted = list.map((atMs, id) => ({ atMs, id })).sort((a, b) => a.atMs - b.atMs)
  return function* times(after: string) {
    for (let index = after === '' ? 0 : Number(after) + 1; index < sorted.length; index++) {
      const entry = sorted[index]
      if (entry !== undefined) yield { place: `${index}`, ...entry }
    }
  }
}

test('every time of the timetable fires, in order, and never early; so do those that are set meanwhile', async () => {
  const times = fc.array(fc.nat(5_000_000), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(times, times, async (onDisk, later) => {
      const clock = createVirtualClock(0)
      const list = [...onDisk, ...later]
      const rung: number[] = []
      const timers = createTimerQueue({
        timing: clock,
        times: timetable(onDisk),
        isFull: () => false,
        due(id) {
          assert.ok(clock.nowMs() >= list[id]!)
          assert.ok(clock.nowMs() <= list[id]! + 1)
          rung.push(id)
        },
      })
      timers.start()
      for (const [index, atMs] of later.entries()) timers.remind(atMs, onDisk.length + index)
      await clock.pass(5_000_001)
      assert.is(rung.length, list.length)
      const rungAt = rung.map((id) => list[id]!)
      assert.equal(
        rungAt,
        [...rungAt].sort((a, b) => a - b),
      )
      timers.stop()
    }),
    { seed: 82, numRuns: 30 },
  )
})

test('100,000 that are due at once are woken fifty at a time, and none while there is no room', async () => {
  const clock = createVirtualClock(0)
  let room = 500
  const wokenAt = new Map<number, number>()
  const timers = createTimerQueue({
    timing: clock,
    times: timetable(new Array(100_000).fill(1000)),
    isFull: () => room === 0,
    due() {
      room -= 1
      wokenAt.set(clock.nowMs(), (wokenAt.get(clock.nowMs()) ?? 0) + 1)
    },
  })
  timers.start()
  await clock.pass(5000)
  assert.is(room, 0)
  room = 99_500
  timers.resume()
  await clock.pass(20_000)
  assert.is(room, 0)
  assert.is(Math.max(...wokenAt.values()), 50)
  timers.stop()
})

test.run()

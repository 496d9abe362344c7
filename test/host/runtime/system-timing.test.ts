// Timers of a machine whose clock is set and which is suspended.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { createFutureDated } from '../../../host/requests/future-dated.ts'
import { createTiming } from '../../../host/runtime/system-timing.ts'

/** A machine: running time is a virtual clock's; the wall clock is ahead of it by what the test says. */
function machine() {
  const running = createVirtualClock(0)
  let aheadMs = Date.UTC(2026, 10, 22)
  const timing = createTiming({
    wallMs: () => running.nowMs() + aheadMs,
    steadyMs: running.steadyMs,
    setTimer: (call, ms) => running.after(ms, call),
  })
  return {
    timing,
    running,
    /** The clock is set, or time passes while the machine is suspended. */
    step(ms: number) {
      aheadMs += ms
    },
  }
}

test('a wait ends at its time, however long it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 40 * 86_400_000 }), async (ms) => {
      const { timing, running } = machine()
      let atMs = -1
      timing.after(ms, () => {
        atMs = running.nowMs()
      })
      await running.pass(ms)
      assert.is(atMs, ms)
    }),
    { seed: 5, numRuns: 8 },
  )
})

test('after a suspend a wait ends within a minute; a clock that is set back makes none longer', async () => {
  for (const stepMs of [6 * 3_600_000, -365 * 86_400_000]) {
    const { timing, running, step } = machine()
    let atMs = -1
    timing.after(5 * 3_600_000, () => {
      atMs = running.nowMs()
    })
    await running.pass(3_600_000)
    step(stepMs)
    await running.pass(60_000)
    if (stepMs > 0) assert.ok(atMs >= 3_600_000 && atMs <= 3_660_000, `${atMs}`)
    await running.pass(4 * 3_600_000)
    assert.ok(atMs > 0 && atMs <= 5 * 3_600_000)
  }
})

test('a cancelled wait never ends', async () => {
  const { timing, running } = machine()
  const timer = timing.after(200_000, () => assert.unreachable())
  await running.pass(100_000)
  timer.cancel()
  await running.pass(1_000_000)
})

test('an instant is waited for by the clock: set back, it comes later; set forward or suspended, within a minute', async () => {
  const { timing, running, step } = machine()
  const futureDated = createFutureDated(timing)
  let atMs = -1
  futureDated.wait('id', timing.nowMs() + 10 * 3_600_000, () => {
    atMs = running.nowMs()
  })
  await running.pass(3_600_000)
  step(-2 * 3_600_000)
  await running.pass(9 * 3_600_000)
  assert.is(atMs, -1, 'the clock shows 8 h')
  step(5 * 3_600_000)
  await running.pass(60_000)
  assert.ok(atMs >= 10 * 3_600_000 && atMs <= 10 * 3_600_000 + 60_000)
})

test.run()

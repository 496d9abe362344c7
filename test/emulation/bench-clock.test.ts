// The clock of a bench on virtual time, as its user moves it. Real time is a fake one here.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createBenchClock, scaleMax } from '../../emulation/bench-clock.ts'
import { createVirtualClock } from '../../emulation/virtual-clock.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import type { Timing } from '../../host/wan/timing.ts'

const startMs = Date.UTC(2026, 6, 2, 22, 50)

/** Real time that passes as soon as all wait for it: to the next instant that somebody waits for. */
function createRealTime(): Timing {
  let nowMs = 0
  let timers: { atMs: number; call(): void }[] = []
  let isRunning = false
  function run(): void {
    const [first, ...others] = timers.sort((a, b) => a.atMs - b.atMs)
    isRunning = first !== undefined
    if (first === undefined) return
    timers = others
    nowMs = Math.max(nowMs, first.atMs)
    first.call()
    setImmediate(() => setImmediate(() => setImmediate(run)))
  }
  return {
    nowMs: () => nowMs,
    steadyMs: () => nowMs,
    after(ms, call) {
      const timer = { atMs: nowMs + ms, call }
      timers.push(timer)
      if (!isRunning) setImmediate(run)
      isRunning = true
      return {
        cancel() {
          timers = timers.filter((one) => one !== timer)
        },
      }
    },
  }
}

function createMoved({ unanswered = () => false }: { unanswered?: () => boolean } = {}) {
  const clock = createVirtualClock(startMs)
  const faults: unknown[] = []
  const failed = (error: unknown) => void faults.push(error)
  return { clock, faults, moved: createBenchClock({ clock, real: createRealTime(), unanswered, failed }) }
}

async function refusal(promise: Promise<unknown>): Promise<CommandError> {
  const error = await promise.then(
    () => assert.unreachable('it should have been refused'),
    (one: unknown) => one,
  )
  assert.instance(error, CommandError)
  return error as CommandError
}

test('an advance runs what is due, in order, each at its instant, and ends at its own', async () => {
  const { clock, moved } = createMoved()
  const seen: [string, number][] = []
  const note = (name: string) => () => void seen.push([name, clock.nowMs() - startMs])
  clock.after(60_000, note('second'))
  clock.after(1, () => {
    note('first')()
    // Set on the way, and due before the second.
    clock.after(20, note('after the first'))
  })
  clock.after(25 * 3_600_000 + 1, note('too late'))
  const state = await moved.advance('25h')
  assert.equal(seen, [
    ['first', 1],
    ['after the first', 21],
    ['second', 60_000],
  ])
  assert.equal(state, { clock: 'virtual', now: '2026-07-03T23:50:00.000Z', scale: 0, waitsFor: [] })
  await moved.to('2026-07-04T00:00')
  assert.is(moved.state().now, '2026-07-04T00:00:00.000Z')
  assert.is(seen.length, 4)
})

/** A process of timers that set each other, and what it did: names and instants. */
async function traceOf(delays: readonly number[], drive: (made: ReturnType<typeof createMoved>) => Promise<unknown>) {
  const made = createMoved()
  const trace: string[] = []
  const { clock } = made
  const note = (i: number) => () => {
    trace.push(`${i} ${clock.nowMs()}`)
    // Work of promises and of real time in between.
    if (i % 3 === 0) void clock.hold(new Promise<void>((resolve) => setImmediate(resolve)))
    const next = delays[i + 2]
    if (next !== undefined) void Promise.resolve().then(() => clock.after(next, note(i + 2)))
  }
  for (const [i, ms] of delays.slice(0, 2).entries()) clock.after(ms, note(i))
  await drive(made)
  made.moved.close()
  assert.equal(made.faults, [])
  return trace
}

test('at every speed the same happens at the same instants', async () => {
  const delays = fc.array(fc.double({ min: 0, max: 40_000, noNaN: true }), { minLength: 2, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(delays, fc.constantFrom(1, 7, 600, scaleMax), async (list, scale) => {
      const untilMs = startMs + 500_000
      const jumped = await traceOf(list, ({ moved }) => moved.to(untilMs))
      const ran = await traceOf(list, async ({ clock, moved }) => {
        moved.scale(scale)
        while (clock.nowMs() < untilMs) await new Promise((resolve) => setImmediate(resolve))
      })
      assert.equal(ran, jumped)
    }),
    { numRuns: 12 },
  )
})

test('it runs at the speed that it is told, and stands when it is told', async () => {
  const clock = createVirtualClock(startMs)
  const real = createRealTime()
  const moved = createBenchClock({ clock, real, unanswered: () => false, failed: assert.unreachable })
  moved.scale(600)
  while (real.nowMs() < 10_000) await new Promise((resolve) => setImmediate(resolve))
  const passedMs = clock.nowMs() - startMs
  assert.ok(Math.abs(passedMs - 6_000_000) <= 600 * 100, `${passedMs} ms in ${real.nowMs()} ms`)
  assert.is(moved.stop().scale, 0)
  await clock.run(Promise.resolve())
  const stoodMs = clock.nowMs()
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.is(clock.nowMs(), stoodMs)
  moved.close()
})

test('an advance passes no instant while an exchange with a User is open, for 30 s; then it says for whom it waits', async () => {
  const { clock, moved } = createMoved()
  const seen: number[] = []
  let end = () => {}
  clock.after(1000, () => {
    void clock.hold(
      new Promise<void>((resolve) => {
        end = resolve
      }),
      'the User at http://127.0.0.1:9/mdr, who was sent a response',
    )
  })
  clock.after(2000, () => void seen.push(clock.nowMs()))
  const { message, exitCode: code } = await refusal(moved.advance('1h'))
  assert.is(code, exitCode.failed)
  assert.match(message, /stands at 2026-07-02T22:50:01.000Z, before 2026-07-02T23:50:00.000Z/)
  assert.match(message, /30 s of real time .* the User at http:\/\/127.0.0.1:9\/mdr, who was sent a response/)
  assert.is(moved.state().problem, message)
  assert.equal(moved.state().waitsFor, ['the User at http://127.0.0.1:9/mdr, who was sent a response'])
  // The User answers: what was given up moves nothing any more.
  end()
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.is(clock.nowMs(), startMs + 1000)
  assert.equal(seen, [])
  const state = await moved.to('2026-07-02T23:50Z')
  assert.is(state.problem, undefined)
  assert.equal(seen, [startMs + 2000])
})

test('an advance can be stopped, does not go back, and there is one at a time', async () => {
  const { clock, moved } = createMoved()
  clock.after(5000, () => {
    moved.stop()
  })
  const first = moved.advance('10d')
  assert.is(moved.state().movingTo, '2026-07-12T22:50:00.000Z')
  assert.match((await refusal(moved.advance('1h'))).message, /on its way to 2026-07-12T22:50:00.000Z/)
  const state = await first
  assert.is(state.now, '2026-07-02T22:50:05.000Z')
  assert.is(state.movingTo, undefined)
  assert.match(state.problem ?? '', /stopped at 2026-07-02T22:50:05.000Z, before 2026-07-12/)
  const back = await refusal(moved.to('2026-07-01'))
  assert.is(back.exitCode, exitCode.usage)
  assert.match(back.message, /does not go back to 2026-07-01/)
  for (const wrong of ['25', 'h', '-1h', '2026-07-03'])
    assert.match((await refusal(moved.advance(wrong))).message, /25h/)
  for (const wrong of [-1, 0.5, scaleMax + 1, Number.NaN]) assert.throws(() => moved.scale(wrong), /whole number/)
})

test('a clock that stands moves as far as a request needs, and no further', async () => {
  let unanswered = false
  const { clock, moved } = createMoved({ unanswered: () => unanswered })
  let answeredMs = 0
  clock.after(60_000, () => assert.unreachable('time ran on'))
  moved.answer()
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.is(clock.nowMs(), startMs)
  unanswered = true
  clock.after(19.5, () => {
    clock.after(0.25, () => {
      answeredMs = clock.nowMs()
      unanswered = false
    })
  })
  moved.answer()
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.is(answeredMs, startMs + 19.75)
  assert.is(clock.nowMs(), answeredMs)
})

test.run()

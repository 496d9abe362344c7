import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Board } from '../../../firmware/board.ts'
import { type ClockFaults, createFaultyClock } from '../../../hardware/emulator/clock-faults.ts'
import { createScaledClock } from '../../../hardware/emulator/scaled-clock.ts'

const start = Date.UTC(2026, 10, 25)
const none: ClockFaults = { driftPpm: 0, steps: [], lost: false }

function world(faults: Partial<ClockFaults>) {
  const right = { nowMs: start, upMs: 500 }
  const clock = createFaultyClock({ ...none, ...faults }, { nowMs: () => right.nowMs, upMs: () => right.upMs })
  const board = clock.board({} as Board)
  function pass(ms: number): number {
    right.nowMs += ms
    right.upMs += ms
    return board.nowMs() - right.nowMs
  }
  return { clock, board, right, pass }
}

test('until its faults begin a clock is right', () => {
  const { pass, board, right } = world({
    driftPpm: 5000,
    lost: true,
    steps: [{ seconds: 60, when: { afterMs: 0 } }],
  })
  assert.is(pass(3600000), 0)
  assert.is(board.upMs(), right.upMs)
})

test('both of its clocks drift, so that neither seems to jump', () => {
  const { clock, board, right, pass } = world({ driftPpm: -200 })
  pass(1000)
  clock.begin()
  const upMs = board.upMs()
  assert.is(Math.round(pass(86400000)), -17280)
  assert.is(Math.round(board.upMs() - upMs), 86400000 - 17280)
  assert.is(right.upMs, 86401500)
})

test('steps happen once, each at its time, and add up', () => {
  const steps = [
    { seconds: -7200, when: { atMs: start + 3000000 } },
    { seconds: 90, when: { afterMs: 60000 } },
  ]
  const { clock, board, right, pass } = world({ steps })
  clock.begin()
  assert.is(pass(59999), 0)
  assert.is(pass(1), 90000)
  assert.is(pass(2940000), 90000 - 7200000)
  // Back over the instant of a step: it is not made again.
  right.nowMs -= 600000
  assert.is(board.nowMs() - right.nowMs, -7110000)
  assert.is(pass(1200000), -7110000)
  clock.powerOn()
  assert.is(pass(0), -7110000)
})

test('a clock without a battery begins at 1970 at each start', () => {
  const { clock, board, pass } = world({ lost: true, steps: [{ seconds: -5, when: { afterMs: 2000 } }] })
  clock.begin()
  assert.is(board.nowMs(), 0)
  pass(1500)
  assert.is(board.nowMs(), 1500)
  pass(600)
  assert.is(board.nowMs(), 0, 'nor does it show a time before')
  clock.powerOn()
  pass(700)
  assert.is(board.nowMs(), 700)
})

test('time runs so many times as fast, jumps of the machine’s clock count once, and its roundings never', () => {
  let steadyMs = 0
  let jumpedMs = 0
  // A wall clock counts whole milliseconds.
  const machine = { wallMs: () => start + jumpedMs + Math.floor(steadyMs), steadyMs: () => steadyMs }
  const clock = createScaledClock(machine, 7)
  for (let i = 0; i < 1000; i++) {
    const before = { ...clock }
    steadyMs += 1.37
    clock.update(3600)
    assert.ok(Number.isInteger(clock.nowMs))
    const jump = clock.nowMs - before.nowMs - (clock.upMs - before.upMs)
    assert.ok(Math.abs(jump) < 2.001, `${jump} ms`)
  }
  assert.is(Math.round(clock.upMs), 1370 * 3600)
  const ahead = clock.nowMs - clock.upMs
  jumpedMs = 5000
  clock.update(3600)
  assert.ok(Math.abs(clock.nowMs - clock.upMs - ahead - 5000) < 2.001)
  // While the meter is awake.
  const { upMs } = clock
  steadyMs += 100
  clock.update(1)
  assert.is(Math.round(clock.upMs - upMs), 100)
})

test.run()

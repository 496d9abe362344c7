import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Board } from '../../../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { openLogs, readProfile } from '../../../firmware/logs.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../../firmware/settings.ts'
import type { EmulatedBoard, Timers } from '../../../hardware/emulator/emulated-board.ts'
import { createEmulatedBoard, systemTimers } from '../../../hardware/emulator/emulated-board.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import type { RunProgress } from '../../../hardware/emulator/virtual-run.ts'
import { advance, runLoad } from '../../../hardware/emulator/virtual-run.ts'
import { householdWh } from '../../../hardware/load/household.ts'
import { halfHourMs, startOfHalfHour } from '../../../protocol/half-hour.ts'
import { decodeDayBlock } from '../../../protocol/profile-coding.ts'

const geometry = { pageBytes, pages: flashPagesFull }
const day = 20000
const first = day * 48

/** A clock and timers moved by boardClock. */
function createTimers(): Timers & { run(ms: number): void } {
  let nowMs = 0
  let pending: { atMs: number; due: () => void } | undefined
  return {
    nowMs: () => nowMs,
    set: (due, delayMs) => {
      pending = { atMs: nowMs + delayMs, due }
      return pending
    },
    clear: (timer) => {
      if (timer === pending) pending = undefined
    },
    run(ms) {
      const end = nowMs + ms
      while (pending !== undefined && pending.atMs <= end) {
        const { atMs, due } = pending
        pending = undefined
        nowMs = Math.max(nowMs, atMs)
        due()
      }
      nowMs = end
    },
  }
}

interface World {
  board: EmulatedBoard
  boardClock: { nowMs: number }
  timers: ReturnType<typeof createTimers>
  sent: number[]
}

function createWorld(load: (halfHour: number) => number | undefined, pulsesPerKwh = 1000, baud = 9600): World {
  const boardClock = { nowMs: startOfHalfHour(first) }
  const timers = createTimers()
  const sent: number[] = []
  const flash = createMemoryFlash(geometry)
  const configuration = { ...defaultConfiguration(), pulsesPerKwh }
  writeSettings(flash, { eui: new Uint8Array(8).fill(1), key: new Uint8Array(32).fill(2), version: 1, configuration })
  const send = (bytes: Uint8Array) => sent.push(...bytes)
  const board = createEmulatedBoard({ flash, clock: () => boardClock.nowMs, load, pulsesPerKwh, send, baud, timers })
  return { board, boardClock, timers, sent }
}

function finish(run: Generator<RunProgress, unknown>): RunProgress[] {
  return [...run]
}

/** The log as the firmware reads it back: Wh by half-hour, and which are marked. */
function logOf(board: Board): { wh: Map<number, number>; marked: number[] } {
  const next = readProfile(openLogs(createMemoryFlash(geometry, board.flash)), 0, 0, 3000000)
  const wh = new Map<number, number>()
  const marked: number[] = []
  for (let block = next(); block !== undefined; block = next()) {
    const profile = decodeDayBlock(block)!
    for (const [i, value] of profile.wh.entries()) if (value >= 0) wh.set(profile.day * 48 + i, value)
    for (const [i, mark] of profile.marked.entries()) if (mark === 1) marked.push(profile.day * 48 + i)
  }
  return { wh, marked }
}

test('pulses follow the time inside the half-hour and are whole at its end', () => {
  const { board, boardClock } = createWorld((halfHour) => (halfHour === first ? 100 : 7))
  boardClock.nowMs += halfHourMs / 4
  assert.is(board.takePulses()[0], 25)
  assert.is(board.takePulses()[0], 0)
  boardClock.nowMs = startOfHalfHour(first + 1) - 1
  assert.is(board.takePulses()[0], 74)
  boardClock.nowMs += 1
  assert.is(board.takePulses()[0], 1)
  boardClock.nowMs = startOfHalfHour(first + 4)
  assert.is(board.takePulses()[0], 21)
  // Set back: nothing for time that was counted; then on from there.
  boardClock.nowMs = startOfHalfHour(first + 2)
  assert.is(board.takePulses()[0], 0)
  boardClock.nowMs = startOfHalfHour(first + 3)
  assert.is(board.takePulses()[0], 7)
})

test('no pulse is lost or made, whatever the pulse rate and the moments of reading', () => {
  const cases = fc.record({
    pulsesPerKwh: fc.constantFrom(250, 500, 800, 1000, 1600, 3200),
    wh: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 20 }),
    waits: fc.array(fc.integer({ min: 1, max: 4000000 }), { maxLength: 30 }),
  })
  fc.assert(
    fc.property(cases, ({ pulsesPerKwh, wh, waits }) => {
      const { board, boardClock } = createWorld((halfHour) => wh[halfHour - first], pulsesPerKwh)
      let pulses = 0
      for (const wait of waits) {
        boardClock.nowMs += wait
        pulses += board.takePulses()[0]!
      }
      boardClock.nowMs = Math.max(boardClock.nowMs, startOfHalfHour(first + wh.length))
      pulses += board.takePulses()[0]!
      assert.is(pulses, Math.floor((wh.reduce((sum, value) => sum + value, 0) * pulsesPerKwh) / 1000))
    }),
    { seed: 11, numRuns: 200 },
  )
})

test('bytes leave at the speed of the line, and a frame is held back while one is waiting', () => {
  const { board, timers, sent } = createWorld(() => 0)
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i & 255)
  board.uart.write(bytes)
  assert.is(sent.length, 0)
  assert.not(board.uart.ready())
  for (let ms = 1; ms <= 320; ms++) {
    timers.run(1)
    const due = Math.floor(ms * 0.96)
    assert.ok(sent.length <= due && sent.length >= Math.min(300, due - 3), `${sent.length} bytes after ${ms} ms`)
    assert.is(board.uart.ready(), 300 - sent.length < 256)
  }
  assert.equal(sent, [...bytes])
  // An idle line saves nothing up.
  timers.run(1000)
  board.uart.write(bytes.subarray(0, 10))
  timers.run(5)
  assert.ok(sent.length <= 304)
  board.uart.write(bytes.subarray(10, 20))
  timers.run(1000)
  assert.equal(sent.slice(300), [...bytes.subarray(0, 20)])
})

test('a line without pace sends at once', () => {
  const { board, sent } = createWorld(() => 0, 1000, 0)
  board.uart.write(new Uint8Array(1000))
  assert.is(sent.length, 1000)
  assert.ok(board.uart.ready())
  assert.throws(() => createWorld(() => 0, 1000, -1), /baud/)
  const { flash } = board
  const given = { flash, clock: () => 0, load: () => 0, send: () => {}, baud: 0, timers: systemTimers }
  assert.throws(() => createEmulatedBoard({ ...given, pulsesPerKwh: 0 }), /pulses per kWh/)
})

test('without power nothing is sent, counted or stored', () => {
  const { board, boardClock, timers, sent } = createWorld(() => 100)
  board.uart.write(new Uint8Array(20).fill(1))
  timers.run(5)
  const before = sent.length
  board.off()
  timers.run(1000)
  board.uart.write(new Uint8Array(4))
  timers.run(1000)
  assert.is(sent.length, before)
  assert.not(board.uart.ready())
  boardClock.nowMs += halfHourMs
  assert.is(board.takePulses()[0], 0)
  for (const act of [
    () => board.flash.read(0, 4),
    () => board.flash.program(0, new Uint8Array(4)),
    () => board.flash.erase(0),
  ]) {
    assert.throws(act, /no power/)
  }
  board.on()
  assert.is(board.takePulses()[0], 0)
  boardClock.nowMs += halfHourMs / 2
  assert.is(board.takePulses()[0], 50)
})

test('the firmware records a load as it is, and nothing in its gaps', () => {
  const gap = (halfHour: number) => halfHour === first + 30 || (halfHour >= first + 60 && halfHour < first + 160)
  const load = (halfHour: number) => (gap(halfHour) ? undefined : householdWh(4, halfHour))
  for (const pulsesPerKwh of [1000, 3200]) {
    const { board, boardClock } = createWorld(load, pulsesPerKwh)
    const run = runLoad({ boardClock, board, createMeter, from: first, to: first + 300 })
    const progress: RunProgress[] = []
    let next = run.next()
    for (; !next.done; next = run.next()) progress.push(next.value)
    const meter = next.value!
    assert.is(boardClock.nowMs, startOfHalfHour(first + 300))
    assert.is(meter.lastHalfHour(), first + 299)
    assert.is(meter.boot(), 3)
    assert.equal(
      progress.map(({ done }) => done),
      [48, 96, 144, 192, 240, 288, 300],
    )
    assert.is(progress.at(-1)!.halfHour, first + 299)
    const { wh, marked } = logOf(board)
    assert.equal(marked, [])
    let total = 0
    for (let halfHour = first; halfHour < first + 300; halfHour++) {
      const expected = load(halfHour)
      total += expected ?? 0
      const recorded = wh.get(halfHour)
      if (expected === undefined) assert.is(recorded, undefined)
      else assert.ok(Math.abs(recorded! - expected) <= (pulsesPerKwh === 1000 ? 0 : 1), `${recorded} for ${expected}`)
    }
    assert.ok(Math.abs(meter.importWh() - total) <= 3, `${meter.importWh()} of ${total} Wh`)
  }
})

test('a run that ends in a gap leaves the power off; an empty run does nothing', () => {
  const { board, boardClock } = createWorld((halfHour) => (halfHour < first + 2 ? 10 : undefined))
  const run = runLoad({ boardClock, board, createMeter, from: first, to: first + 5 })
  let next = run.next()
  while (!next.done) next = run.next()
  assert.is(next.value, undefined)
  assert.is(boardClock.nowMs, startOfHalfHour(first + 5))
  assert.throws(() => board.flash.read(0, 4), /no power/)
  board.on()
  assert.is(createMeter(board).lastHalfHour(), first + 1)
  assert.equal(finish(runLoad({ boardClock, board, createMeter, from: first, to: first })), [])
})

test('a late call still closes every half-hour with its own energy', () => {
  const load = (halfHour: number) => 10 + (halfHour - first)
  const { board, boardClock } = createWorld(load)
  const meter = createMeter(board)
  advance(boardClock, meter, startOfHalfHour(first + 10) + 1234)
  assert.is(meter.lastHalfHour(), first + 9)
  const { wh, marked } = logOf(board)
  for (let i = 0; i < 10; i++) assert.is(wh.get(first + i), 10 + i)
  assert.equal(marked, [])
  assert.is(boardClock.nowMs, startOfHalfHour(first + 10) + 1234)
  advance(boardClock, meter, startOfHalfHour(first + 10))
  assert.is(boardClock.nowMs, startOfHalfHour(first + 10))
})

test('a year takes seconds of processor time', () => {
  const { board, boardClock } = createWorld((halfHour) => householdWh(1, halfHour))
  const before = process.cpuUsage()
  const progress = finish(runLoad({ boardClock, board, createMeter, from: first, to: first + 17520 }))
  const { user, system } = process.cpuUsage(before)
  assert.is(progress.at(-1)!.done, 17520)
  assert.ok(user + system < 10_000_000, `${(user + system) / 1000} ms`)
})

test.run()

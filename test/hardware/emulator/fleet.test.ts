// smets1 meter --fleet: many emulated meters behind one port, read by the bridge.

import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { defaultConfiguration, writeSettings } from '../../../firmware/settings.ts'
import { meterCommand } from '../../../hardware/cli/meter.ts'
import { createFlashStore } from '../../../hardware/emulator/flash-store.ts'
import { createFleet, type FleetMember, type FleetOptions } from '../../../hardware/emulator/fleet.ts'
import { FleetBoard } from '../../../hardware/emulator/fleet-board.ts'
import { householdWh } from '../../../hardware/load/household.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { euiToBytes, getU32 } from '../../../protocol/bytes.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import { freshPath } from '../../support/bench/cli.ts'
import { createFleetBench } from '../../support/bench/fleet-bench.ts'

const startMs = Date.UTC(2026, 10, 22)
const euiOf = (index: number) => `02-DB-12-34-00-00-00-${index.toString(16).padStart(2, '0').toUpperCase()}`

/** A fleet on a virtual clock, with 100 Wh times its number in each half-hour of a meter; and a count of their steps. */
function createVirtualFleet(count: number, upToDate: FleetOptions['upToDate'] = 'each quarter') {
  const clock = createVirtualClock(startMs)
  const world = {
    nowMs: startMs,
    upMs: 0,
    update() {
      world.upMs += clock.nowMs() - world.nowMs
      world.nowMs = clock.nowMs()
    },
  }
  const timers = {
    nowMs: clock.nowMs,
    set: (due: () => void, delayMs: number) => clock.after(delayMs, due),
    clear: (timer: unknown) => (timer as { cancel(): void } | undefined)?.cancel(),
  }
  let toHost: (bytes: Uint8Array) => void = () => {}
  const steps = { count: 0 }
  const keys = new Map<string, Uint8Array>()
  let problem: unknown
  const failed = (error: unknown) => {
    problem = error
  }
  const store = createFlashStore({ pageBytes, pages: flashPagesFull })
  store.add(count)
  const fleet = createFleet({ clock: world, timers, upToDate, failed })
  const members = Array.from({ length: count }, (_, i): FleetMember => {
    const flash = store.flash(i)
    const key = createRandom(i + 1).bytes(32)
    keys.set(euiOf(i), key)
    writeSettings(flash, { eui: euiToBytes(euiOf(i)), key, version: 1, configuration: defaultConfiguration() })
    const board = new FleetBoard(flash, (_, channel) => (channel === 0 ? 100 * (i + 1) : 0), 1000, startMs)
    board.clock.upMs = i * 1000
    const meter = createMeter(board)
    const step = meter.step
    meter.step = () => {
      steps.count += 1
      step()
    }
    const member = { board, meter }
    fleet.add(euiToBytes(euiOf(i)), member)
    return member
  })
  const end = fleet.connect({ send: (bytes) => clock.after(1, () => toHost(bytes)), busyMs: () => 0 })
  const line = createLine(
    'fleet:',
    async (_url, _baud, events) => {
      toHost = events.data
      return { write: end.received, close: async () => {} }
    },
    defaultLineLimits,
    clock,
  )
  const dco = createDco({ key: (eui) => keys.get(eui) }, createRandom(99).bytes)
  const sessions = createMeterSessions({ dco, timing: clock })
  const read = (index: number, first: number, halfHours: number) =>
    sessions.withSession(line, euiOf(index), { deadlineMs: clock.nowMs() + 16000, usage: noUsage() }, (conversation) =>
      readHalfHours(conversation, 0, first, halfHours),
    )
  return { clock, fleet, members, steps, read, problem: () => problem }
}

test('a meter that slept for hours is up to date when it is woken', async () => {
  const f = createVirtualFleet(5)
  await f.clock.pass(3 * 3600000 + 600000)
  const first = startMs / halfHourMs
  for (const index of [4, 0, 2]) {
    const readings = await f.clock.run(f.read(index, first, 6))
    assert.equal(
      readings.map(({ wh }) => wh),
      Array(6).fill(100 * (index + 1)),
    )
  }
  await f.clock.pass(1500)
  assert.is(f.fleet.awake(), 0)
  f.fleet.stop()
  assert.is(f.problem(), undefined)
})

test('asleep, a meter is stepped a few times in a quarter of an hour, however many there are', async () => {
  const f = createVirtualFleet(20)
  f.steps.count = 0
  await f.clock.pass(4 * 3600000)
  // Sixteen quarters: at most one step on each and one behind it.
  assert.ok(f.steps.count <= 20 * 16 * 2 + 20, String(f.steps.count))
  assert.ok(f.steps.count >= 20 * 16, String(f.steps.count))
})

test('however late a meter is brought up to date, its log is the same', async () => {
  const often = createVirtualFleet(3)
  const seldom = createVirtualFleet(3, 'at midnight')
  for (const f of [often, seldom]) await f.clock.pass(30 * 3600000 + 700000)
  const first = startMs / halfHourMs
  for (const index of [0, 2]) {
    const readings = [
      await often.clock.run(often.read(index, first, 60)),
      await seldom.clock.run(seldom.read(index, first, 60)),
    ]
    assert.equal(readings[0], readings[1])
    assert.is(readings[0]!.length, 60)
  }
  // Woken: once at midnight, and when it was read.
  assert.ok(seldom.steps.count < often.steps.count)
  for (const f of [often, seldom]) f.fleet.stop()
  assert.equal(
    often.members.map(({ meter }) => meter.importWh()),
    seldom.members.map(({ meter }) => meter.importWh()),
  )
})

test('a stop commits what is counted, and a meter that fails stops the fleet with its error', async () => {
  const f = createVirtualFleet(3)
  await f.clock.pass(20 * 60000)
  f.fleet.stop()
  // Twenty minutes of 300 Wh in half an hour.
  assert.is(f.members[2]!.meter.importWh(), 200)

  const g = createVirtualFleet(2)
  g.members[1]!.meter.step = () => {
    throw new Error('the flash is worn out')
  }
  await g.clock.pass(20 * 60000)
  assert.match(String(g.problem()), /worn out/)
})

test('fifty meters on one TCP line, each read for its own half-hours through the bridge; then again after a restart', async () => {
  const bench = await createFleetBench(50, 2)
  try {
    assert.is((await bench.startFleet(0)).meters, 50)
    for (const daysBack of [1, 2]) {
      const { reads } = await bench.readAll(daysBack, 25)
      assert.is(new Set(reads.map(({ eui }) => eui)).size, 50)
      for (const { eui, response } of reads) {
        assert.is(response.code, 'I0', `${eui} ${response.code}`)
        const seed = getU32(euiToBytes(eui).reverse(), 0)
        // The window is closed at both ends; the log begins with the day before yesterday.
        assert.is(response.entries?.length, daysBack === 1 ? 49 : 48)
        for (const { stampMs, wh } of response.entries ?? []) {
          // Stamped with their ends.
          assert.is(wh, householdWh(seed, stampMs / halfHourMs - 1), `${eui} ${stampMs}`)
        }
      }
      await bench.stopFleet()
      if (daysBack === 1) await bench.startFleet(0)
    }
  } finally {
    await bench.end()
  }
})

test('errors in a directory or an option are reported', async () => {
  const directory = freshPath()
  mkdirSync(directory, { mode: 0o700 })
  let err = ''
  const say = (text: string) => {
    err += text
  }
  const io = { stdout: () => {}, stderr: say, isTerminal: false, env: {} }
  const run = async (options: Record<string, unknown>) => {
    err = ''
    return meterCommand.run({ port: 'tcp://127.0.0.1:0', fleet: directory, ...options }, io)
  }
  assert.is(await run({}), 3)
  assert.match(err, /has no meters.*smets1 provision/)
  assert.is(await run({ load: 'x.csv' }), 2)
  assert.match(err, /--load is for one meter/)
  assert.is(await run({ fleet: '/nowhere' }), 2)
  assert.is(await run({ port: undefined }), 2)
  assert.match(err, /--port is missing/)
  writeFileSync(join(directory, `${euiOf(1)}.settings.json`), '{}', { mode: 0o600 })
  assert.is(await run({}), 2)
  assert.match(err, /cannot be used: it is not a settings file/)
  assert.equal(readdirSync(directory), [`${euiOf(1)}.settings.json`])
  chmodSync(directory, 0o755)
  assert.is(await run({}), 2)
  assert.match(err, /chmod 700/)
})

test.run()

// Many meters in memory at the far end of simulated lines, on a virtual clock.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createFarEnd } from '../../emulation/far-end.ts'
import { createRandom } from '../../emulation/random.ts'
import { createVirtualClock } from '../../emulation/virtual-clock.ts'
import { householdWh } from '../../hardware/load/household.ts'
import { simulatedHouse } from '../../hardware/load/simulated-house.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { readHalfHours } from '../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createMeterSessions } from '../../host/wan/meter-session.ts'
import { createLine, type Line } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'

const nowMs = Date.UTC(2026, 10, 22, 0, 10)
const euiOf = (index: number) => `02-DB-12-34-00-00-00-${index.toString(16).padStart(2, '0').toUpperCase()}`
const yesterday = Math.floor(nowMs / dayMs - 1) * 48

function createWorld(meters: number, baud = 115200) {
  const clock = createVirtualClock(nowMs)
  const farEnd = createFarEnd({ timing: clock, baud })
  const keys = new Map<string, Uint8Array>()
  for (let i = 0; i < meters; i++) {
    const key = createRandom(i + 1).bytes(32)
    keys.set(euiOf(i), key)
    farEnd.add({ eui: euiOf(i), key, energyOf: simulatedHouse(i, 0), sinceMs: nowMs - 2 * dayMs })
  }
  const dco = createDco({ key: (eui) => keys.get(eui) }, createRandom(99).bytes)
  const sessions = createMeterSessions({ dco, timing: clock })
  const lineOf = (url: string) =>
    createLine(url, farEnd.openPort, { ...defaultLineLimits, baud: baud || 115200 }, clock)
  function read(line: Line, index: number, first = yesterday) {
    const usage = noUsage()
    const task = { deadlineMs: clock.nowMs() + 60000, usage }
    const readings = sessions.withSession(line, euiOf(index), task, (conversation) =>
      readHalfHours(conversation, 0, first, 48),
    )
    return readings.then((found) => ({ wh: found.map(({ wh }) => wh), usage }))
  }
  return { clock, farEnd, lineOf, read }
}

const whOf = (index: number, first = yesterday) => Array.from({ length: 48 }, (_, i) => householdWh(index, first + i))

test('on one line meters take turns; on lines of their own they are read at the same time', async () => {
  const meters = 8
  const took: number[] = []
  for (const isBus of [true, false]) {
    const world = createWorld(meters, 9600)
    const bus = world.lineOf('sim:')
    const startMs = world.clock.nowMs()
    const reads = Array.from({ length: meters }, (_, i) => world.read(isBus ? bus : world.lineOf(`sim:${euiOf(i)}`), i))
    const answers = await world.clock.run(Promise.all(reads))
    took.push(world.clock.nowMs() - startMs)
    for (const [index, { wh, usage }] of answers.entries()) {
      assert.equal(wh, whOf(index))
      assert.is(usage.wakeUps, 1)
      assert.is(usage.framesRefused, 0)
    }
    // The last frame tells it to sleep.
    await world.clock.pass(100)
    assert.is(world.farEnd.awake(), 0)
  }
  assert.ok(took[0]! > 6 * took[1]!, took.join(' '))
})

test('a meter that nobody wakes for days answers with all of them', async () => {
  const world = createWorld(3)
  await world.clock.pass(5 * dayMs)
  const line = world.lineOf('sim:')
  for (let day = -1; day < 5; day++) {
    const first = yesterday + (day + 1) * 48
    const { wh } = await world.clock.run(world.read(line, 2, first))
    assert.equal(wh, whOf(2, first), `day ${day}`)
  }
  world.farEnd.stop()
})

test('asleep, meters set no timers but one a day for all of them', async () => {
  const world = createWorld(50)
  const after = world.clock.after
  let timers = 0
  world.clock.after = (ms, call) => {
    timers += 1
    return after(ms, call)
  }
  await world.clock.pass(10 * dayMs)
  assert.ok(timers <= 11, String(timers))
})

test('a line that is closed hears nothing more, and wakes of nobody are ignored', async () => {
  const world = createWorld(1)
  const line = world.lineOf('sim:')
  assert.is((await world.clock.run(world.read(line, 0))).wh.length, 48)
  const nobody = world.read(line, 7)
  assert.is(await world.clock.run(nobody.catch((error) => error.fault)), 'no key')
  assert.throws(
    () => world.farEnd.add({ eui: euiOf(0), key: new Uint8Array(32), energyOf: () => 0 }),
    /in the fleet already/,
  )
  let heard = 0
  let closed = 0
  const port = await world.farEnd.openPort('sim:', 115200, { data: () => void heard++, closed: () => void closed++ })
  await port.close()
  await port.close()
  port.write(Uint8Array.of(0, 1, 2, 0))
  await world.clock.pass(halfHourMs)
  assert.is(heard, 0)
  assert.is(closed, 1)
})

test.run()

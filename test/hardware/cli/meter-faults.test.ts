import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { householdWh } from '../../../hardware/load/household.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import {
  createMeterFolder,
  logsIn,
  type MeterFolder,
  provision,
  readOverLine,
  run,
  start,
} from '../../support/bench/meter-command.ts'
import { eventsOf } from '../../support/sim/emulated-world.ts'
import { until } from '../../support/until.ts'

const test = suite('meter-faults')
let at: MeterFolder
test.before.each(() => {
  at = createMeterFolder()
})
test.after.each(() => at.remove())

const port = 'tcp://127.0.0.1:0'
const seed = 9

const events = () => eventsOf(logsIn(at))

test('power is cut inside an operation on flash and at a time, and comes back by itself', async () => {
  provision(at)
  const cutPowerAfter = [4, '3h/1h']
  // An hour in a second.
  const meter = await start(at, { port, days: 2, seed, baud: 0, timeScale: 3600, cutPowerAfter, lastGasp: true })
  const said = [await meter.says(), await meter.says(), await meter.says(), await meter.says()]
  assert.equal(
    said.map(({ power }) => power),
    ['off', 'on', 'off', 'on'],
  )
  assert.match(String(said[0]!.why), /^inside (a program of \d+ bytes in|the erase of) page \d+$/)
  assert.is(said[0]!.offMs, 1000)
  assert.is(said[1]!.boot, 2)
  assert.is(said[2]!.offMs, 3600000)
  assert.is(said[3]!.boot, 3)
  assert.match(meter.stderr(), /power off, inside .*; back after 1 s/)
  // The line works again, and what is recorded is right.
  const last = meter.ready.lastHalfHour
  const { wh, marked } = await readOverLine(meter.ready.port, last - 47, 48 + 8)
  // Up to the cut at a time there are six or seven, one of which may be missing; then an hour without.
  assert.ok(wh.size >= 48 + 5 && wh.size <= 48 + 7, `${wh.size} half-hours`)
  assert.ok(marked.length >= 1 && marked.length <= 4, `${marked.length} marked`)
  for (const [halfHour, value] of wh) if (!marked.includes(halfHour)) assert.is(value, householdWh(seed, halfHour))
  meter.child.kill('SIGTERM')
  assert.equal(await meter.ended, [0, null])
  const outage = events().find(({ code, detail }) => code === eventCode.powerOutage && detail === 0)!
  assert.ok(Math.abs(outage.value - 3600) <= 1, `${outage.value} s`)
})

test('a clock that begins at 1970: energy is counted, in no half-hour, and the earlier log is kept', async () => {
  provision(at)
  const meter = await start(at, { port, days: 2, seed, timeScale: 3600, clockLost: true })
  const { lastHalfHour } = meter.ready
  let recorded = 0
  for (let i = Math.floor(lastHalfHour / 48 - 2) * 48; i <= lastHalfHour; i++) recorded += householdWh(seed, i)
  await until(() => logsIn(at).journal.registers[0]! > recorded + 100, 'energy in no half-hour')
  meter.child.kill('SIGTERM')
  assert.equal(await meter.ended, [0, null])
  assert.is(logsIn(at).journal.newest, lastHalfHour)
  assert.equal(
    events()
      .map(({ code }) => code)
      .filter((code) => code === eventCode.clockLost),
    [eventCode.clockLost],
  )
})

test('a clock that jumps ahead and back is seen by the meter', async () => {
  provision(at)
  const clockStep = ['7200@30m', '-3600@90m']
  const meter = await start(at, { port, days: 1, seed, timeScale: 3600, clockStep })
  const steps = () => events().filter(({ code }) => code === eventCode.clockForward || code === eventCode.clockBack)
  await until(() => steps().length >= 2, 'two steps of the clock')
  meter.child.kill('SIGTERM')
  assert.equal(await meter.ended, [0, null])
  assert.equal(
    steps().map(({ code, value, detail }) => [code, Math.round(value / 10), detail]),
    [
      [eventCode.clockForward, 720, 1],
      [eventCode.clockBack, 360, 1],
    ],
  )
})

test('flash that wears out ends the meter with what is wrong, and exit code 1', async () => {
  provision(at)
  const result = await run({ port, flash: at.flash, days: 800, flashWear: 0, seed, baud: 0, checkpointWh: 10 })
  assert.is(result.code, 1)
  assert.match(result.stderr, /worn out/)
  assert.is(result.stdout, '')
})

test('errors in fault options are reported', async () => {
  provision(at)
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ timeScale: 0 }, /--time-scale is a whole number from 1 to 3600/],
    [{ cutPowerAfter: 'soon' }, /--cut-power-after is a time such as 90s/],
    [{ cutPowerAfter: 0 }, /--cut-power-after/],
    [{ cutPowerAfter: ['5m', '5m/'] }, /not 5m\/$/m],
    [{ cutPowerAfter: '5m/1s/1s' }, /not 5m/],
    [{ cutPowerAfter: true }, /--cut-power-after needs a value/],
    [{ cutPowerAfter: '99999999d' }, /--cut-power-after/],
    [{ clockDriftPpm: 'fast' }, /--clock-drift-ppm is a whole number from -100000/],
    [{ clockStep: true }, /--clock-step needs a value; one with a minus is written --clock-step=-1/],
    [{ clockStep: '60' }, /--clock-step is seconds@when/],
    [{ clockStep: '60@noon' }, /--clock-step is seconds@when/],
    [{ clockStep: '60@2026-13-01T00:00Z' }, /--clock-step is seconds@when/],
    [{ flashWear: -1 }, /--flash-wear is a whole number from 0/],
  ]
  for (const [options, words] of cases) {
    const result = await run({ port, flash: at.flash, ...options })
    assert.is(result.code, 2, JSON.stringify(options))
    assert.match(result.stderr, words)
    assert.is(result.stdout, '')
  }
})

test.run()

// What happens to schedules when registrations, devices and Users change after they were created.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, mpan, testParties } from '../../../emulation/bench-parties.ts'
import { alertCodesWith, isAlertCode } from '../../../host/catalogue/alert-code.ts'
import { createScheduleBench, dailyRead, dayMs, today } from '../../support/bench/schedule-bench.ts'

const hourMs = 3_600_000
const at1 = { executionTimeMs: hourMs }
const date = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10)

/** Parties with another one registered from a day on. */
function changed(role: 'IS' | 'MDR', mpid: string, from: string) {
  const parties = testParties()
  parties.registrations.push({ mpan, role, mpid, from })
  return parties
}

test('a change of supplier: the outgoing one still gets its last day, and its schedule is removed', async () => {
  const b = await createScheduleBench({ days: 2 })
  const id = await b.create('supplier', dailyRead(at1))
  await b.liveUntil(midnight + dayMs + 2 * hourMs)
  b.setParties(changed('IS', 'SUPB', date(today + 3)))
  await b.liveUntil(midnight + 6 * dayMs)
  // On the day of the change it asks for the day before, which was its own.
  assert.equal(
    b.results().map(({ atMs }) => Math.floor(atMs / dayMs) - today),
    [1, 2, 3],
  )
  assert.equal(
    b.alerts().map(({ kind, code, scheduleId, deviceEui, url }) => [kind, code, scheduleId, deviceEui, url]),
    [['DSPScheduleRemoval', 'N6', id, esme, 'http://127.0.0.1:1/supplier']],
  )
  assert.is(b.schedules().length, 0)
})

test('a change of MDR removes only the schedules of the outgoing MDR', async () => {
  const b = await createScheduleBench({ days: 2 })
  const alertCodes = alertCodesWith({ changeOfMdr: 'N53' })
  assert.ok(alertCodes.ok)
  const configured = await createScheduleBench({ days: 2, config: { alertCodes: alertCodes.codes } })
  for (const bench of [b, configured]) {
    const id = await bench.create('mdr', dailyRead(at1))
    const kept = await bench.create('supplier', dailyRead(at1))
    bench.setParties(changed('MDR', 'MDRB', date(today)))
    await bench.liveUntil(midnight + dayMs + 2 * hourMs)
    assert.equal(
      bench.alerts().map(({ kind, scheduleId }) => [kind, scheduleId]),
      [['DSPScheduleRemoval', id]],
    )
    assert.equal(
      bench.schedules().map((schedule) => schedule.id),
      [kept],
    )
  }
  assert.is(configured.alerts()[0]!.code, 'N53')
})

test('at a change, schedules that can serve nothing any more are removed without waiting for a run', async () => {
  const b = await createScheduleBench({ days: 2 })
  const mine = await b.create('mdr', dailyRead({ frequency: 'Yearly', startDay: today + 300 }))
  const other = await b.create('other-user', dailyRead({ frequency: 'Yearly', startDay: today + 300 }))
  assert.is(await b.clock.run(b.bridge().schedules.runner.reconcile()), 0)
  b.setParties(changed('MDR', 'MDRB', date(today + 10)))
  assert.is(await b.clock.run(b.bridge().schedules.runner.reconcile()), 1)
  await b.clock.pass(1000)
  assert.equal(
    b.alerts().map(({ scheduleId }) => scheduleId),
    [mine],
  )
  assert.equal(
    b.schedules().map(({ id }) => id),
    [other],
  )
  // A restart finds the change, too.
  const again = await createScheduleBench({ days: 2 })
  await again.create('mdr', dailyRead())
  again.setParties(changed('MDR', 'MDRB', date(today)))
  await again.kill()
  await again.clock.pass(1000)
  assert.is(again.alerts()[0]!.kind, 'DSPScheduleRemoval')
})

for (const [status, code] of [
  ['Decommissioned', 'N5'],
  ['Withdrawn', 'N4'],
] as const) {
  test(`a device that is ${status} loses its schedules, and each User is notified`, async () => {
    const b = await createScheduleBench({ days: 2 })
    const ids = [await b.create('supplier', dailyRead(at1)), await b.create('other-user', dailyRead(at1))]
    const parties = testParties()
    parties.devices[0]!.status = status
    b.setParties(parties)
    await b.liveUntil(midnight + dayMs + 2 * hourMs)
    assert.equal(
      b.alerts().map(({ kind, code: sent, scheduleId }) => [kind, sent, scheduleId]),
      ids.map((id) => ['DSPScheduleRemoval', code, id]),
    )
    assert.is(b.schedules().length, 0)
    assert.is(b.line.bytes.toDevice, 0)
  })
}

test('a device that is suspended fails the run and keeps the schedule', async () => {
  const b = await createScheduleBench({ days: 2 })
  const id = await b.create('supplier', dailyRead(at1))
  const parties = testParties()
  parties.devices[0]!.status = 'Suspended'
  b.setParties(parties)
  await b.liveUntil(midnight + dayMs + 2 * hourMs)
  assert.equal(
    b.alerts().map(({ kind, scheduleId }) => [kind, scheduleId]),
    [['CommandFailure', id]],
  )
  b.setParties(testParties())
  await b.liveUntil(midnight + 2 * dayMs + 2 * hourMs)
  assert.is(b.results().length, 1)
})

test('a window that reaches back before the registration fails, day by day, until it no longer does', async () => {
  const parties = testParties()
  parties.registrations[2] = { mpan, role: 'MDR', mpid: 'MDRA', from: date(today + 1) }
  const b = await createScheduleBench({ days: 2, parties })
  const id = await b.create('mdr', dailyRead({ ...at1, startDay: today + 1, endDay: today + 3 }))
  await b.liveUntil(midnight + 4 * dayMs)
  // On the first day it asks for the day before, which was nobody's.
  assert.equal(
    b.alerts().map(({ kind, scheduleId }) => [kind, scheduleId]),
    [['CommandFailure', id]],
  )
  assert.is(b.results().length, 2)
})

test('a User that is suspended, or gone', async () => {
  const b = await createScheduleBench({ days: 2 })
  await b.create('supplier', dailyRead(at1))
  const suspended = testParties()
  suspended.users[0]!.status = 'suspended'
  b.setParties(suspended)
  await b.liveUntil(midnight + dayMs + 2 * hourMs)
  assert.is(b.alerts()[0]!.kind, 'CommandFailure')
  const gone = testParties()
  gone.users = gone.users.slice(1)
  b.setParties(gone)
  await b.liveUntil(midnight + 2 * dayMs + 2 * hourMs)
  assert.is(b.callbacks.length, 1, 'nobody is left to tell')
  assert.is(b.schedules().length, 0)
})

test('killed between any two writes of a refused run, its User is notified once', async () => {
  for (let count = 0; count < 12; count++) {
    const b = await createScheduleBench({ days: 2 })
    await b.create('supplier', dailyRead({ startDay: today, endDay: today, executionTimeMs: hourMs }))
    const parties = testParties()
    parties.devices[0]!.status = 'Suspended'
    b.setParties(parties)
    await b.liveUntil(midnight + hourMs - 60_000)
    b.dieAfterWrites(count)
    await b.clock.pass(120_000)
    await b.kill()
    await b.clock.pass(hourMs)
    const ids = b.callbacks.map(({ response }) => response.responseId!.text)
    assert.is(new Set(ids).size, 1, `after ${count} writes: ${ids}`)
    assert.is(b.alerts()[0]!.kind, 'CommandFailure')
    assert.is(b.schedules().length, 0)
  }
})

test('alert codes are those of the DUIS schema, and may be changed to others of it', () => {
  for (const code of ['AD1', 'N1', 'N31', 'N33', 'N65', 'N999']) assert.ok(isAlertCode(code), code)
  for (const code of ['', 'N0', 'N32', 'N66', 'N01', 'AD2', 'E1', 'N6 ']) assert.not.ok(isAlertCode(code), code)
  for (const [overrides, pattern] of [
    [{ changeOfMdr: 'N32' }, /no DCC alert code/],
    [{ changeOfTariff: 'N1' }, /no cause is called/],
    [[], /expected an object/],
    ['N1', /expected an object/],
  ] as const) {
    const result = alertCodesWith(overrides)
    assert.not.ok(result.ok)
    if (!result.ok) assert.match(result.detail, pattern)
  }
})

test.run()

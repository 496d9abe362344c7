// Requests with an ExecutionDateTime: accepted now, executed then, whatever happens to the bridge in between.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight, whOf } from '../../../emulation/bench.ts'
import { esme, exportParties, testParties } from '../../../emulation/bench-parties.ts'
import { futureDatedDaysMax, futureDatedMax, wrongExecution } from '../../../host/requests/future-dated.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'
import { unsignedTemplate } from '../../support/bench/duis-parties.ts'

const hourMs = 2 * halfHourMs
const at = midnight + 3 * hourMs
const registers = { serviceReferenceVariant: '4.1.1', executionMs: at }
const codes = (b: Bench) => b.callbacks.map(({ response }) => response.code)

test('accepted at once, nothing on the line until its time, answered then', async () => {
  const b = await createBench({ days: 2 })
  const { code, why } = await b.post(b.sign(b.request('mdr', registers), 'mdr'))
  assert.is(code, 'I99')
  assert.match(why, /to be executed at 2026-11-22T03:00:00.000Z/)
  await b.clock.pass(at - b.clock.nowMs() - 1)
  assert.is(b.line.bytes.toDevice, 0)
  b.meter.count(0, 5000)
  await b.clock.pass(1000)
  assert.equal(codes(b), ['I0'])
  const { response, atMs } = b.callbacks[0]!
  assert.ok(atMs >= at && atMs < at + 1000)
  assert.ok(response.registers!.activeWh! >= 5000, 'the registers as they were then')
  assert.ok(b.answers[0]!.tookMs < 1000, 'its time counts from its execution')
  assert.equal([...b.store.range('accepted', '', '\uffff')], [])
})

test('a window that is not over when it is asked for is, when it is executed', async () => {
  const b = await createBench({ days: 2 })
  const period = { startMs: midnight, endMs: midnight + hourMs }
  await b.post(b.sign(b.request('supplier', { period, executionMs: at })))
  b.meter.live(b.end, [4, 5, 6, 7])
  await b.clock.pass(2 * hourMs)
  assert.equal(
    b.callbacks[0]!.response.entries!.map(({ wh }) => wh),
    [whOf(b.end - 1), 4, 5],
  )
})

test('killed in between: the next start executes it, once', async () => {
  for (const killAtMs of [at - hourMs, at + 5]) {
    const b = await createBench({ days: 2 })
    await b.post(b.sign(b.request('supplier', registers)))
    await b.clock.pass(killAtMs - b.clock.nowMs())
    await b.kill()
    await b.clock.pass(hourMs + 20000)
    assert.equal(codes(b), ['I0'], `killed at ${killAtMs - at} ms`)
  }
})

test('down at its time and for longer than the target response time: E30', async () => {
  const b = await createBench({ days: 2 })
  await b.post(b.sign(b.request('supplier', registers)))
  b.dieAfterWrites(0)
  await b.clock.pass(at - b.clock.nowMs() + 17000)
  await b.kill()
  await b.clock.pass(1000)
  assert.equal(codes(b), ['E30'])
  assert.is(b.bridge().total.wakeUps, 0)
  assert.ok(b.verify(b.callbacks[0]!.xml).ok)
})

test('a clock that is set past its time, or a suspend: it is executed when the bridge notices, and answered', async () => {
  const b = await createBench({ days: 2 })
  await b.post(b.sign(b.request('mdr', registers), 'mdr'))
  await b.clock.pass(hourMs)
  b.clock.set(at + 5 * hourMs)
  b.meter.meter().step()
  await b.clock.pass(60_000)
  assert.equal(codes(b), ['I0'])
})

test('a meter that is gone at its time: E20 as for any other request', async () => {
  const b = await createBench({ days: 2 })
  await b.post(b.sign(b.request('supplier', registers)))
  b.line.unplug()
  await b.clock.pass(at - b.clock.nowMs() + 20000)
  assert.equal(codes(b), ['E20'])
})

test('registration is that of the day of execution: asked for now, and looked at again then', async () => {
  // Today's MDR may not date a read of registers into the time of the next one.
  const parties = testParties()
  parties.registrations.push({ mpan: '1234567890126', role: 'MDR', mpid: 'MDRB', from: '2026-11-25' })
  const b = await createBench({ days: 2, parties })
  const dated = (executionMs: number) => b.post(b.sign(b.request('mdr', { ...registers, executionMs }), 'mdr'))
  assert.is((await dated(midnight + 2 * dayMs + hourMs)).code, 'I99')
  const late = await dated(midnight + 3 * dayMs)
  assert.is(late.code, 'E4')
  assert.match(late.why, /Settlement Day 2026-11-25/)
  // Accepted by an earlier run whose registry allowed it; this one's does not.
  const gone = testParties()
  gone.registrations = gone.registrations.filter(({ role }) => role !== 'IS')
  const after = await createBench({ days: 2, parties: gone })
  const body = Buffer.from(after.sign(after.request('supplier', registers)))
  const kept = { body, receivedMs: after.clock.nowMs(), executionMs: at }
  await after.store.put('accepted', `90-B3-D5-1F-30-01-00-00:${esme}:1001`, kept)
  await after.kill()
  await after.clock.pass(hourMs)
  assert.equal(codes(after), [], 'not before its time')
  await after.clock.pass(at - after.clock.nowMs() + 1000)
  assert.equal(codes(after), ['E4'])
})

test('a date that is past, or too far ahead, is refused with E49 and the reason', async () => {
  const b = await createBench({ days: 2, parties: exportParties() })
  const dated = (executionMs: number) => b.post(b.sign(b.request('supplier', { ...registers, executionMs })))
  const cases: [number, string, RegExp][] = [
    [b.clock.nowMs(), 'E49', /past/],
    [Date.UTC(1999, 0, 1), 'E49', /past/],
    [b.clock.nowMs() + 31 * dayMs, 'E49', /more than 30 days ahead/],
    [Date.UTC(3000, 0, 1), 'E49', /more than 30 days ahead/],
    [b.clock.nowMs() + 30 * dayMs, 'I99', /to be executed/],
  ]
  for (const [executionMs, code, why] of cases) {
    const acknowledged = await dated(executionMs)
    assert.is(acknowledged.code, code, new Date(executionMs).toISOString())
    assert.match(acknowledged.why, why)
  }
  await b.clock.pass(30 * dayMs + 1000)
  assert.equal(codes(b), ['I0'], 'longer than one timer')
  const template = await b.post(b.sign(unsignedTemplate('ECS17b_4.1.1_DSP_FUTURE_DATED_REQUEST_DUIS.XML')))
  assert.match(`${template.code} ${template.why}`, /^E49 ExecutionDateTime is past/, 'it is of 2015')
  assert.is(wrongExecution(2, 1, futureDatedMax - 1), undefined)
  assert.match(wrongExecution(2, 1, futureDatedMax)!, /10000 future-dated requests wait already/)
  assert.is(wrongExecution(1 + futureDatedDaysMax * dayMs, 1, 0), undefined)
})

test('stopped: nothing is executed any more, and it lies on disk for the next start', async () => {
  const b = await createBench({ days: 2 })
  await b.post(b.sign(b.request('supplier', registers)))
  await b.clock.run(b.bridge().stop())
  await b.clock.pass(2 * hourMs)
  assert.equal(codes(b), [])
  assert.is([...b.store.range('accepted', '', '\uffff')].length, 1)
})

test.run()

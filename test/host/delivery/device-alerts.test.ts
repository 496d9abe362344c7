// What a meter tells unasked: ahead of its awake, opened by the DCO, delivered to the registered supplier, acknowledged.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { createRandom } from '../../../emulation/random.ts'
import { act, action } from '../../../firmware/metering.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { alertOf, createDeviceAlerts, supplierOf } from '../../../host/delivery/device-alerts.ts'
import { formatDeviceAlert } from '../../../host/duis/format-alert.ts'
import { parseResponse } from '../../../host/duis/read-response.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { alertsIn } from '../../../host/wan/wake.ts'
import { type EventEntry, encodeEvent, eventCode } from '../../../protocol/event-entry.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { encodeAnswer } from '../../../protocol/messages.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'
import { nowMs, parties } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

/** Power fails, with a last gasp or without, and comes back ten minutes later. */
function outage(b: Bench, gasp = true): { fromMs: number; toMs: number } {
  const fromMs = b.clock.nowMs()
  if (gasp) b.meter.meter().powerFails()
  b.meter.off()
  b.clock.set(fromMs + 600000)
  b.meter.on()
  return { fromMs, toMs: fromMs + 600000 }
}

const alertsOf = (b: Bench) => b.callbacks.flatMap(({ response }) => (response.alert ? [response.alert] : []))

test('an outage is reported at the next wake, to the registered supplier, whichever User asked', async () => {
  const b = await createBench({ days: 2 })
  const supply = outage(b)
  assert.is((await b.ask('mdr')).code, 'I99')
  await b.clock.pass(100)
  const told = b.callbacks.filter(({ response }) => response.alert !== undefined)
  assert.equal(
    told.map(({ url }) => url),
    ['http://127.0.0.1:1/supplier', 'http://127.0.0.1:1/supplier'],
  )
  assert.equal(
    told.map(({ response }) => response.alert),
    [
      { description: 'Supply is about to fail (last gasp)', atMs: supply.fromMs },
      { description: 'Supply restored after an outage of 600 seconds', atMs: supply.fromMs, outage: supply },
    ],
  )
  for (const { xml, response } of told) {
    const { requestId, responseId, serviceReference, kind, code } = response
    assert.equal([requestId, serviceReference, kind, code], [undefined, undefined, 'SMETS1ResponseMessage', 'I0'])
    assert.is(responseId?.originator, esme)
    assert.is(responseId?.target, '90-B3-D5-1F-30-01-00-00')
    assert.ok(b.verify(xml).ok)
  }
  assert.is(new Set(told.map(({ response }) => response.responseId!.counter)).size, 2)
  assert.is(b.log.filter(({ event }) => event === 'device alert').length, 2)
  const answer = b.callbacks.find(({ url }) => url.endsWith('/mdr'))
  assert.is(answer!.response.entries!.length, 49)
})

test('acknowledged in the session: the next wake brings none', async () => {
  const b = await createBench({ days: 2 })
  outage(b, false)
  await b.ask('supplier')
  assert.match(alertsOf(b)[0]!.description, /its beginning estimated/)
  const asks = b.answers[0]!.usage.asks
  assert.is(asks, 2, 'the read, and the acknowledgement')
  await b.ask('supplier', { period: { startMs: midnight - 2 * dayMs, endMs: midnight - dayMs } })
  assert.equal([b.answers[1]!.usage.wakeUps, b.answers[1]!.usage.asks], [1, 1])
  assert.is(alertsOf(b).length, 1)
})

test('a lost acknowledgement: sent again by the meter, delivered once', async () => {
  const b = await createBench({ days: 3 })
  outage(b)
  // The third frame to the meter is the acknowledgement: wake, read, acknowledgement.
  let sent = 0
  let frames = 0
  Object.defineProperty(b.line, 'faults', {
    get() {
      const isToMeter = b.line.bytes.toDevice > sent
      sent = b.line.bytes.toDevice
      frames += isToMeter ? 1 : 0
      return isToMeter && frames === 3 ? { loss: 1 } : {}
    },
  })
  await b.ask('supplier')
  assert.is(b.callbacks.find(({ response }) => response.entries)!.response.entries!.length, 49)
  await b.ask('supplier', { period: { startMs: midnight - 2 * dayMs, endMs: midnight - dayMs } })
  await b.clock.pass(1000)
  assert.is(alertsOf(b).length, 2, 'last gasp and outage, once each')
  assert.is(b.answers[1]!.usage.asks, 2, 'the meter told again and was acknowledged')
})

test('no registered supplier: logged, acknowledged, not delivered', async () => {
  const parties = testParties()
  parties.registrations = parties.registrations.filter(({ role }) => role !== 'IS')
  const b = await createBench({ days: 2, parties })
  outage(b)
  await b.ask('mdr')
  assert.equal(alertsOf(b), [])
  const lines = b.log.filter(({ event }) => event === 'device alert')
  assert.equal(
    lines.map(({ problem }) => problem),
    Array(2).fill('no supplier is registered to the device today: delivered to nobody'),
  )
})

test('fewer than all alerts go with one wake when there are many; the next brings the rest', async () => {
  const b = await createBench({ days: 2 })
  for (let i = 0; i < 10; i++) outage(b)
  await b.ask('supplier')
  assert.is(alertsOf(b).length, 14)
  await b.ask('supplier', { period: { startMs: midnight - 2 * dayMs, endMs: midnight - dayMs } })
  await b.clock.pass(100)
  assert.is(alertsOf(b).length, 20)
})

test('an attacker on the line can neither forge nor replay alerts', async () => {
  const b = await createBench({ days: 2 })
  outage(b)
  const recorded: Uint8Array[] = []
  const send = b.line.send
  b.line.send = (bytes) => {
    recorded.push(bytes)
    send(bytes)
  }
  await b.ask('supplier')
  const alerts = alertsOf(b).length
  const random = createRandom(5)
  const old = recorded[0]!
  // Ahead of every awake now come the old alerts, as they were and with a bit turned.
  b.line.send = (bytes) => {
    send(old)
    const turned = old.slice()
    turned[10 + random.below(20)]! ^= 1 << random.below(8)
    send(turned)
    send(bytes)
  }
  await b.ask('supplier', { period: { startMs: midnight - 2 * dayMs, endMs: midnight - dayMs } })
  assert.is(b.callbacks.at(-1)!.response.code, 'I0')
  assert.is(alertsOf(b).length, alerts)
})

test('what is no list of alerts is not taken for one', () => {
  const entry = encodeEvent({ code: 2, sequence: 7, atSeconds: 1795306200, value: 60, detail: 1 })
  const message = (entries: Uint8Array) => encodeAnswer('readEvents', { entries })
  assert.is(alertsIn(message(entry))![0]!.sequence, 7)
  assert.equal(alertsIn(message(new Uint8Array(0))), [])
  assert.is(alertsIn(message(entry.subarray(0, 15))), undefined)
  assert.is(alertsIn(message(entry.map((byte, i) => (i === 9 ? byte ^ 1 : byte)))), undefined)
  const random = createRandom(3)
  for (let i = 0; i < 5000; i++) assert.is(alertsIn(random.bytes(random.below(60)))?.length ?? 0, 0)
})

test('an alert of any event, with or without a time, is valid by the schema and signed twice', async () => {
  const { supplier, dsp, s1sp } = parties()
  const requestId = requestIdOf(supplier.eui, esme, 5n)
  const random = createRandom(9)
  for (const code of [...Object.values(eventCode), 61]) {
    for (const atSeconds of [0, Math.floor(nowMs / 1000)]) {
      const entry: EventEntry = { code, sequence: 1, atSeconds, value: random.below(2 ** 31), detail: random.below(2) }
      const alert = alertOf(entry, nowMs)
      assert.is(alert.atMs, nowMs)
      const xml = formatDeviceAlert(alert, { requestId, nowMs, dsp: dsp.signer, s1sp: s1sp.signer })
      assert.equal(duisSchema().validate(xml), [], xml)
      const parsed = parseResponse(Buffer.from(xml))
      assert.equal(parsed.ok && parsed.response.alert, alert)
    }
  }
  const odd = { description: 'a < b & "c" > d', atMs: nowMs }
  const xml = formatDeviceAlert(odd, { requestId, nowMs, dsp: dsp.signer, s1sp: s1sp.signer })
  assert.equal(duisSchema().validate(xml), [])
  const parsed = parseResponse(Buffer.from(xml))
  assert.equal(parsed.ok && parsed.response.alert, odd)
})

test('a lost clock empties the cache of that meter; alerts that cannot be stored are not acknowledged', async () => {
  const { dsp, s1sp } = parties()
  const checked = checkRegistry(testParties())
  if (!checked.ok) throw new Error(checked.problems.join())
  const emptied: string[] = []
  const kept: string[] = []
  let full = true
  const take = createDeviceAlerts({
    store: createMemoryStore(bridgeTables),
    delivery: {
      keep: async (id) => {
        if (full) throw new Error('no room on the disk')
        kept.push(id)
      },
      start: () => {},
      has: () => false,
      resume: () => {},
      fetched: async () => {},
      pending: () => [],
      read: () => undefined,
      retry: async () => false,
      discard: async () => false,
      stop: async () => {},
    },
    registry: () => checked.registry,
    nowMs: () => nowMs,
    dsp: dsp.signer,
    s1sp: s1sp.signer,
    clockStepped: async (eui) => void emptied.push(eui),
    check: () => {},
    log: () => {},
  })
  const lost: EventEntry = { code: eventCode.clockLost, sequence: 3, atSeconds: 0, value: 0, detail: 0 }
  const failed = await take(esme, [lost]).then(
    () => '',
    (error: Error) => error.message,
  )
  assert.is(failed, 'no room on the disk')
  full = false
  await take(esme, [lost])
  await take(esme, [lost])
  assert.equal(kept.length, 1)
  assert.ok(emptied.includes(esme))
})

test('a clock set by more than two seconds is reported at the next wake, and empties the cache', async () => {
  for (const seconds of [-3600, 90]) {
    const b = await createBench({ days: 2 })
    await b.ask('supplier')
    act(b.meter.meter().state.metering, action.setClock, b.clock.nowMs() + seconds * 1000)
    await b.ask('supplier', { serviceReferenceVariant: '4.1.1' })
    assert.equal(
      alertsOf(b).map(({ description }) => description),
      [`The clock was set ${seconds < 0 ? 'back' : 'forward'} by ${Math.abs(seconds)} seconds`],
    )
    const emptied = b.log.filter(({ event }) => event === 'cache emptied')
    assert.is(emptied.length, 1)
    await b.ask('supplier')
    assert.is(b.answers.at(-1)!.usage.wakeUps, 1, 'read from the meter again')
  }
})

test('the alert goes to the supplier registered today, and active', () => {
  const changing = testParties()
  changing.registrations.push({ mpan: '1234567890126', role: 'IS', mpid: 'SUPB', from: '2026-11-22' })
  changing.users.push({ ...changing.users[0]!, name: 'next', eui: '90-B3-D5-1F-30-03-00-00', mpid: 'SUPB' })
  const nameAt = (atMs: number, data = changing) => {
    const checked = checkRegistry(data)
    if (!checked.ok) throw new Error(checked.problems.join())
    return supplierOf(checked.registry, esme, atMs)?.name
  }
  assert.is(nameAt(midnight - 1), 'supplier')
  assert.is(nameAt(midnight), 'next')
  changing.users.at(-1)!.status = 'suspended'
  assert.is(nameAt(midnight), undefined)
})

test.run()

// Delivery to the Node-RED nodes of DCC Boxed, which is not standard: GBCSPayload, never over 100 kB, no throttle elements.

import { createRequire } from 'node:module'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../emulation/bench.ts'
import { esme, testParties } from '../../emulation/bench-parties.ts'
import { registryOf } from '../../emulation/registry-of.ts'
import { defaultAccessPolicy } from '../../host/access/access-control.ts'
import { boxedBytesMax, boxedHalfHoursMax, tooLargeForBoxed } from '../../host/access/boxed-limits.ts'
import { whatIf } from '../../host/access/what-if.ts'
import { srvRow } from '../../host/catalogue/srv-table.ts'
import { formatSmets1Response } from '../../host/duis/format.ts'
import { formatNonDeviceRequest } from '../../host/duis/format-non-device.ts'
import { dailyReadLogPayload, exportProfilePayload, importProfilePayload } from '../../host/duis/payload.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { testIdentities } from '../../host/pki/test-pki.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { createBench } from '../support/bench/checked-bench.ts'
import { parties as identities, nowMs } from '../support/bench/duis-parties.ts'
import { dailyRead } from '../support/bench/schedule-bench.ts'

// The guards that the nodes put every message through; an external client's package.
const load = createRequire(createRequire(import.meta.url).resolve('@smartdcc/duis-templates'))
const { parseDuis, isSimplifiedDuisOutputResponse } = load('@smartdcc/duis-parser') as {
  parseDuis(mode: 'simplified', xml: string): unknown
  isSimplifiedDuisOutputResponse(value: unknown): boolean
}

/** What the receive node makes of a body: 204, or 400 and 413. */
function nodeRedStatus(xml: string): number {
  if (Buffer.byteLength(xml) > 100 * 1024) return 413
  return isSimplifiedDuisOutputResponse(parseDuis('simplified', xml)) ? 204 : 400
}

async function boxedBench(days: number) {
  const parties = testParties()
  parties.users[0]!.mode = 'boxed'
  return await createBench({ days, parties })
}

const days = (count: number) => ({ period: { startMs: midnight - count * dayMs, endMs: midnight } })

test('what is sent passes the guards of the nodes; what the schema has for SMETS1 does not', async () => {
  const b = await boxedBench(12)
  for (const fields of [
    days(1),
    days(10),
    { serviceReferenceVariant: '4.1.1' },
    { serviceReferenceVariant: '4.6.1', ...days(12) },
    { serviceReferenceVariant: '4.8.2', ...days(1) },
  ]) {
    assert.is((await b.ask('supplier', fields)).code, 'I99')
    const { xml, response } = b.callbacks.at(-1)!
    assert.equal([response.code, response.boxed, nodeRedStatus(xml)], ['I0', true, 204])
    assert.ok(Buffer.byteLength(xml) <= boxedBytesMax)
    assert.not.match(xml, 'Throttled')
    assert.ok(b.verify(xml).ok)
  }
  assert.is(b.callbacks[1]!.response.entries!.length, 481)
  await b.ask('mdr', days(1))
  assert.equal([b.callbacks.at(-1)!.response.boxed, nodeRedStatus(b.callbacks.at(-1)!.xml)], [undefined, 400])
})

test('13 months are refused before the meter is woken, with the reason; a shorter window is answered', async () => {
  const b = await boxedBench(12)
  for (const fields of [days(400), days(11), { serviceReferenceVariant: '4.8.2', ...days(13) }]) {
    const refused = await b.ask('supplier', fields)
    assert.is(refused.code, 'E49')
    assert.match(refused.why, /half-hours of 4\.8\.\d make more than 100 kB in boxed delivery: ask for \d+ at most/)
  }
  assert.is(b.bridge().total.wakeUps, 0)
  assert.is(b.callbacks.length, 0)
  // What is not over is not read: a window that reaches far ahead is no longer than its past.
  const period = { startMs: midnight - dayMs, endMs: midnight + 400 * dayMs }
  assert.is((await b.ask('supplier', { period })).code, 'I99')
  assert.is((await b.ask('mdr', days(400))).code, 'I99')
})

test('the what-if knows it too', () => {
  const parties = testParties()
  parties.users[0]!.mode = 'boxed'
  const ask = (name: 'supplier' | 'mdr', count: number) => {
    const requestId = requestIdOf(testIdentities[name].eui, esme, 0n)
    return whatIf({ requestId, ...days(count) }, midnight, registryOf(parties), srvRow('4.8.1')!, defaultAccessPolicy)
  }
  assert.equal([ask('supplier', 10).code, ask('supplier', 400).code, ask('mdr', 400).code], ['I99', 'E49', 'I99'])
  const { rule, text } = ask('supplier', 400)
  assert.is(rule, 'delivery')
  assert.match(text, /ask for 517 at most/)
})

test('what turns out too large gets the same code as its final answer, and is not asked again', async () => {
  const b = await boxedBench(12)
  const most = boxedHalfHoursMax('4.8.1')!
  // A closed window has one half-hour more than it is long.
  const startMs = midnight - (most - 1) * 1_800_000
  assert.is((await b.ask('supplier', { period: { startMs, endMs: midnight } })).code, 'I99')
  const { response, xml } = b.callbacks.at(-1)!
  assert.equal([response.code, response.kind, nodeRedStatus(xml)], ['E49', 'ResponseMessage', 204])
  assert.is(b.answers.at(-1)!.code, 'E49')
  assert.match(b.answers.at(-1)!.detail, /a response of \d+ bytes; boxed delivery takes 100000/)
})

test('a schedule: results, and one whose reads would be too long', async () => {
  const b = await boxedBench(3)
  const details = (startDays: number) =>
    dailyRead({ executionTimeMs: 3_600_000, period: { startDays, startTimeMs: 0, endDays: 0, endTimeMs: 0 } })
  const create = (counter: bigint, startDays: number) => {
    const id = requestIdOf(testIdentities.supplier.eui, testIdentities.dsp.eui, counter)
    return b.sign(formatNonDeviceRequest(id, { variant: '5.1', schedule: details(startDays) }))
  }
  const refused = await b.post(create(5_000n, -30), 'serviceD')
  assert.equal([refused.code, /100 kB/.test(refused.why)], ['E49', true])
  assert.is((await b.post(create(5_001n, -1), 'serviceD')).code, 'I0')
  await b.clock.pass(2 * dayMs)
  const { response, xml } = b.callbacks.at(-1)!
  assert.equal([response.boxed, response.scheduleId, nodeRedStatus(xml)], [true, 1n, 204])
})

test('a schedule of a User that turned boxed: one CommandFailure a run, no retries', async () => {
  const b = await createBench({ days: 3 })
  const schedule = dailyRead({
    executionTimeMs: 3_600_000,
    period: { startDays: -30, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  })
  const id = requestIdOf(testIdentities.supplier.eui, testIdentities.dsp.eui, 5_000n)
  assert.is((await b.post(b.sign(formatNonDeviceRequest(id, { variant: '5.1', schedule })), 'serviceD')).code, 'I0')
  const parties = testParties()
  parties.users[0]!.mode = 'boxed'
  b.setParties(parties)
  await b.clock.pass(1.5 * dayMs)
  assert.is(b.bridge().total.wakeUps, 0)
  assert.equal(
    b.callbacks.map(({ response, xml }) => [response.kind, nodeRedStatus(xml)]),
    [['DCCAlertMessage', 204]],
  )
})

test('an alert of the meter goes as a device alert with the document in its payload', async () => {
  const b = await boxedBench(2)
  const fromMs = b.clock.nowMs()
  b.meter.meter().powerFails()
  b.meter.off()
  b.clock.set(fromMs + 600_000)
  b.meter.on()
  await b.ask('mdr')
  await b.clock.pass(100)
  const told = b.callbacks.filter(({ response }) => response.alert !== undefined)
  assert.is(told.length, 2)
  for (const { response, xml } of told) {
    assert.equal([response.kind, response.boxed, nodeRedStatus(xml)], ['DeviceAlertMessage', true, 204])
    assert.ok(b.verify(xml).ok)
    assert.not.match(xml, 'Throttled')
  }
})

test('the limit, from the sizes of real responses', async () => {
  const { dsp, s1sp, supplier } = identities()
  const requestId = requestIdOf(supplier.eui, esme, 0xffff_ffff_ffff_ffffn)
  const schedule = { id: 1_000_000_000_000n, dspEui: dsp.eui }
  const size = async (variant: string, payload: string) => {
    const answer = { requestId, serviceReferenceVariant: variant, code: 'I0', nowMs, schedule, boxedCompat: true }
    return Buffer.byteLength(formatSmets1Response({ ...answer, dsp: dsp.signer, s1sp: s1sp.signer }, payload))
  }
  const rows: [string, (count: number) => string][] = [
    ['4.8.1', (count) => importProfilePayload(Array(count).fill({ stampMs: nowMs, wh: 0 }))],
    ['4.8.3', (count) => exportProfilePayload(Array(count).fill({ stampMs: nowMs, wh: 0 }))],
  ]
  for (const [variant, payload] of rows) {
    const most = boxedHalfHoursMax(variant)!
    // One more cannot fit, whatever its values; a tenth fewer do.
    assert.ok((await size(variant, payload(most + 1))) > boxedBytesMax, variant)
    assert.ok((await size(variant, payload(Math.floor(most * 0.9)))) <= boxedBytesMax, variant)
  }
  // What docs/how-to/dcc-tools.md says of days.
  const usual = { stampMs: nowMs, wh: 9_999, varh: 9_999 }
  assert.ok((await size('4.8.1', importProfilePayload(Array(10 * 48).fill(usual)))) <= boxedBytesMax)
  assert.ok((await size('4.8.3', exportProfilePayload(Array(7 * 48).fill(usual)))) <= boxedBytesMax)
  // Days that always fit, with the largest values that a meter records.
  const large = { stampMs: nowMs, wh: 65_535, varh: 65_535 }
  assert.ok((await size('4.8.1', importProfilePayload(Array(9 * 48).fill(large)))) <= boxedBytesMax)
  assert.ok((await size('4.8.3', exportProfilePayload(Array(6 * 48).fill(large)))) <= boxedBytesMax)
  const registers = Array(48).fill(2 ** 48 - 1)
  const reads = (count: number) => Array(count).fill({ stampMs: nowMs, importWh: 2 ** 48 - 1, tariffWh: registers })
  assert.is(tooLargeForBoxed('x'.repeat(boxedBytesMax)), undefined)
  assert.ok((await size('4.6.1', dailyReadLogPayload(reads(14)))) <= boxedBytesMax)
  assert.ok((await size('4.6.1', dailyReadLogPayload(reads(31)))) > boxedBytesMax)
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight, whOf } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { dayMs, stampOfHalfHour } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { unsignedTemplate } from '../../support/bench/duis-parties.ts'

test('a day, closed at both ends: 49 half-hours, signed twice, stamped with the ends, as the meter recorded it', async () => {
  const b = await createBench()
  assert.is((await b.ask()).code, 'I99')
  assert.is(b.callbacks.length, 1)
  const { url, xml, response } = b.callbacks[0]!
  assert.is(url, 'http://127.0.0.1:1/supplier')
  assert.is(response.code, 'I0')
  assert.is(response.kind, 'SMETS1ResponseMessage')
  assert.equal(
    response.entries,
    Array.from({ length: 49 }, (_, i) => ({ stampMs: stampOfHalfHour(b.end - 49 + i), wh: whOf(b.end - 49 + i) })),
  )
  const verified = b.verify(xml)
  assert.ok(
    verified.ok && verified.dspEui === '90-B3-D5-1F-30-00-00-02' && verified.s1spEui === '90-B3-D5-1F-30-00-00-0A',
  )
  assert.is(b.answers[0]!.usage.wakeUps, 1)
})

test('the request of the reference test data set is taken as it is', async () => {
  const b = await createBench({ days: 2 })
  const unsigned = unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML')
  const acknowledged = await b.post(b.sign(unsigned))
  await b.answered()
  assert.is(acknowledged.code, 'E4', 'its window lies before the registration of this bench')
  const parties = testParties()
  parties.registrations[0]!.from = '2010-01-01'
  const older = await createBench({ days: 2, parties })
  assert.is((await older.post(older.sign(unsigned))).code, 'I99')
  await older.answered()
  assert.is(older.callbacks[0]!.response.code, 'I0')
  assert.equal(older.callbacks[0]!.response.entries ?? [], [])
})

test('the second party is answered from the cache, at no cost to the meter', async () => {
  const b = await createBench()
  await b.ask('supplier')
  await b.ask('mdr')
  assert.equal(b.callbacks[1]!.response.entries, b.callbacks[0]!.response.entries)
  assert.is(b.answers[1]!.usage.bytesOut, 0)
  assert.is(b.answers[1]!.provenance!.fromCache, 49)
})

test('only what is missing is fetched', async () => {
  const b = await createBench()
  await b.ask('supplier')
  await b.ask('mdr', { period: { startMs: midnight - 2 * dayMs, endMs: midnight } })
  const { provenance: sources } = b.answers[1]!
  assert.equal([sources!.fromCache, sources!.fromMeter], [49, 48])
  assert.is(b.callbacks[1]!.response.entries!.length, 97)
})

test('parties that ask at the same time share one read', async () => {
  const b = await createBench()
  const names = ['supplier', 'mdr', 'network-operator', 'other-user'] as const
  const codes = await Promise.all(names.map((name) => b.post(b.sign(b.request(name), name))))
  await b.answered()
  assert.equal(
    codes.map(({ code }) => code),
    ['I99', 'I99', 'I99', 'I99'],
  )
  assert.is(b.callbacks.length, 4)
  assert.is(b.bridge().total.wakeUps, 1)
  for (const { response } of b.callbacks) assert.equal(response.entries, b.callbacks[0]!.response.entries)
})

test('after 25 hours the cache knows nothing', async () => {
  const b = await createBench()
  await b.ask('supplier')
  b.meter.live(
    b.end,
    Array.from({ length: 51 }, () => 5),
  )
  await b.clock.pass(600000)
  await b.ask('mdr')
  assert.is(b.answers[1]!.provenance!.fromCache, 0)
  assert.is(b.bridge().total.wakeUps, 2)
})

const dayBefore = { period: { startMs: midnight - dayMs, endMs: midnight } }

test('windows of any kind: before 1970, after now, of many years, of nothing', async () => {
  const b = await createBench({ days: 3 })
  const windows: [string, number, number, number][] = [
    ['before 1970', Date.UTC(1960, 0, 1), Date.UTC(1961, 0, 1), 0],
    ['after now', midnight + 5 * dayMs, midnight + 6 * dayMs, 0],
    ['everything', Date.UTC(1969, 0, 1), midnight + 5 * dayMs, 144],
    ['one instant', midnight, midnight, 1],
    ['no stamp', midnight + 1000, midnight + 2000, 0],
    ['one half-hour', midnight - 1800000, midnight, 2],
    ['off the half-hours', midnight - 2700000, midnight - 900000, 1],
  ]
  for (const [name, startMs, endMs, count] of windows) {
    assert.is((await b.ask('other-user', { period: { startMs, endMs } })).code, 'I99', name)
    const { code, entries } = b.callbacks.at(-1)!.response
    assert.equal([code, (entries ?? []).length], ['I0', count], name)
  }
})

test('refusals of what is not a request: a code, a reason, and nothing on the line', async () => {
  const b = await createBench()
  const good = b.sign(b.request())
  const cases: [string, string | Uint8Array, string][] = [
    ['nothing', '', 'E48'],
    ['not XML', 'hello', 'E48'],
    ['cut short', good.slice(0, 700), 'E48'],
    ['oversized', good + ' '.repeat(70000), 'E48'],
    ['a DOCTYPE', good.replace('<sr:Request', '<!DOCTYPE a [<!ENTITY b "c">]><sr:Request'), 'E48'],
    [
      'not UTF-8',
      Buffer.concat([Buffer.from(good.slice(0, 100)), Buffer.from([0xff, 0xfe]), Buffer.from(good.slice(100))]),
      'E48',
    ],
    ['unsigned', b.request(), 'E100'],
    ['changed after signing', good.replace('<sr:CommandVariant>1<', '<sr:CommandVariant>2<'), 'E100'],
    ['signed by another User', b.sign(b.request('supplier'), 'mdr'), 'E100'],
    [
      'a reversed window',
      b.sign(b.request('supplier', { period: { startMs: midnight, endMs: midnight - dayMs } })),
      'E49',
    ],
  ]
  for (const [name, xml, code] of cases) {
    const acknowledged = await b.post(xml)
    assert.is(acknowledged.code, code, name)
    assert.ok(acknowledged.why.length > 5, name)
  }
  assert.is(b.callbacks.length, 0)
  assert.is(b.line.bytes.toDevice, 0)
})

test('refusals of what a User may not do', async () => {
  const parties = testParties()
  parties.users[1]!.status = 'suspended'
  Object.assign(parties.users[3]!, { roles: ['GS'], mpid: 'GASA' })
  parties.registrations[2] = { mpan: '1234567890126', role: 'MDR', mpid: 'MDRA', from: '2026-11-22' }
  parties.devices.push({
    eui: '00-DB-12-34-56-78-90-A2',
    importMpan: '2000000000006',
    status: 'Decommissioned',
    line: 'default',
  })
  parties.registrations.push({ mpan: '2000000000006', role: 'IS', mpid: 'SUPA', from: '2020-01-01' })
  const b = await createBench({ parties })
  const to = (eui: string, counter: bigint) => ({
    ...dayBefore,
    requestId: requestIdOf('90-B3-D5-1F-30-01-00-00', eui, counter),
  })
  const cases: [string, Promise<{ code: string; why: string }>, string, RegExp][] = [
    ['suspended', b.ask('network-operator'), 'E3', /suspended/],
    ['role', b.ask('other-user'), 'E2', /role GS; 4.8.1 to an ESME is for IS ED OU MDR/],
    ['not registered that day', b.ask('mdr'), 'E4', /from 2026-11-20 to 2026-11-21; it is from 2026-11-22$/],
    ['unknown device', b.ask('supplier', to('00-DB-12-34-56-78-90-A9', 1n)), 'E19', /A9/],
    ['decommissioned', b.ask('supplier', to('00-DB-12-34-56-78-90-A2', 1n)), 'E5', /Decommissioned/],
  ]
  for (const [name, promise, code, why] of cases) {
    const acknowledged = await promise
    assert.is(acknowledged.code, code, `${name}: ${acknowledged.why}`)
    assert.match(acknowledged.why, why, name)
  }
  assert.is(b.line.bytes.toDevice, 0)
})

test('a User whose certificate is trusted but whom the registry does not know', async () => {
  const parties = testParties()
  parties.users = parties.users.filter((user) => user.name !== 'mdr')
  const b = await createBench({ parties })
  assert.is((await b.ask('mdr')).code, 'E1')
})

test('a change of MDR takes effect at 00:00 local, also in summer time', async () => {
  const parties = testParties()
  parties.registrations[2] = { mpan: '1234567890126', role: 'MDR', mpid: 'MDRB', from: '2020-01-01' }
  parties.registrations.push({ mpan: '1234567890126', role: 'MDR', mpid: 'MDRA', from: '2026-07-01' })
  const b = await createBench({ parties })
  const from = Date.parse('2026-06-30T23:00Z')
  const ask = (startMs: number) => b.ask('mdr', { period: { startMs, endMs: from + dayMs } })
  assert.is((await ask(from)).code, 'I99')
  assert.is((await ask(from - 1800000)).code, 'E4')
})

test('requests that go elsewhere, or that this bridge does not offer, say so', async () => {
  const b = await createBench()
  const good = () => b.sign(b.request())
  assert.is((await b.post(good(), 'serviceD')).code, 'E13')
  assert.is((await b.post(good(), 'serviceT')).code, 'E13')
  assert.is((await b.post(b.sign(b.request('supplier', { commandVariant: 4 })))).code, 'E12')
  const other = await b.post(b.sign(b.request('supplier', { serviceReferenceVariant: '4.17' })))
  assert.is(other.code, 'E11')
  assert.match(other.why, /SMETS1 has no 4.17/)
})

test('a RequestID counts once, also when it was refused, also after a restart', async () => {
  const b = await createBench()
  const first = b.sign(b.request())
  assert.is((await b.post(first)).code, 'I99')
  await b.answered()
  assert.is((await b.post(first)).code, 'E50')
  await b.kill()
  assert.is((await b.post(first)).code, 'E50')
  const with_ = (counter: bigint) =>
    b.sign(b.request('supplier', { requestId: requestIdOf('90-B3-D5-1F-30-01-00-00', esme, counter) }))
  assert.is((await b.post(with_(100000n))).code, 'I99')
  assert.is((await b.post(with_(99000n))).code, 'I99')
  assert.is((await b.post(with_(98000n))).code, 'I99')
  assert.is((await b.post(with_(98000n))).code, 'E50')
  assert.is((await b.post(with_(0n))).code, 'E50')
  await b.answered()
  const strict = await createBench({ config: { counters: 'strict' } })
  const strictly = (counter: bigint) =>
    strict.post(
      strict.sign(strict.request('supplier', { requestId: requestIdOf('90-B3-D5-1F-30-01-00-00', esme, counter) })),
    )
  assert.is((await strictly(10n)).code, 'I99')
  assert.is((await strictly(9n)).code, 'E50')
  await strict.answered()
})

test.run()

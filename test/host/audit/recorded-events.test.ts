// What the bridge tells the audit trail, and when.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, mpan, testParties } from '../../../emulation/bench-parties.ts'
import type { AuditEvent, AuditRecord } from '../../../host/audit/audit-record.ts'
import { createSelector, type Selection, textOf } from '../../../host/audit/select.ts'
import { halfHoursServed, servedOf } from '../../../host/audit/served.ts'
import { createMemoryTrail } from '../../../host/audit/service-audit-trail.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { createRecorder, unsignedPerMinute } from '../../../host/requests/recorder.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { readBack } from '../../support/bench/audit-bench.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const supplier = '90-B3-D5-1F-30-01-00-00'
const mdr = '90-B3-D5-1F-30-01-00-09'

/** Events as they are read back from a trail, a second apart. */
const asRecords = (events: AuditEvent[]): AuditRecord[] =>
  readBack(events.map((event, i) => ({ event, timeMs: midnight + i * 1000 })))

test('a request in the record: accepted with what decided, read, answered with what was given, delivered', async () => {
  const b = await createBench()
  await b.ask('supplier')
  const [accepted, read, answered, delivered, ...more] = b.trail as never as Record<string, unknown>[]
  assert.equal(more, [])
  const requestId = `${supplier}:${esme}:1001`
  const of = { requestId, user: supplier, device: esme, srv: '4.8.1' }
  assert.equal(accepted, {
    event: 'accepted',
    ...of,
    code: 'I99',
    role: 'IS',
    mpan,
    registrations: [{ role: 'IS', mpid: 'SUPA', from: '2020-01-01' }],
    days: { first: '2026-11-20', last: '2026-11-21' },
    window: { from: '2026-11-21T00:00:00.000Z', to: '2026-11-22T00:00:00.000Z' },
    due: new Date(midnight + 600000 + 16000).toISOString(),
  })
  assert.equal([read!.event, read!.requestId, read!.wakeUps, read!.sessions], ['device read', requestId, 1, 1])
  assert.is(answered!.event, 'answered')
  assert.equal(answered!.served, [{ channel: 'active-import', from: '2026-11-20T23:30:00.000Z', what: '49m' }])
  assert.equal([answered!.code, answered!.late], ['I0', false])
  assert.is(answered!.bytes, Buffer.byteLength(b.callbacks[0]!.xml))
  assert.equal(delivered, { event: 'delivered', requestId, tries: 1 })
})

test('the second party: no device read, half-hours from the cache', async () => {
  const b = await createBench()
  await b.ask('supplier')
  const before = b.trail.length
  await b.ask('mdr', { period: { startMs: midnight - 2 * dayMs, endMs: midnight } })
  const events = b.trail.slice(before)
  assert.equal(
    events.map(({ event }) => event),
    ['accepted', 'device read', 'answered', 'delivered'],
  )
  assert.equal((events[2] as { served?: unknown }).served, [
    { channel: 'active-import', from: '2026-11-19T23:30:00.000Z', what: '48m49c' },
  ])
  const again = b.trail.length
  await b.ask('network-operator')
  assert.equal(
    b.trail.slice(again).map(({ event }) => event),
    ['accepted', 'answered', 'delivered'],
  )
})

test('nothing leaves before its record is on disk, and what cannot be recorded is not accepted', async () => {
  const b = await createBench()
  let working = true
  b.auditCommits(async () => {
    if (!working) throw new Error('the audit trail cannot be written: ENOSPC')
  })
  working = false
  let problem = ''
  const body = b.sign(b.request())
  await b.post(body).catch((error: Error) => {
    problem = error.message
  })
  assert.match(problem, /ENOSPC/)
  await b.clock.pass(30000)
  assert.is(b.callbacks.length, 0)
  assert.equal([...b.store.range('accepted', '', '\uffff')], [])
  await b.kill()
  await b.clock.pass(30000)
  assert.is(b.callbacks.length, 0, 'nor after a restart')
  working = true
  let committed: () => void = () => {}
  await b.ask('supplier')
  assert.is(b.callbacks.length, 1)
  const before = b.trail.length
  // Accepted at once; the record of the answer takes its time.
  b.auditCommits(() =>
    b.trail.slice(before).some(({ event }) => event === 'answered')
      ? new Promise((resolve) => {
          committed = resolve
        })
      : Promise.resolve(),
  )
  await b.post(b.sign(b.request('mdr'), 'mdr'))
  await b.clock.pass(5000)
  assert.is(b.callbacks.length, 1, 'not yet')
  committed()
  await b.answered()
  assert.is(b.callbacks.length, 2)
})

test('refusals: the rule, the day, the registration in the way; a turned-away stranger proves nothing', async () => {
  const parties = testParties()
  parties.registrations[2] = { mpan, role: 'MDR', mpid: 'MDRB', from: '2020-01-01' }
  const b = await createBench({ parties })
  await b.ask('mdr')
  await b.post(b.request('supplier'))
  await b.post('malformed')
  const [refused, unsigned, malformed] = b.trail as never as Record<string, unknown>[]
  assert.equal(
    { ...refused, why: '' },
    {
      event: 'refused',
      endpoint: 'serviceS',
      requestId: `${mdr}:${esme}:1001`,
      user: mdr,
      device: esme,
      srv: '4.8.1',
      code: 'E4',
      signed: true,
      rule: 'registration',
      day: '2026-11-21',
      mpan,
      registration: { role: 'MDR', mpid: 'MDRB', from: '2020-01-01' },
      why: '',
    },
  )
  assert.match(String(refused!.why), /MDRB/)
  assert.equal([unsigned!.code, unsigned!.signed, unsigned!.user], ['E100', false, supplier])
  assert.equal([malformed!.code, malformed!.signed, malformed!.user], ['E48', false, undefined])
  const text = JSON.stringify(b.trail)
  for (const secret of ['Signature', 'PrivateKey', 'PrimaryValue', '<sr:']) assert.not.ok(text.includes(secret), secret)
})

test('strangers cannot fill the disk: so many a minute are listed, the rest counted', () => {
  let nowMs = midnight
  const events: AuditEvent[] = []
  const recorder = createRecorder(createMemoryTrail(events), () => nowMs)
  const knock = (signed: boolean) =>
    recorder.refused({ endpoint: 'serviceS', header: {}, fault: 'unsigned', code: 'E100', why: 'unsigned', signed })
  for (let i = 0; i < 1000; i++) knock(false)
  for (let i = 0; i < 5; i++) knock(true)
  assert.is(events.length, unsignedPerMinute + 5)
  nowMs += 60000
  knock(false)
  assert.equal(events.at(-2), { event: 'refusals not listed', count: 1000 - unsignedPerMinute })
  assert.is(events.at(-1)!.event, 'refused')
})

test('killed between the record of an answer and its delivery: recorded again, delivered once', async () => {
  const b = await createBench()
  await b.post(b.sign(b.request()))
  await b.kill()
  await b.answered()
  const delivered = b.trail.filter(({ event }) => event === 'delivered')
  assert.is(delivered.length, 1)
  assert.ok(b.trail.some(({ event }) => event === 'answered'))
  const decided = b.trail.filter(({ event }) => event === 'accepted') as { resumed?: true }[]
  assert.equal(
    decided.map(({ resumed }) => resumed),
    [undefined, true],
    'what is taken up again is decided again, on record',
  )
})

test('picked by User, device, variant and time; a party sees its own and no more', async () => {
  const parties = testParties()
  parties.registrations.splice(2, 1, { mpan, role: 'MDR', mpid: 'MDRB', from: '2020-01-01' })
  const b = await createBench({ parties })
  await b.ask('supplier')
  await b.ask('mdr')
  await b.post(b.request('mdr'))
  const to = { requestId: requestIdOf(supplier, '00-DB-12-34-56-78-90-A9', 1n) }
  await b.ask('supplier', to)
  const records = asRecords([{ event: 'started', version: '0' }, ...b.trail])
  const picked = (selection: Selection) => {
    const select = createSelector(selection)
    return records.map(select).filter((record) => record !== undefined)
  }
  const names = (selection: Selection) => picked(selection).map(({ event }) => event)
  assert.is(names({}).length, records.length)
  assert.equal(names({ user: supplier }), ['accepted', 'device read', 'answered', 'delivered', 'refused'])
  assert.equal(names({ device: '00-DB-12-34-56-78-90-A9' }), ['refused'])
  assert.equal(names({ srv: '4.8.1', user: supplier, device: esme }), [
    'accepted',
    'device read',
    'answered',
    'delivered',
  ])
  assert.equal(names({ srv: '4.6.1' }), [])
  assert.equal(names({ fromMs: midnight + 1000, toMs: midnight + 3000 }), ['accepted', 'device read'])
  assert.equal(names({ user: mdr }), ['refused', 'refused'])
  const [own, ...others] = picked({ as: mdr })
  assert.equal(others, [], 'a request that it did not sign is not its own')
  assert.not.match(JSON.stringify(own), /MDRB|1234567890126/)
  assert.match(textOf(own!), /refused: .*code E4.*rule registration.*day 2026-11-21/)
  for (const record of picked({ as: supplier }))
    assert.is(record.event === 'started' || JSON.stringify(record).includes(mdr), false)
})

test('a party sees that a registration ended an accepted request of its meter, but not whose', () => {
  const detail = `on Settlement Day 2026-11-21 the MDR of import MPAN ${mpan} is MDRB (registered from 2026-11-01)`
  const of = { event: 'answered', requestId: `${mdr}:${esme}:1`, user: mdr, device: esme, srv: '4.8.1' } as const
  const answer = { ...of, tookMs: 0, late: false, bytes: 1, sha256: '' }
  const [refused, silent] = asRecords([
    { ...answer, code: 'E4', detail },
    { ...answer, code: 'E20', detail: 'no answer', fault: 'no answer' },
  ])
  const own = createSelector({ as: mdr })
  assert.not.match(JSON.stringify(own(refused!)), /MDRB|1234567890126/)
  assert.match(textOf(own(refused!)!), /code E4/)
  assert.match(textOf(own(silent!)!), /no answer/)
  assert.match(JSON.stringify(createSelector({ user: mdr })(refused!)), /MDRB/, 'the operator is told')
})

test('served half-hours are stored as runs and read back one by one', () => {
  const reading = (halfHour: number, wh: number | undefined, from: 'cache' | 'meter' | 'shared') => ({
    halfHour,
    wh,
    from,
  })
  const served = servedOf('active-import', [
    reading(1000, 1, 'meter'),
    reading(1001, 2, 'meter'),
    reading(1002, undefined, 'meter'),
    reading(1003, 0, 'cache'),
    reading(1004, 9, 'shared'),
    reading(1005, 9, 'shared'),
  ])
  assert.is(served.what, '2m1n1c2s')
  assert.equal(
    [...halfHoursServed(served)].map(({ halfHour, from }) => `${halfHour}${from}`),
    ['1000m', '1001m', '1002n', '1003c', '1004s', '1005s'],
  )
  assert.throws(() => servedOf('active-import', []), /no half-hour/)
  for (const what of ['', 'x', '1', 'm1', '2m3', '999999m'])
    assert.throws(() => [...halfHoursServed({ ...served, what })])
})

test.run()

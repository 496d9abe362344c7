// Calls that change a bench: what they do, that it is in force at once and on record, and what they refuse.

import { existsSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { esme, mpan } from '../../../../emulation/bench-parties.ts'
import type { AuditRecord } from '../../../../host/audit/audit-record.ts'
import { recordsOf } from '../../../../host/audit/read-trail.ts'
import { formatRequest } from '../../../../host/duis/format.ts'
import { requestIdOf } from '../../../../host/duis/request.ts'
import { signDocument } from '../../../../host/duis/sign.ts'
import { calls } from '../../../../host/http/control/calls.ts'
import { createTestPki, loadIdentity } from '../../../../host/pki/test-pki.ts'
import { freshPath } from '../../../support/bench/cli.ts'
import { type Answered, send, startControlBench } from '../../../support/bench/control-bench.ts'
import { until } from '../../../support/until.ts'

const test = suite('control calls that change something')
let bench: Awaited<ReturnType<typeof startControlBench>>

test.before(async () => {
  bench = await startControlBench()
})
test.after(() => bench.stop())

const operate = (method: string, path: string, body?: unknown): Promise<Answered> =>
  bench.call(method, path, { scope: 'operate', body })
const read = async (path: string) => (await bench.call('GET', path, { scope: 'read' })).json()
const names = async () => Object.values(await read('/parties')).map((row) => (row as { name: string }).name)

async function recorded(): Promise<Extract<AuditRecord, { event: 'control' }>[]> {
  const found: Extract<AuditRecord, { event: 'control' }>[] = []
  for await (const record of recordsOf(bench.paths.audit)) if (record.event === 'control') found.push(record)
  return found
}

test('who is shown MPANs or XML is on record; what shows neither is not', async () => {
  const before = (await recorded()).length
  await read('/devices')
  await read('/messages')
  assert.is((await recorded()).length, before)
  await read('/devices?mpans=true')
  await read('/messages/999999')
  await read('/pending/nothing')
  const records = (await recorded()).slice(before)
  assert.equal(
    records.map(({ call, scope }) => [call, scope]),
    [
      ['devices', 'read'],
      ['message', 'read'],
      ['pending-print', 'read'],
    ],
  )
  assert.match(records[1]!.outcome, /there is no message 999999/)
})

test('a User is added and removed; the bridge knows it when the call returns', async () => {
  const added = await operate('POST', '/users', { name: 'shop', roles: ['MDR'], mpid: 'MDRB' })
  assert.is(added.status, 200, added.text)
  const { key, certificate, eui } = added.json()
  assert.ok(existsSync(String(key)) && existsSync(String(certificate)))
  assert.match(String(eui), /^02-DB-12-35/)
  assert.ok((await names()).includes('shop'))
  const removed = await operate('DELETE', '/users/shop')
  assert.equal(removed.json(), { removed: 'shop', registrations: 0, mpid: 'MDRB' })
  assert.not((await names()).includes('shop'))
  assert.not(existsSync(String(key)))
})

test('a User with a certificate of its own', async () => {
  const pki = freshPath()
  createTestPki(pki, { nowMs: Date.now() })
  const certificate = readFileSync(`${pki}/mdr.pem`, 'utf8')
  const taken = await operate('POST', '/users', { name: 'own', roles: ['OU'], certificate })
  assert.is(taken.status, 400)
  assert.match(taken.text, 'is already that of')
  const eui = '90-B3-D5-1F-30-01-00-77'
  const other = await operate('POST', '/users', { name: 'own', roles: ['OU'], certificate, eui })
  assert.is(other.status, 400)
  const wrong = await operate('POST', '/users', { name: 'own', roles: ['OU'], certificate: 'no PEM' })
  assert.match(wrong.text, 'certificate: ')
})

test('mistakes in a User are named by field, and nothing is changed', async () => {
  const before = readFileSync(bench.paths.registry, 'utf8')
  const mistakes: [object, RegExp][] = [
    [{ name: 'a b', roles: ['OU'] }, /is no name/],
    [{ name: 'dsp', roles: ['OU'] }, /DCC's own/],
    [{ name: 'mdr', roles: ['OU'] }, /there is a User called mdr/],
    [{ name: 'x', roles: ['XX'] }, /roles: XX is no role/],
    [{ name: 'x', roles: ['MDR'] }, /mpid is missing/],
    [{ name: 'x', roles: ['OU'], callback: 'http://10.1.2.3/' }, /callback: .*allowHttpCallback/],
    [{ name: 'x', roles: ['OU'], colour: 'red' }, /additional properties: colour/],
    [{ roles: ['OU'] }, /required property 'name'/],
    [{ name: 'x', roles: 'OU' }, /roles must be array/],
  ]
  for (const [body, words] of mistakes) {
    const answered = await operate('POST', '/users', body)
    assert.is(answered.status, 400, answered.text)
    assert.match(String(answered.json().detail), words)
  }
  assert.is((await operate('DELETE', '/users/nobody')).status, 400)
  assert.is(readFileSync(bench.paths.registry, 'utf8'), before)
})

test('rows are imported all or nothing, tried first if wanted', async () => {
  const registration = { mpan, role: 'MDR', mpid: 'MDRZ', from: '2099-12-01' }
  const tried = await operate('POST', '/registry', { registrations: [registration], merge: true, dryRun: true })
  assert.equal([tried.json().ok, tried.json().dryRun], [true, true])
  assert.not.match(readFileSync(bench.paths.registry, 'utf8'), 'MDRZ')
  const done = await operate('POST', '/registry', { registrations: [registration], merge: true })
  assert.equal(done.json().given, { users: 0, devices: 0, registrations: 1 })
  assert.match(readFileSync(bench.paths.registry, 'utf8'), 'MDRZ')
  const wrong = await operate('POST', '/registry', {
    registrations: [
      { ...registration, from: '2099-12-02' },
      { ...registration, role: 'XX' },
    ],
    merge: true,
  })
  assert.is(wrong.status, 400)
  assert.match(wrong.text, 'nothing imported')
  assert.not.match(readFileSync(bench.paths.registry, 'utf8'), '2099-12-02')
})

test("a device's status is changed", async () => {
  const changed = await operate('PUT', `/devices/${esme}`, { fields: { status: 'Suspended' } })
  assert.equal(changed.json(), { eui: esme, changed: ['status'] })
  const { devices } = (await read('/devices')) as { devices: { status: string }[] }
  assert.is(devices[0]?.status, 'Suspended')
  assert.is((await operate('PUT', `/devices/${esme}`, { fields: { status: 'Gone' } })).status, 400)
  assert.is((await operate('PUT', '/devices/00-00-00-00-00-00-00-01', { fields: {} })).status, 404)
  await operate('PUT', `/devices/${esme}`, { fields: { status: 'Commissioned' } })
})

test('a schedule is created and deleted in the name of its User', async () => {
  const made = await operate('POST', '/schedules', { as: 'mdr', at: '01:30', frequency: 'weekly' })
  assert.is(made.status, 200, made.text)
  const { id, at, device } = made.json()
  assert.equal([at, device], ['01:30:00Z', esme])
  const { schedules } = (await read('/schedules?user=mdr')) as { schedules: { id: number; owner: string }[] }
  assert.equal(
    schedules.map((one) => [one.id, one.owner]),
    [[id, '90-B3-D5-1F-30-01-00-09']],
  )
  // The request is signed, and goes the way of every other.
  const { messages } = (await read('/messages?srv=5.1')) as { messages: { kind: string; code?: string }[] }
  assert.equal(
    messages.map(({ kind, code }) => [kind, code]),
    [
      ['acknowledgement', 'I0'],
      ['request', undefined],
    ],
  )
  assert.equal((await operate('DELETE', `/schedules/${id}`)).json(), { deleted: id })
  assert.equal((await read('/schedules')).total, 0)
  assert.is((await operate('DELETE', `/schedules/${id}`)).status, 404)
  assert.match((await operate('POST', '/schedules', { as: 'mdr', at: '25:00' })).text, 'at is a time in UTC')
  assert.is((await operate('POST', '/schedules', { as: 'nobody' })).status, 404)
  const refused = await operate('POST', '/schedules', { as: 'mdr', srv: '4.1.1', device: '00-00-00-00-00-00-00-01' })
  assert.is(refused.status, 409, refused.text)
  assert.match(refused.text, 'mdr gets E')
})

test('a counter is lowered', async () => {
  const target = '90-B3-D5-1F-30-00-00-02'
  const { counters } = (await read('/counters?user=mdr')) as { counters: { target: string; highest: string }[] }
  const { highest = '' } = counters.find((one) => one.target === target) ?? {}
  assert.match(highest, /^\d{13}$/)
  const lowered = await operate('POST', '/counters/lower', { user: 'mdr', device: target, mark: '1000' })
  assert.is(lowered.json().highest, highest)
  assert.is((await operate('POST', '/counters/lower', { user: 'mdr', device: target, mark: 'soon' })).status, 400)
  assert.is((await operate('POST', '/counters/lower', { user: 'mdr', device: esme, mark: '5' })).status, 400)
})

/** A read of registers, signed by the supplier. */
function signedRead(): string {
  const { eui, signer } = loadIdentity(bench.paths.pki, 'supplier')
  const requestId = requestIdOf(eui, esme, BigInt(Date.now()))
  return signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.1.1' }), signer)
}

test('responses that nobody takes are listed, printed, sent again and discarded', async () => {
  // Nothing listens at the callbacks of the tests.
  const rule = await bench.call('POST', '/faults', { scope: 'test', body: { effect: 'fail', code: 'E21' } })
  assert.is(rule.status, 200, rule.text)
  await send(`${bench.running.url}/api/v1/serviceS`, 'POST', { 'content-type': 'application/xml' }, signedRead())
  const { delivery } = bench.running.bridge
  // It is listed a moment before its content is on disk.
  await until(() => delivery.pending().some(({ id }) => delivery.read(id) !== undefined), 'response that waits')
  const { pending } = (await read('/pending')) as { pending: { id: string; url: string; bytes: number }[] }
  const id = pending[0]?.id ?? ''
  assert.match(id, /^90-B3-D5-1F-30-01-00-00:/)
  assert.match(String((await read(`/pending/${id}`)).xml), /<sr:Response/)
  assert.equal((await operate('POST', `/pending/${id}/retry`, {})).json(), { retried: id })
  assert.equal((await operate('DELETE', `/pending/${id}`)).json(), { discarded: id })
  assert.is((await operate('DELETE', `/pending/${id}`)).status, 404)
  assert.is((await operate('POST', `/pending/${id}/retry`, {})).status, 404)
  assert.is((await operate('POST', '/pending/confirm-clock', {})).status, 200)
  const { faults } = (await read('/faults')) as { faults: { applied: number }[] }
  assert.equal(
    faults.map(({ applied }) => applied),
    [1],
  )
  const { id: number } = rule.json()
  assert.equal((await bench.call('DELETE', `/faults/${number}`, { scope: 'test' })).json(), { removed: 1 })
  assert.is((await bench.call('DELETE', `/faults/${number}`, { scope: 'test' })).status, 404)
  assert.equal((await bench.call('DELETE', '/faults', { scope: 'test' })).json(), { removed: 0 })
  const meter = await bench.call('POST', '/faults', { scope: 'test', body: { effect: 'power cut' } })
  assert.equal([meter.status, /this bench can switch off/.test(meter.text)], [400, true])
})

test('the clock of a meter that does not answer is not set', async () => {
  const answered = await operate('POST', `/devices/${esme}/clock`, {})
  assert.is(answered.status, 409, answered.text)
  assert.is((await operate('POST', '/devices/00-00-00-00-00-00-00-01/clock', {})).status, 404)
})

test('bodies that are too large, no JSON, no object, or of another type', async () => {
  const long = JSON.stringify({ name: 'x'.repeat(70_000), roles: ['OU'] })
  assert.is((await bench.call('POST', '/users', { scope: 'operate', text: long })).status, 413)
  assert.is((await bench.call('POST', '/users', { scope: 'operate', text: '{' })).status, 400)
  assert.is((await bench.call('POST', '/users', { scope: 'operate', text: '[]' })).status, 400)
  const headers = { 'content-type': 'text/plain' }
  assert.is((await bench.call('POST', '/users', { scope: 'operate', text: '{}', headers })).status, 415)
})

test('every change is on record with its outcome, and so is what was refused', async () => {
  const records = await recorded()
  const changing = calls.filter(({ method, scope }) => method !== 'GET' && scope === 'operate')
  for (const { name } of changing)
    assert.ok(
      records.some((one) => one.call === name),
      name,
    )
  const added = records.find(({ call }) => call === 'user-add')
  assert.equal([added?.outcome, added?.scope], ['done', 'operate'])
  assert.ok(records.some(({ call, outcome }) => call === 'user-add' && /is no role/.test(outcome)))
  // MPANs are not in it.
  assert.not.match(JSON.stringify(records), mpan)
})

test('registration messages with a token of scope feed: answered with what each changed, in force at once after', async () => {
  const message = {
    eventId: 'control-1',
    eventType: 'SecuredActive',
    eventStatus: 'New',
    eventDate: new Date().toISOString(),
    version: 1,
    data: {
      registrationId: 'control',
      appointments: [
        { mpxn: mpan, marketRole: 'RSA', mpid: 'AGEN', effectiveFromDate: new Date().toISOString().slice(0, 10) },
      ],
    },
  }
  const body = { messages: [message, { ...message, version: 'x' }] }
  const refused = await bench.call('POST', '/registrations', { scope: 'read', body })
  assert.is(refused.status, 403)
  const wrong = await bench.call('POST', '/registrations', { scope: 'feed', body })
  assert.equal([wrong.status, /messages\/1\/version/.test(wrong.text)], [400, true], wrong.text)
  const taken = await bench.call('POST', '/registrations', { scope: 'feed', body: { messages: [message, message] } })
  assert.is(taken.status, 200, taken.text)
  const { answers } = taken.json() as { answers: { outcome: string; repeated?: boolean }[] }
  assert.equal(
    answers.map(({ outcome, repeated = false }) => [outcome, repeated]),
    [
      ['Accepted', false],
      ['Accepted', true],
    ],
  )
})

test.run()

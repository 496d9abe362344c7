// Every refusal: what the refused User is told of it, what the operator's log has, and what protective monitoring is told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { mpan, testParties } from '../../../emulation/bench-parties.ts'
import { formatRequest } from '../../../host/duis/format.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { testIdentities } from '../../../host/pki/test-pki.ts'
import type { SecurityEventName } from '../../../host/state/security-event.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { createScheduleBench, dailyRead, meterNumber } from '../../support/bench/schedule-bench.ts'

type Bench = Awaited<ReturnType<typeof createScheduleBench>>

const neighbour = meterNumber(7)
const hub = '00-DB-12-34-56-78-92-01'
const peer = '192.0.2.1'

/**
 * The supplier had the meter until the 10th; then it went to others, whose names, MPIDs and dates are theirs alone. The neighbour's
 * meter was always theirs.
 */
function parties() {
  const made = testParties()
  const [supplier, , mdr] = made.users
  const rival = { roles: ['IS'], status: 'active', callback: 'http://127.0.0.1:1/rival' }
  made.users = made.users.filter(({ name }) => name !== 'other-user')
  made.users.push(
    { ...rival, name: 'Rival Energy', eui: '90-B3-D5-1F-30-07-00-00', mpid: 'RIVL' },
    { ...rival, name: 'Rival Metering', eui: '90-B3-D5-1F-30-07-00-01', mpid: 'RIVM', roles: ['MDR'] },
  )
  Object.assign(supplier!, { roles: ['IS', 'ES', 'GS'] })
  Object.assign(mdr!, { roles: ['MDR'] })
  made.registrations = [
    { mpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01', to: '2026-11-10' },
    { mpan, role: 'IS', mpid: 'RIVL', from: '2026-11-11' },
    { mpan, role: 'ED', mpid: 'NETA', from: '2020-01-01' },
    { mpan, role: 'MDR', mpid: 'RIVM', from: '2026-11-13' },
    { mpan: neighbour.importMpan, role: 'IS', mpid: 'RIVL', from: '2024-02-29' },
  ]
  const devices: object[] = made.devices
  devices.push({ ...neighbour, status: 'Suspended', line: 'default' })
  devices.push({ eui: hub, type: 'CHF', status: 'Commissioned', line: 'default' })
  return made
}

const ofOthers = [/RIV[LM]/, /Rival/, /90-B3-D5-1F-30-07/, /2026-11-1[13]/, /2024-02-29/, /\b\d{13}\b/]

interface Case {
  what: string
  code: string
  event?: SecurityEventName
  /** True when the operator's log names the other party. */
  names?: boolean
  ask(b: Bench): Promise<{ code: string; why: string; xml: string }>
}

const early = { startMs: midnight - 20 * dayMs, endMs: midnight - 18 * dayMs }
const change = { startMs: midnight - 20 * dayMs, endMs: midnight }

/** Posts bytes as a peer. */
async function postAs(b: Bench, xml: string, endpoint: 'serviceS' | 'serviceD' = 'serviceS') {
  const { xml: answer, headers } = await b.clock.run(b.bridge().receive(endpoint, Buffer.from(xml), true, peer))
  return { code: /ResponseCode>([^<]+)</.exec(answer)?.[1] ?? '', why: headers?.['smets1-explain'] ?? '', xml: answer }
}

const toDevice = (target: string, variant = '4.8.1', more: object = {}) =>
  formatRequest({
    requestId: requestIdOf(testIdentities.supplier.eui, target, 77n),
    serviceReferenceVariant: variant,
    period: early,
    ...more,
  })

const cases: Case[] = [
  { what: 'no signature', code: 'E100', event: 'bad signature', ask: (b) => postAs(b, b.request()) },
  {
    what: 'a wrong digest',
    code: 'E100',
    event: 'bad signature',
    ask: (b) => postAs(b, b.sign(b.request()).replace('2026-11-21', '2026-11-20')),
  },
  {
    what: 'the signature of another',
    code: 'E100',
    event: 'bad signature',
    ask: (b) => postAs(b, b.sign(b.request('supplier'), 'mdr')),
  },
  { what: 'no XML', code: 'E48', event: 'malformed request', ask: (b) => postAs(b, 'MPAN 1234567890126') },
  {
    what: 'another schema',
    code: 'E48',
    event: 'malformed request',
    ask: (b) => postAs(b, b.sign(b.request().replaceAll('ReadLogPeriod', 'ReadPeriod'))),
  },
  {
    what: 'a replay',
    code: 'E50',
    event: 'replay',
    async ask(b) {
      const xml = b.sign(b.request('supplier', { period: early }))
      await postAs(b, xml)
      return postAs(b, xml)
    },
  },
  {
    what: 'a User that is not in the registry',
    code: 'E1',
    event: 'unknown user',
    ask: (b) => postAs(b, b.sign(b.request('other-user'), 'other-user')),
  },
  {
    what: 'a suspended User',
    code: 'E3',
    event: 'access refused',
    async ask(b) {
      const changed = parties()
      changed.users[0]!.status = 'suspended'
      b.setParties(changed)
      return postAs(b, b.sign(b.request()))
    },
  },
  {
    what: 'a role that may not',
    code: 'E2',
    event: 'access refused',
    ask: (b) =>
      postAs(b, b.sign(b.request('network-operator', { serviceReferenceVariant: '4.6.1' }), 'network-operator')),
  },
  {
    what: 'an unknown device',
    code: 'E19',
    event: 'unknown device',
    ask: (b) => postAs(b, b.sign(toDevice('00-DB-12-34-56-78-99-99'))),
  },
  { what: 'a hub', code: 'E11', ask: (b) => postAs(b, b.sign(toDevice(hub))) },
  {
    what: 'another supplier on that day',
    code: 'E4',
    event: 'access refused',
    names: true,
    ask: (b) => postAs(b, b.sign(b.request())),
  },
  {
    what: 'another supplier from some day of the window on',
    code: 'E4',
    event: 'access refused',
    names: true,
    ask: (b) => postAs(b, b.sign(b.request('supplier', { period: change }))),
  },
  {
    what: 'another MDR',
    code: 'E4',
    event: 'access refused',
    names: true,
    ask: (b) => postAs(b, b.sign(b.request('mdr'), 'mdr')),
  },
  {
    what: 'no MDR on that day',
    code: 'E4',
    event: 'access refused',
    ask: (b) => postAs(b, b.sign(b.request('mdr', { period: early }), 'mdr')),
  },
  {
    what: 'a device without an export MPAN',
    code: 'E4',
    event: 'access refused',
    ask: (b) => postAs(b, b.sign(b.request('supplier', { serviceReferenceVariant: '4.8.3', period: early }))),
  },
  {
    what: 'the meter of another, which is suspended',
    code: 'E4',
    event: 'access refused',
    names: true,
    ask: (b) => postAs(b, b.sign(toDevice(neighbour.eui))),
  },
  {
    what: 'the wrong service',
    code: 'E13',
    ask: (b) => postAs(b, b.sign(b.request()), 'serviceD'),
  },
  {
    what: 'a command variant',
    code: 'E12',
    ask: (b) => postAs(b, b.sign(b.request('supplier', { commandVariant: 4 }))),
  },
  {
    what: 'an execution date',
    code: 'E49',
    ask: (b) => postAs(b, b.sign(b.request('supplier', { executionMs: midnight - dayMs }))),
  },
  {
    what: 'ForSettlement',
    code: 'E49',
    ask: (b) =>
      postAs(b, b.sign(b.request('network-operator', { period: early, forSettlement: true }), 'network-operator')),
  },
  {
    what: 'the inventory of the premises of others',
    code: 'E4',
    event: 'access refused',
    async ask(b) {
      const query = { variant: '8.2', inventory: { by: 'MPxN', mpxn: neighbour.importMpan } } as const
      return postAs(b, b.dccRequest('mdr', query), 'serviceD')
    },
  },
  {
    what: 'a schedule for a meter that others have',
    code: 'E4',
    event: 'access refused',
    names: true,
    ask: (b) => postAs(b, b.dccRequest('supplier', { variant: '5.1', schedule: dailyRead() }), 'serviceD'),
  },
  {
    what: 'a schedule of another User',
    code: 'E050201',
    async ask(b) {
      await b.create('network-operator', dailyRead())
      return postAs(b, b.dccRequest('supplier', { variant: '5.2', subject: { scheduleId: 1 } }), 'serviceD')
    },
  },
  {
    what: 'a future-dated read: at its time the meter is with others',
    code: 'E4',
    names: true,
    async ask(b) {
      b.setParties(testParties())
      const request = b.request('supplier', { executionMs: b.clock.nowMs() + 60_000 })
      assert.is((await postAs(b, b.sign(request))).code, 'I99')
      b.setParties(parties())
      await b.clock.pass(61_000)
      await b.answered()
      const [{ response, explanation = '', xml }] = b.callbacks as [(typeof b.callbacks)[0]]
      return { code: response.code, why: explanation, xml }
    },
  },
]

for (const { what, code, event, names = false, ask } of cases) {
  test(`${what}: ${code}, and nothing of another party for the User`, async () => {
    const b = await createScheduleBench({ parties: parties() })
    const answer = await ask(b)
    assert.is(answer.code, code, answer.why)
    assert.ok(answer.why.length > 10, 'a reason')
    for (const secret of ofOthers) {
      assert.not.match(answer.why, secret)
      assert.not.match(answer.xml, secret)
    }
    const logged = b.log.findLast((one) => one.event === 'refused' || one.event === 'answered')
    if (names) assert.match(`${logged?.reason}`, /RIV[LM]|Rival/)
    assert.equal(
      b.security.map((one) => one.event),
      event === undefined ? [] : [event],
    )
    const [security] = b.security
    if (security === undefined) return
    const isSigned = !['E100', 'E48'].includes(code)
    assert.ok(isSigned ? /^([0-9A-F]{2}-){7}[0-9A-F]{2}$/.test(security.who) : security.who === peer, security.who)
    for (const secret of ofOthers) assert.not.match(JSON.stringify(security), secret)
  })
}

test('what a refusal says does not depend on whether another party is registered, nobody is, or there is no MPAN', async () => {
  const asked = async (change: (made: ReturnType<typeof parties>) => void) => {
    const made = parties()
    change(made)
    const b = await createScheduleBench({ parties: made })
    return (await postAs(b, b.sign(b.request()))).why
  }
  const other = await asked(() => {})
  const nobody = await asked((made) => {
    made.registrations = made.registrations.filter(({ mpid }) => mpid === 'SUPA')
  })
  const onlyOthers = await asked((made) => {
    made.registrations = made.registrations.filter(({ mpid }) => mpid !== 'SUPA')
  })
  const never = await asked((made) => {
    made.registrations = []
  })
  const noMpan = await asked((made) => {
    made.registrations = []
    delete (made.devices[0] as { importMpan?: string }).importMpan
  })
  assert.is(other, nobody)
  assert.match(other, /; it is from 2020-01-01 to 2026-11-10$/)
  assert.equal([onlyOthers, never], [noMpan, noMpan])
  assert.match(noMpan, /; it is on no day$/)
})

test.run()

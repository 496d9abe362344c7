import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccessPolicy, decide, defaultAccessPolicy, explain } from '../host/access/access-control.ts'
import { checkRegistry, type DeviceStatus, roles } from '../host/access/parties.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { isServiceReferenceVariant, serviceReferenceOf } from '../host/duis/service-reference.ts'
import { srvRow, srvTable } from '../host/srv/srv-table.ts'
import { dayMs, halfHourMs } from '../protocol/half-hour.ts'

const importMpan = '1234567890126'
const exportMpan = '2000000000006'
const esme = '00-DB-12-34-56-78-90-A0'
const importOnly = '00-DB-12-34-56-78-90-A1'
const at = (text: string) => Date.parse(text)
const nowMs = at('2026-11-22T08:00Z')
const readImportProfile = srvRow('4.8.1')!
const readExportProfile = srvRow('4.8.3')!

const users = {
  supplier: '90-B3-D5-1F-30-01-00-00',
  network: '90-B3-D5-1F-30-02-00-00',
  mdrA: '90-B3-D5-1F-30-01-00-09',
  mdrB: '90-B3-D5-1F-30-01-00-0A',
  other: '00-DB-12-34-56-78-00-04',
  gas: '90-B3-D5-1F-30-01-00-0B',
  agent: '90-B3-D5-1F-30-01-00-0C',
  both: '90-B3-D5-1F-30-01-00-0D',
  suspended: '90-B3-D5-1F-30-01-00-0E',
}
type Who = keyof typeof users

function user(who: Who, mpid: string | undefined, list: string[], status = 'active') {
  return { eui: users[who], name: who, mpid, roles: list, status, callback: 'http://127.0.0.1:8081/' }
}

const row = (role: string, mpid: string, from: string, to?: string, mpan = importMpan) => ({
  mpan,
  role,
  mpid,
  from,
  to,
})

function registryWith(registrations: ReturnType<typeof row>[], status: DeviceStatus = 'Commissioned') {
  const line = 'tcp://127.0.0.1:4059'
  const checked = checkRegistry({
    users: [
      user('supplier', 'SUPA', ['IS']),
      user('network', 'EELC', ['ED']),
      user('mdrA', 'MDRA', ['MDR']),
      user('mdrB', 'MDRB', ['MDR']),
      user('other', undefined, ['OU']),
      user('gas', 'GASA', ['GS', 'GT']),
      user('agent', 'AGTA', ['RSA']),
      user('both', 'SUPB', ['IS', 'MDR']),
      user('suspended', 'SUPA', ['IS'], 'suspended'),
    ],
    devices: [
      { eui: esme, importMpan, exportMpan, status, line },
      { eui: importOnly, importMpan: '1012345678903', status, line },
    ],
    registrations,
  })
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  return checked.registry
}

const usual = registryWith([
  row('IS', 'SUPA', '2020-01-01'),
  row('ED', 'EELC', '2010-01-01'),
  row('MDR', 'MDRA', '2024-01-01'),
])

function request(who: Who | string, start: string, end: string, target = esme) {
  const originator = users[who as Who] ?? who
  return { requestId: requestIdOf(originator, target, 1000n), period: { startMs: at(start), endMs: at(end) } }
}

const lastWeek = ['2026-11-14T00:00Z', '2026-11-21T00:00Z'] as const

function refusal(...given: Parameters<typeof decide>) {
  const decision = decide(...given)
  if (decision.allowed) throw new Error(explain(decision))
  return decision
}

test('supplier, network operator, MDR and other user may read, and it says why', () => {
  for (const who of ['supplier', 'network', 'mdrA', 'other'] as const) {
    const decision = decide(request(who, ...lastWeek), nowMs, usual, readImportProfile)
    assert.ok(decision.allowed, who)
    assert.is(decision.user.eui, users[who])
    assert.is(decision.device.eui, esme)
  }
  assert.is(
    explain(decide(request('mdrA', ...lastWeek), nowMs, usual, readImportProfile)),
    'allowed: mdrA (90-B3-D5-1F-30-01-00-09) is registered as MDR MDRA for import MPAN 1234567890126 from 2024-01-01, ' +
      'Settlement Days 2026-11-14 to 2026-11-20',
  )
  assert.is(
    explain(decide(request('other', '2026-11-20T00:00Z', '2026-11-21T00:00Z'), nowMs, usual, readImportProfile)),
    'allowed: other (00-DB-12-34-56-78-00-04) asks as OU, for which no registration is needed (an assumption), ' +
      'Settlement Day 2026-11-20',
  )
})

test('E1: an unknown User learns nothing, not even whether the device exists', () => {
  const stranger = '90-B3-D5-1F-30-09-00-00'
  const known = refusal(request(stranger, ...lastWeek), nowMs, usual, readImportProfile)
  const unknown = refusal(request(stranger, ...lastWeek, 'AA-AA-AA-AA-AA-AA-AA-AA'), nowMs, usual, readImportProfile)
  assert.equal(known, unknown)
  assert.is(explain(known), 'refused with E1, rule "known user": no User has the EUI-64 90-B3-D5-1F-30-09-00-00')
})

test('E3: a suspended User, before its role or the device is looked at', () => {
  for (const variant of ['4.8.1', '4.8.3']) {
    const decision = refusal(request('suspended', ...lastWeek, importOnly), nowMs, usual, srvRow(variant)!)
    assert.is(decision.code, 'E3')
    assert.is(
      explain(decision),
      'refused with E3, rule "active user": suspended (90-B3-D5-1F-30-01-00-0E) is suspended',
    )
  }
})

test('E2: roles that may not send it', () => {
  for (const who of ['gas', 'agent'] as const) {
    assert.is(refusal(request(who, ...lastWeek), nowMs, usual, readImportProfile).code, 'E2')
  }
  assert.is(
    explain(decide(request('gas', ...lastWeek), nowMs, usual, readImportProfile)),
    'refused with E2, rule "role for request": gas (90-B3-D5-1F-30-01-00-0B) has the role GS GT; ' +
      '4.8.1 to an ESME is for IS ED OU MDR',
  )
  assert.is(refusal(request('supplier', ...lastWeek), nowMs, usual, readExportProfile).code, 'E2')
})

test('E19: a device that does not exist', () => {
  const decision = refusal(request('supplier', ...lastWeek, users.gas), nowMs, usual, readImportProfile)
  assert.is(decision.code, 'E19')
  assert.is(explain(decision), `refused with E19, rule "known device": no device has the EUI-64 ${users.gas}`)
})

test('E5: a device that is not commissioned, told to registered parties only', () => {
  for (const status of ['Pending', 'Suspended', 'Decommissioned', 'Withdrawn', 'Recovered'] as const) {
    const registry = registryWith([row('IS', 'SUPA', '2020-01-01')], status)
    const decision = refusal(request('supplier', ...lastWeek), nowMs, registry, readImportProfile)
    assert.is(decision.code, 'E5')
    assert.is(
      explain(decision),
      `refused with E5, rule "device status": device ${esme} is ${status}; it is read only when Commissioned`,
    )
    assert.is(refusal(request('mdrA', ...lastWeek), nowMs, registry, readImportProfile).code, 'E4')
  }
})

test('E4: nobody registered, and a device without the MPAN', () => {
  const none = refusal(request('both', ...lastWeek), nowMs, registryWith([]), readImportProfile)
  assert.is(
    explain(none),
    'refused with E4, rule "registration": nobody is registered as IS of import MPAN 1234567890126 on Settlement Day ' +
      '2026-11-14, asked by both (90-B3-D5-1F-30-01-00-0D) as IS SUPB',
  )
  assert.is(none.record, undefined)
  const noMpan = refusal(request('network', ...lastWeek, importOnly), nowMs, usual, readExportProfile)
  assert.is(noMpan.code, 'E4')
  assert.match(explain(noMpan), `device ${importOnly} has no export MPAN, so nobody is registered to it as ED`)
})

test('export requests go by the export MPAN', () => {
  const registry = registryWith([
    row('MDR', 'MDRA', '2024-01-01'),
    row('MDR', 'MDRB', '2024-01-01', undefined, exportMpan),
  ])
  assert.ok(decide(request('mdrA', ...lastWeek), nowMs, registry, readImportProfile).allowed)
  assert.not.ok(decide(request('mdrA', ...lastWeek), nowMs, registry, readExportProfile).allowed)
  assert.not.ok(decide(request('mdrB', ...lastWeek), nowMs, registry, readImportProfile).allowed)
  assert.ok(decide(request('mdrB', ...lastWeek), nowMs, registry, readExportProfile).allowed)
})

// The day on which the new MDR begins, and when that is in UTC.
const changes = [
  ['2026-01-15', '2026-01-15T00:00Z'],
  ['2026-03-29', '2026-03-29T00:00Z'],
  ['2026-03-30', '2026-03-29T23:00Z'],
  ['2026-07-01', '2026-06-30T23:00Z'],
  ['2026-10-25', '2026-10-24T23:00Z'],
  ['2026-10-26', '2026-10-26T00:00Z'],
] as const

for (const [efd, beginsAt] of changes) {
  test(`a change of MDR on Settlement Day ${efd} takes effect at ${beginsAt}, to the half-hour`, () => {
    const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', efd)])
    const changeMs = at(beginsAt)
    const ask = (who: Who, startMs: number, endMs: number) =>
      decide(
        { requestId: requestIdOf(users[who], esme, 1n), period: { startMs, endMs } },
        nowMs,
        registry,
        readImportProfile,
      )
    assert.ok(ask('mdrA', changeMs - 3 * dayMs, changeMs).allowed)
    assert.ok(ask('mdrB', changeMs, changeMs + 3 * dayMs).allowed)
    const outgoing = ask('mdrA', changeMs - dayMs, changeMs + halfHourMs)
    assert.not.ok(outgoing.allowed)
    if (!outgoing.allowed) {
      assert.is(outgoing.day, efd)
      assert.is(outgoing.record?.mpid, 'MDRB')
      assert.is(
        explain(outgoing),
        `refused with E4, rule "registration": on Settlement Day ${efd} the MDR of import MPAN 1234567890126 is MDRB ` +
          `(registered from ${efd}), asked by mdrA (90-B3-D5-1F-30-01-00-09) as MDR MDRA`,
      )
    }
    const incoming = ask('mdrB', changeMs - halfHourMs, changeMs + dayMs)
    assert.not.ok(incoming.allowed)
    if (!incoming.allowed) assert.is(incoming.record?.mpid, 'MDRA')
  })
}

test('what counts is the day asked for, not the day of asking', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-11-20')])
  for (const askedAt of ['2026-11-01T00:00Z', '2026-11-22T00:00Z', '2027-05-01T00:00Z']) {
    const before = request('mdrA', '2026-11-18T00:00Z', '2026-11-20T00:00Z')
    assert.ok(decide(before, at(askedAt), registry, readImportProfile).allowed)
    assert.not.ok(
      decide({ ...before, requestId: requestIdOf(users.mdrB, esme, 1n) }, at(askedAt), registry, readImportProfile)
        .allowed,
    )
  }
})

test('a request without a period targets the day on which it is asked', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-07-01')])
  const { requestId } = request('mdrB', ...lastWeek)
  const readRegisters = srvRow('4.1.1')!
  assert.ok(decide({ requestId }, at('2026-06-30T23:00Z'), registry, readRegisters).allowed)
  assert.not.ok(decide({ requestId }, at('2026-06-30T22:59Z'), registry, readRegisters).allowed)
})

test('a window without half-hours is no way round: the day of its start decides', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-07-01')])
  const empty = request('mdrB', '2026-05-01T00:00Z', '2026-05-01T00:10Z')
  assert.is(refusal(empty, nowMs, registry, readImportProfile).day, '2026-05-01')
  const reversed = request('mdrB', '2026-05-01T00:00Z', '2026-04-01T00:00Z')
  assert.is(refusal(reversed, nowMs, registry, readImportProfile).day, '2026-05-01')
})

test('gaps: the first day without a record decides; records that meet are one', () => {
  const gap = registryWith([
    row('MDR', 'MDRA', '2026-11-01', '2026-11-10'),
    row('MDR', 'MDRA', '2026-11-11', '2026-11-15'),
    row('MDR', 'MDRA', '2026-11-18'),
  ])
  const met = decide(request('mdrA', '2026-11-05T00:00Z', '2026-11-16T00:00Z'), nowMs, gap, readImportProfile)
  assert.ok(met.allowed && met.records.length === 2)
  assert.match(explain(met), 'from 2026-11-01 to 2026-11-10 and from 2026-11-11 to 2026-11-15')
  const across = refusal(request('mdrA', '2026-11-05T00:00Z', '2026-11-20T00:00Z'), nowMs, gap, readImportProfile)
  assert.is(across.day, '2026-11-16')
  assert.is(across.record, undefined)
  assert.ok(decide(request('mdrA', '2026-11-18T00:00Z', '2026-11-20T00:00Z'), nowMs, gap, readImportProfile).allowed)
})

test('another party in between decides, although the same one holds both ends', () => {
  const registry = registryWith([
    row('IS', 'SUPA', '2020-01-01', '2026-11-10'),
    row('IS', 'SUPX', '2026-11-11', '2026-11-12'),
    row('IS', 'SUPA', '2026-11-13'),
  ])
  const decision = refusal(
    request('supplier', '2026-11-01T00:00Z', '2026-11-20T00:00Z'),
    nowMs,
    registry,
    readImportProfile,
  )
  assert.equal([decision.day, decision.record?.mpid], ['2026-11-11', 'SUPX'])
  assert.match(explain(decision), 'SUPX (registered from 2026-11-11 to 2026-11-12)')
})

test('a User with several roles is allowed by any one, and told of the one that goes furthest', () => {
  const registry = registryWith([
    row('IS', 'SUPB', '2026-01-01', '2026-06-30'),
    row('MDR', 'SUPB', '2026-06-01', '2026-11-30'),
  ])
  const asSupplier = decide(
    request('both', '2026-02-01T00:00Z', '2026-03-01T00:00Z'),
    nowMs,
    registry,
    readImportProfile,
  )
  assert.ok(asSupplier.allowed && asSupplier.role === 'IS')
  const asRetriever = decide(
    request('both', '2026-09-01T00:00Z', '2026-09-02T00:00Z'),
    nowMs,
    registry,
    readImportProfile,
  )
  assert.ok(asRetriever.allowed && asRetriever.role === 'MDR')
  const across = refusal(request('both', '2026-05-01T00:00Z', '2026-09-02T00:00Z'), nowMs, registry, readImportProfile)
  assert.is(across.day, '2026-07-01')
  assert.match(explain(across), 'as IS SUPB')
})

test('what is assumed is data: roles that need a registration, statuses, codes', () => {
  const policy: AccessPolicy = {
    registered: roles,
    deviceStatuses: ['Commissioned', 'Suspended'],
    codes: { ...defaultAccessPolicy.codes, notAuthorised: 'E45' },
  }
  const registry = registryWith([row('IS', 'SUPA', '2020-01-01')], 'Suspended')
  assert.ok(decide(request('supplier', ...lastWeek), nowMs, registry, readImportProfile, policy).allowed)
  const other = refusal(request('other', ...lastWeek), nowMs, registry, readImportProfile, policy)
  assert.is(other.code, 'E45')
  assert.match(explain(other), 'as OU without an MPID')
})

test('the widest window there is costs no more than its records', () => {
  const endless = request('supplier', '0001-01-01T00:00Z', '9999-12-31T23:30Z')
  const decision = refusal(endless, nowMs, usual, readImportProfile)
  assert.is(decision.day, '0001-01-01')
  const future = request('supplier', '2026-01-01T00:00Z', '9999-12-31T23:30Z')
  assert.ok(decide(future, nowMs, usual, readImportProfile).allowed)
})

test('requests that the DCC answers itself have no device to decide about', () => {
  assert.throws(() => decide(request('supplier', ...lastWeek), nowMs, usual, srvRow('8.2')!), /no device/)
})

test('the SRV table agrees with DUIS and with itself', () => {
  assert.is(new Set(srvTable.map((one) => one.variant)).size, srvTable.length)
  for (const one of srvTable) {
    assert.ok(isServiceReferenceVariant(one.variant), one.variant)
    assert.is(serviceReferenceOf(one.variant), one.reference)
    assert.is(one.endpoint === 'serviceS', one.mpan !== 'none', one.variant)
    assert.equal(one.commandVariants, one.endpoint === 'serviceS' ? [1] : [8], one.variant)
    assert.is('scheduled' in one.trtMs, one.schedulable && one.onSmets1, one.variant)
    if (one.endpoint === 'serviceS') assert.not.ok(one.roles.includes('GS') || one.roles.includes('GT'), one.variant)
    assert.ok(one.roles.includes('MDR'), `${one.variant} is in table 2`)
  }
  assert.equal(
    srvTable.filter((one) => one.handled).map((one) => one.variant),
    ['4.8.1'],
  )
  assert.equal(
    srvTable.filter((one) => one.cached).map((one) => one.variant),
    ['4.6.1', '4.8.1', '4.8.3'],
  )
  assert.is(srvRow('9.9'), undefined)
})

test.run()

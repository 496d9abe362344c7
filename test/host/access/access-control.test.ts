import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccessPolicy, decide, defaultAccessPolicy, explain } from '../../../host/access/access-control.ts'
import { roles } from '../../../host/catalogue/role.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import {
  esme,
  exportMpan,
  importOnly,
  lastWeek,
  nowMs,
  readExportProfile,
  readImportProfile,
  refusal,
  registryWith,
  request,
  row,
  users,
  usual,
} from '../../support/bench/access-bench.ts'

test('supplier, network operator, MDR and other user may read, with the reason', () => {
  for (const who of ['supplier', 'network', 'mdrA', 'other'] as const) {
    const decision = decide(request(who, ...lastWeek), nowMs, usual, readImportProfile)
    assert.ok(decision.allowed, who)
    assert.is(decision.user.eui, users[who])
    assert.is(decision.device.eui, esme)
  }
  assert.is(
    explain(decide(request('mdrA', ...lastWeek), nowMs, usual, readImportProfile)),
    'allowed: mdrA (90-B3-D5-1F-30-01-00-09) is registered as MDR MDRA for import MPAN 1234567890126 from 2024-01-01, ' +
      'Settlement Days 2026-11-13 to 2026-11-20',
  )
  assert.is(
    explain(decide(request('other', '2026-11-20T00:00Z', '2026-11-21T00:00Z'), nowMs, usual, readImportProfile)),
    'allowed: other (00-DB-12-34-56-78-00-04) asks as OU, for which no registration is needed (an assumption), ' +
      'Settlement Days 2026-11-19 to 2026-11-20',
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

test('E5: a device that is not commissioned, disclosed to registered parties only', () => {
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

test('E4: no party registered, and a device without the MPAN', () => {
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

test('a User with several roles is allowed by any one; a refusal names the one that came closest', () => {
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
    ...defaultAccessPolicy,
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

test.run()

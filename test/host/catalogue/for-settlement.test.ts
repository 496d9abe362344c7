// ForSettlement (table 6 of the impact assessment): who may set it, how, and its effect.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { registryOf } from '../../../emulation/registry-of.ts'
import { readCsv } from '../../../hardware/load/csv-records.ts'
import { defaultAccessPolicy } from '../../../host/access/access-control.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { readImportFile } from '../../../host/access/import-rows.ts'
import { whatIf } from '../../../host/access/what-if.ts'
import type { AcceptedEvent } from '../../../host/audit/audit-record.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { readConfig } from '../../../host/config/config.ts'
import { formatNonDeviceRequest } from '../../../host/duis/format-non-device.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { performanceRows } from '../../../host/metrics/performance-measures.ts'
import { type TestIdentityName, testIdentities } from '../../../host/pki/test-pki.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'
import { dailyRead, meterNumber } from '../../support/bench/schedule-bench.ts'

const accepted = (b: Bench) => b.trail.filter((event): event is AcceptedEvent => event.event === 'accepted')
const hoursUntilDue = (event: AcceptedEvent) => (Date.parse(event.due) - (midnight + 600_000)) / 3_600_000

test('an MDR always, a supplier by the attribute, others never', async () => {
  for (const [name, forSettlement, code, isSettlement] of [
    ['mdr', undefined, 'I99', true],
    ['mdr', false, 'I99', true],
    ['mdr', true, 'I99', true],
    ['supplier', undefined, 'I99', false],
    ['supplier', false, 'I99', false],
    ['supplier', true, 'I99', true],
    ['network-operator', true, 'E49', false],
    ['network-operator', false, 'I99', false],
    ['other-user', true, 'E49', false],
  ] as const) {
    const b = await createBench({ days: 2 })
    const fields = forSettlement === undefined ? {} : { forSettlement }
    const answer = await b.ask(name, fields)
    const what = `${name} ${forSettlement}`
    assert.is(answer.code, code, what)
    if (code === 'E49') {
      assert.match(answer.why, /table 6/)
      continue
    }
    assert.is(accepted(b)[0]!.forSettlement, isSettlement || undefined, what)
    const hours = hoursUntilDue(accepted(b)[0]!)
    assert.is(Math.round(hours * 3600), isSettlement ? 24 * 3600 : 16, what)
    assert.is(b.log.find(({ event }) => event === 'accepted')!.forSettlement, isSettlement || undefined, what)
    // Written after two seconds.
    await b.clock.pass(5_000)
    const [row] = performanceRows(b.store, '2026-11-22', '2026-11-22')
    assert.equal([row!.srv, row!.settlement, row!.trtMs], ['4.8.1', isSettlement, isSettlement ? dayMs : 16_000], what)
  }
})

test('a supplier’s row in the registry sets it for all its requests; one request may differ', async () => {
  const parties = testParties()
  parties.users[0]!.forSettlement = true
  const b = await createBench({ days: 2, parties })
  await b.ask('supplier')
  await b.ask('supplier', { forSettlement: false })
  await b.ask('supplier', { serviceReferenceVariant: '4.8.2' })
  assert.equal(
    accepted(b).map(({ srv, forSettlement }) => [srv, forSettlement]),
    [
      ['4.8.1', true],
      ['4.8.1', undefined],
      // No MDR may send it: it is none of table 2.
      ['4.8.2', undefined],
    ],
  )
  const asked = await b.post(b.sign(b.request('supplier', { serviceReferenceVariant: '4.8.2', forSettlement: true })))
  assert.is(asked.code, 'E49')
})

test('where a schema is checked, the schema decides', async () => {
  const b = await createBench({ days: 2, schema: duisSchema() })
  const told = await b.post(b.sign(b.request('supplier', { forSettlement: true })))
  assert.is(told.code, 'E48')
  assert.match(told.why, /ForSettlement/)
  assert.is((await b.ask('mdr')).code, 'I99')
  assert.is(accepted(b)[0]!.forSettlement, true)
})

test('it waits behind what was asked on demand', async () => {
  const others = [1, 2].map(meterNumber)
  const parties = testParties()
  for (const meter of others) {
    parties.devices.push({ ...meter, status: 'Commissioned', line: 'default' })
    parties.registrations.push({ mpan: meter.importMpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' })
  }
  // A session every five seconds.
  const schedule = { ...readConfig('', {}, {}).schedule, lineRate: 12 }
  const b = await createBench({ days: 2, parties, moreMeters: others.map(({ eui }) => eui), config: { schedule } })
  const to = (eui: string, fields = {}) => b.sign(b.request('supplier', fields).replace(`:${esme}:`, `:${eui}:`))
  // The first has the line to itself; then settlement asks before a read on demand.
  for (const xml of [to(esme), to(others[0]!.eui, { forSettlement: true }), to(others[1]!.eui)]) {
    assert.is((await b.post(xml)).code, 'I99')
  }
  await b.answered()
  const order = b.callbacks.map(({ response }) => response.requestId!.target)
  assert.equal(order, [esme, others[1]!.eui, others[0]!.eui])
})

test('a schedule that was made with it runs for settlement', async () => {
  const b = await createBench({ days: 2 })
  const { eui } = testIdentities.supplier
  const details = dailyRead({
    executionTimeMs: 3_600_000,
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  })
  const create = (counter: bigint) =>
    formatNonDeviceRequest(requestIdOf(eui, testIdentities.dsp.eui, counter), { variant: '5.1', schedule: details })
  const flagged = create(5_000n).replace('<sr:CreateSchedule>', '<sr:CreateSchedule ForSettlement="true">')
  assert.is((await b.post(b.sign(flagged), 'serviceD')).code, 'I0')
  assert.is((await b.post(b.sign(create(5_001n)), 'serviceD')).code, 'I0')
  await b.clock.pass(2 * dayMs)
  const runs = accepted(b).map(({ scheduleId, forSettlement }) => [scheduleId, forSettlement])
  assert.equal(
    runs.filter(([id]) => id === 1).map(([, flag]) => flag),
    [true],
  )
  assert.equal(
    runs.filter(([id]) => id === 2).map(([, flag]) => flag),
    [undefined],
  )
  const rows = performanceRows(b.store, '2026-11-22', '2026-11-24').filter(({ kind }) => kind === 'scheduled')
  assert.equal(
    rows.map(({ settlement, answers }) => [settlement, answers]),
    [
      [false, 1],
      [true, 1],
    ],
  )
})

test('the what-if shows it, and to whom it does not apply', () => {
  const parties = testParties()
  parties.users[0]!.forSettlement = true
  const registry = registryOf(parties)
  const ask = (name: TestIdentityName, variant: string, forSettlement?: boolean) => {
    const target = variant.startsWith('4') ? esme : testIdentities.dsp.eui
    const requestId = requestIdOf(testIdentities[name].eui, target, 0n)
    const request = { requestId, ...(forSettlement !== undefined && { forSettlement }) }
    return whatIf(request, midnight, registry, srvRow(variant)!, defaultAccessPolicy)
  }
  for (const [name, variant, flag, serves] of [
    ['mdr', '4.8.1', undefined, true],
    ['mdr', '5.2', undefined, true],
    ['supplier', '4.8.1', undefined, true],
    ['supplier', '4.8.1', false, false],
    ['supplier', '8.2', true, true],
    ['other-user', '4.8.1', undefined, false],
  ] as const) {
    const told = ask(name, variant, flag)
    assert.equal([told.allowed, told.forSettlement], [true, serves], `${name} ${variant} ${flag}`)
    assert.is(told.text.includes('serves settlement (MHHS)'), serves)
  }
  for (const [name, variant] of [
    ['other-user', '4.8.1'],
    ['network-operator', '5.2'],
    ['supplier', '4.8.2'],
  ] as const) {
    const { allowed, code, rule } = ask(name, variant, true)
    assert.equal([allowed, code, rule], [false, 'E49', 'settlement'], `${name} ${variant}`)
  }
})

test('a CSV file names it in a column', () => {
  const { eui } = testIdentities.supplier
  const text = `eui,name,roles,mpid,callback,for_settlement\n${eui},a,IS,SUPA,http://127.0.0.1:1/,true\n`
  const problems: string[] = []
  const { users } = readImportFile({ name: 'users.csv', text }, readCsv, problems)
  assert.equal(problems, [])
  const checked = checkRegistry({ users: users.map(({ row }) => row), devices: [], registrations: [] })
  assert.is(checked.ok && checked.registry.user(eui)!.forSettlement, true)
})

test('the registry takes the field for suppliers only', () => {
  const problem = (index: number, value: unknown) => {
    const parties = testParties()
    parties.users[index]!.forSettlement = value
    const checked = checkRegistry(parties)
    return checked.ok ? '' : checked.problems.join()
  }
  assert.is(problem(0, true), '')
  assert.is(problem(0, 'false'), '')
  assert.match(problem(0, 'yes'), /users\[0\]\.forSettlement: "yes" is neither true nor false/)
  for (const index of [1, 2, 3]) assert.match(problem(index, true), /forSettlement: only suppliers \(IS, ES\)/)
  assert.is(readConfig('', {}, {}).codes.forSettlement, 'E49')
})

test.run()

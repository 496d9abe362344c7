// The SRV table against the tables of the SECMP0162 preliminary impact assessment.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { forSettlement, servesSettlement } from '../../host/catalogue/for-settlement.ts'
import { type Role, roles } from '../../host/catalogue/role.ts'
import { isServiceReferenceVariant, serviceReferenceOf } from '../../host/catalogue/service-reference.ts'
import { srvRow, srvTable } from '../../host/catalogue/srv-table.ts'
import { bodies } from '../../host/duis/bodies.ts'
import { entriesMax } from '../../host/duis/payload.ts'
import { eligible, hours24, table2, table3, table4, table6, table14 } from '../support/model/impact-assessment.ts'

/** 4.2 can be scheduled since DUIS 5.3, which is younger than the impact assessment. */
const schedulableSince = '4.2'

test('tables 2, 3, 4 and 14 agree with each other', () => {
  const variants = table2.map(([variant]) => variant)
  assert.equal(Object.keys(table3), variants)
  assert.equal(Object.keys(table14), variants)
  for (const [variant, onDemand, scheduled] of table2) {
    assert.equal(table14[variant]!.slice(0, 2), [onDemand, scheduled], variant)
    const [scheduledTrt, onDemandTrt, settlementScheduled, settlementOnDemand] = table3[variant]!
    // On SMETS1 some have no service at all; of the others table 3 has times for what table 2 allows.
    const isThere = onDemandTrt !== 'N/A'
    assert.is(onDemandTrt !== 'N/A', isThere && onDemand, variant)
    assert.is(scheduledTrt !== 'N/A', isThere && scheduled, variant)
    assert.is(settlementScheduled !== 'N/A', isThere && scheduled, variant)
    assert.is(settlementOnDemand !== 'N/A', isThere, variant)
    // Settlement has time: all that table 4 has a granularity for.
    const isRead = table4[variant] !== undefined
    if (isRead && isThere) assert.is(settlementOnDemand, hours24, variant)
    assert.is(table14[variant]![2] !== 'n/a', isRead, variant)
  }
  // What suits a coarser granularity suits the finer ones.
  for (const [halfHourly, daily, monthly] of Object.values(table4))
    assert.ok(halfHourly! >= daily! && daily! >= monthly!)
})

test('tables 2 and 14: what an MDR may send, and how', () => {
  assert.equal(
    srvTable.filter(({ roles }) => roles.includes('MDR')).map(({ variant }) => variant),
    table2.map(([variant]) => variant),
  )
  for (const [variant, onDemand, scheduled] of table2) {
    const row = srvRow(variant)!
    assert.is(row.schedulable, scheduled || variant === schedulableSince, variant)
    if (row.onSmets1) assert.is(row.trtMs.onDemand !== undefined, onDemand, variant)
    assert.is(row.gbcsUseCase ?? 'n/a', table14[variant]![2], variant)
  }
})

test('table 3: target response times on SMETS1', () => {
  for (const [variant, [scheduled, onDemand, settlementScheduled, settlement]] of Object.entries(table3)) {
    const { trtMs, onSmets1 } = srvRow(variant)!
    const seconds = (ms: number | undefined) => (ms === undefined ? 'N/A' : ms / 1000)
    const expected = variant === schedulableSince ? hours24 : scheduled
    assert.equal([seconds(trtMs.scheduled), seconds(trtMs.onDemand)], [expected, onDemand], variant)
    assert.is(seconds(trtMs.settlement), settlement, variant)
    // Scheduled reads have 24 hours, for settlement or not.
    assert.is(scheduled, settlementScheduled)
    assert.is(onSmets1, onDemand !== 'N/A', variant)
  }
})

test('table 4: granularities', () => {
  for (const row of srvTable) {
    const levels = (['half-hourly', 'daily', 'monthly'] as const).map(
      (one) => row.granularities?.includes(one) ?? false,
    )
    assert.equal(levels, table4[row.variant] ?? [false, false, false], row.variant)
  }
})

test('table 6: who sets ForSettlement', () => {
  assert.equal(forSettlement, table6)
  const asked = [undefined, true, false]
  for (const row of srvTable) {
    const isInTable2 = table2.some(([variant]) => variant === row.variant)
    for (const role of roles) {
      const usage = (isInTable2 && table6[role]) || 'never'
      for (const attribute of asked) {
        for (const chosen of [undefined, true, false]) {
          const served = servesSettlement(
            row,
            [role],
            { ...(chosen !== undefined && { forSettlement: chosen }) },
            attribute,
          )
          const name = `${row.variant} ${role} ${attribute} ${chosen}`
          if (usage === 'always') assert.is(served, true, name)
          else if (usage === 'when solely for settlement') assert.is(served, attribute ?? chosen ?? false, name)
          else if (attribute === true) assert.type(served, 'string', name)
          else assert.is(served, false, name)
        }
      }
    }
  }
  // One User, several roles: the one that may, decides.
  const both: Role[] = ['ED', 'IS']
  assert.is(servesSettlement(srvRow('8.2')!, both, {}, true), true)
  assert.match(String(servesSettlement(srvRow('4.8.2')!, ['IS'], {}, true)), /table 2.*4\.8\.2/)
  assert.match(String(servesSettlement(srvRow('4.8.1')!, ['OU'], {}, true)), /table 6.*OU/)
})

test('roles are those of the DUIS request matrix, and MDR where table 2 has it', () => {
  for (const row of srvTable.filter(({ endpoint }) => endpoint === 'serviceS')) {
    const withMdr = table2.some(([variant]) => variant === row.variant) ? ' MDR' : ''
    assert.is(row.roles.join(' '), eligible[row.variant] + withMdr, row.variant)
  }
})

test('the SRV table agrees with DUIS and with itself', () => {
  assert.is(new Set(srvTable.map((one) => one.variant)).size, srvTable.length)
  for (const one of srvTable) {
    assert.ok(isServiceReferenceVariant(one.variant), one.variant)
    assert.is(serviceReferenceOf(one.variant), one.reference)
    assert.is(one.endpoint === 'serviceS', one.mpan !== 'none', one.variant)
    assert.equal(one.commandVariants, one.endpoint === 'serviceS' ? [1] : [8], one.variant)
    assert.is('scheduled' in one.trtMs, one.schedulable && one.onSmets1, one.variant)
    if (one.endpoint !== 'serviceS') continue
    assert.not.ok(one.roles.includes('GS') || one.roles.includes('GT'), one.variant)
    assert.is(bodies[one.bodyName]?.variant, one.variant)
    assert.is(one.handled, one.onSmets1, one.variant)
    const isExport = /Export/.test(one.name)
    assert.is(one.mpan, isExport ? 'export' : 'import', one.variant)
    for (const channel of one.channels ?? []) assert.match(channel, isExport ? /export$/ : /import$/)
    // Caps of MMC, where the log has entries.
    const hasLog = bodies[one.bodyName]!.kind === 'log'
    assert.is(one.entriesMax !== undefined, hasLog, one.variant)
  }
  assert.equal(
    ['4.6.1', '4.8.1', '4.8.2', '4.8.3', '4.17'].map((variant) => srvRow(variant)!.entriesMax),
    [entriesMax.dailyReadLog, entriesMax.importProfile, entriesMax.reactiveProfile, entriesMax.exportProfile, 731],
  )
  assert.equal(
    srvTable.filter((one) => one.cached).map((one) => one.variant),
    ['4.6.1', '4.8.1', '4.8.3'],
    'MP256 consultation',
  )
  assert.is(srvRow('9.9'), undefined)
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isServiceReferenceVariant, serviceReferenceOf } from '../host/duis/service-reference.ts'
import { srvRow, srvTable } from '../host/srv/srv-table.ts'

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
    ['4.8.1', '5.1', '5.2', '5.3', '8.2'],
  )
  assert.equal(
    srvTable.filter((one) => one.cached).map((one) => one.variant),
    ['4.6.1', '4.8.1', '4.8.3'],
  )
  assert.is(srvRow('9.9'), undefined)
})

test.run()

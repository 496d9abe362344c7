// Target Response Times as settings: read, refused when wrong, and kept to by the bridge.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { readTargetTimes, targetMs } from '../../../host/catalogue/target-times.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

test('of table 3 unless set', () => {
  const row = srvRow('4.8.1')!
  const read = readTargetTimes({ '4.8.1': { onDemand: 60, settlement: 3600 }, '8.2': { onDemand: 16 } })
  assert.ok(read.ok)
  assert.equal(
    (['onDemand', 'scheduled', 'settlement'] as const).map((kind) => targetMs(row, kind, read.targets)),
    [60_000, 86_400_000, 3_600_000],
  )
  assert.is(targetMs(srvRow('8.2')!, 'onDemand', read.targets), 16_000)
  assert.is(targetMs(srvRow('8.2')!, 'onDemand', {}), 30_000)
  assert.equal(readTargetTimes(undefined), { ok: true, targets: {} })
})

test('what is wrong is said', () => {
  const wrong: [unknown, RegExp][] = [
    [[], /object of Service Request Variants/],
    [{ '9.9': {} }, /no Service Request Variant "9\.9"/],
    [{ '4.8.1': 16 }, /4\.8\.1: expected an object/],
    [{ '4.8.1': { ondemand: 16 } }, /no "ondemand"; there are onDemand, scheduled, settlement/],
    [{ '4.1.1': { scheduled: 16 } }, /no "scheduled"; there are onDemand, settlement/],
    [{ '4.17': { onDemand: 1 } }, /there is none/],
    [{ '4.8.1': { onDemand: 0 } }, /whole number of seconds from 1 to 172800/],
    [{ '4.8.1': { onDemand: '16' } }, /whole number/],
  ]
  for (const [value, pattern] of wrong) {
    const read = readTargetTimes(value)
    assert.match(read.ok ? 'taken' : read.detail, pattern)
  }
})

test('the bridge keeps to them', async () => {
  const b = await createBench({ days: 2, config: { targetResponseTimes: { '4.8.1': { onDemand: 90_000 } } } })
  await b.ask('supplier')
  const { due } = b.trail.find(({ event }) => event === 'accepted') as unknown as { due: string }
  assert.is(Date.parse(due) - b.answers[0]!.tookMs > 0, true)
  assert.ok(Date.parse(due) - b.clock.nowMs() > 85_000)
})

test.run()

// Provenance of a response's data in the log, the two readings of "the previous 24 hours", and eviction.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, exportParties } from '../../../emulation/bench-parties.ts'
import { cachedFrom, cachePolicies } from '../../../host/cache/policy.ts'
import { readConfig } from '../../../host/config/config.ts'
import type { Usage } from '../../../host/wan/usage.ts'
import { dayMs, firstHalfHourOfDay, halfHourMs, halfHourOf } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const hourMs = 2 * halfHourMs
const window = (from: number, to: number) => ({
  period: { startMs: midnight + from * hourMs, endMs: midnight + to * hourMs },
})
const of = (variant: string, more: object = {}) => ({ serviceReferenceVariant: variant, ...more })
const stamp = (hours: number) => new Date(midnight + hours * hourMs).toISOString().replace('.000Z', 'Z')

test('the log line of a response: each group of half-hours, where from, how old, what it saved', async () => {
  const b = await createBench({ days: 4, parties: exportParties() })
  await b.ask('supplier', window(-24, 0))
  await b.clock.pass(60000)
  await b.ask('mdr', window(-36, 0))
  const line = b.log.filter(({ event }) => event === 'answered').at(-1) as unknown as {
    sources: (typeof b.answers)[0]['provenance']
  }
  const { groups, saved, ...counts } = line.sources!
  const { ageMs } = groups[1]!
  assert.ok(ageMs >= 60000 && ageMs < 62000)
  assert.equal(groups, [
    { of: 'active-import', from: 'meter', first: stamp(-36), last: stamp(-24.5), count: 24, ageMs: groups[0]!.ageMs },
    { of: 'active-import', from: 'cache', first: stamp(-24), last: stamp(0), count: 49, ageMs },
  ])
  assert.ok(groups[0]!.ageMs < 1000)
  const nothing = { deviceReads: 0, wakeUps: 0, sessions: 0, dcoCalls: 0, bytes: 0 }
  assert.equal(saved, { readings: 49, ...nothing }, 'the meter was woken all the same')
  assert.equal(counts, { fromCache: 49, fromMeter: 24, shared: 0, notRecorded: 0, oldestMs: ageMs })
  await b.ask('other-user', window(-24, 0))
  // Two sessions there were: a day, and half of one. What the third would have cost is the mean of them.
  const [first, second] = b.answers.map(({ usage }) => usage)
  const mean = (of: (usage: Usage) => number) => Math.round((of(first!) + of(second!)) / 2)
  assert.equal((b.log.filter(({ event }) => event === 'answered').at(-1) as unknown as typeof line).sources!.saved, {
    ...{ readings: 49, deviceReads: 1, wakeUps: 1, sessions: 1 },
    dcoCalls: mean(({ dcoCalls }) => dcoCalls),
    bytes: mean(({ bytesOut, bytesIn }) => bytesOut + bytesIn),
  })
})

test('4.8.3 and 4.6.1: both channels and both midnights of the day are in the cache for the next party', async () => {
  const b = await createBench({ days: 4, parties: exportParties(), othersOf: () => [3, 4, 5] })
  for (const variant of ['4.8.3', '4.6.1']) {
    await b.ask('supplier', of(variant))
    await b.ask('mdr', of(variant))
    const [first, second] = b.answers.slice(-2)
    assert.is(first!.usage.wakeUps, 1, variant)
    assert.equal([second!.usage.wakeUps, second!.usage.bytesOut], [0, 0], variant)
    const names = second!.provenance!.groups.map((group) => [group.of, group.from, group.count])
    assert.equal(
      names,
      variant === '4.6.1'
        ? [['daily-reads', 'cache', 2]]
        : [
            ['active-export', 'cache', 49],
            ['reactive-export', 'cache', 49],
          ],
    )
    assert.equal(second!.provenance!.saved, { readings: variant === '4.6.1' ? 2 : 98, deviceReads: 1 })
  }
  // Import and export are told apart.
  await b.ask('supplier')
  assert.is(b.answers.at(-1)!.provenance!.fromMeter, 49)
})

test('4.1.1, 4.2 and 4.8.2 leave nothing in the cache', async () => {
  const b = await createBench({ days: 2, parties: exportParties() })
  for (const variant of ['4.1.1', '4.2', '4.8.2']) await b.ask('supplier', of(variant))
  assert.equal([...b.store.range('readings', '', '\uffff')], [])
})

test('the previous 24 hours: the last whole UTC day, or the 24 hours before the read', async () => {
  // At ten past midnight, and at noon, when the two differ.
  for (const [policy, afterHours, cached] of [
    ['utc-day', 0, 49],
    ['settlement-day', 0, 49],
    ['both-days', 0, 49],
    ['sliding-24h', 0, 49],
    ['under-25h', 0, 51],
    ['utc-day', 12, 73],
    ['sliding-24h', 12, 49],
    ['under-25h', 12, 51],
    ['off', 12, 0],
    ['any', 12, 169],
  ] as const) {
    const b = await createBench({ days: 4, config: { cachePolicy: policy } })
    b.meter.live(
      b.end,
      Array.from({ length: afterHours * 2 }, () => 7),
    )
    await b.clock.pass(600000)
    await b.ask('supplier', window(-72, afterHours))
    await b.ask('other-user', window(-72, afterHours))
    assert.is(b.answers[1]!.provenance!.fromCache, cached, `${policy}, ${afterHours} hours after midnight`)
    assert.equal(b.callbacks[1]!.response.entries, b.callbacks[0]!.response.entries)
  }
})

test('a half-hour that runs is never kept, nor asked for', async () => {
  for (const cachePolicy of ['utc-day', 'sliding-24h', 'any'] as const) {
    const b = await createBench({ days: 2, config: { cachePolicy } })
    await b.ask('supplier', window(-1, 3))
    assert.is(b.callbacks[0]!.response.entries!.at(-1)!.stampMs, midnight)
    b.meter.live(b.end, [5])
    await b.clock.pass(60000)
    await b.ask('supplier', window(-1, 3))
    const { entries } = b.callbacks[1]!.response
    assert.equal(entries!.at(-1), { stampMs: midnight + halfHourMs, wh: 5 })
    assert.equal([b.answers[1]!.provenance!.fromCache, b.answers[1]!.provenance!.fromMeter], [3, 1])
  }
})

test('each policy names its source; the configuration accepts these and no other', () => {
  const readMs = midnight + 10 * hourMs + 1
  const day = firstHalfHourOfDay(Math.floor(midnight / dayMs))
  assert.is(cachedFrom('utc-day', readMs), day - 49)
  assert.is(cachedFrom('sliding-24h', readMs), halfHourOf(readMs) - 49)
  assert.is(cachedFrom('sliding-24h', midnight), day - 49)
  for (const policy of ['both-days', 'utc-day', 'settlement-day', 'sliding-24h', 'under-25h'] as const)
    assert.match(cachePolicies[policy], /MP256.*previous 24 hours.*assumption/)
  assert.is(readConfig('', {}, {}).cachePolicy, 'both-days')
  assert.is(readConfig('', { SMETS1_CACHE_POLICY: 'sliding-24h' }, {}).cachePolicy, 'sliding-24h')
  assert.throws(
    () => readConfig('', { SMETS1_CACHE_POLICY: 'toString' }, {}),
    /both-days, utc-day, settlement-day, sliding-24h, under-25h/,
  )
})

test('forgetting a meter: for a change of supplier or a decommissioning, everything of it and of no other', async () => {
  const b = await createBench({ days: 2, parties: exportParties() })
  for (const variant of ['4.8.1', '4.6.1', '4.8.3']) await b.ask('supplier', of(variant))
  assert.ok([...b.store.range('readings', '', '\uffff')].length >= 4)
  const other = '0000001/00-DB-12-34-56-78-90-A1/active-import/1'
  await b.store.put('readings', other, new Uint8Array(1))
  await b.bridge().evictDevice(esme, 'change of supplier')
  assert.equal(
    [...b.store.range('readings', '', '\uffff')].map(({ key }) => key),
    [other],
  )
  for (const variant of ['4.8.1', '4.6.1', '4.8.3']) await b.ask('mdr', of(variant))
  assert.ok(b.answers.slice(3).every(({ provenance }) => provenance!.fromCache === 0))
  assert.ok(b.log.some(({ event, why }) => event === 'cache emptied' && why === 'change of supplier'))
})

test.run()

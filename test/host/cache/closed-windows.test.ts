// Closed windows through the whole bridge: what a second party's read costs, in winter and in summer, by policy.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportParties } from '../../../emulation/bench-parties.ts'
import type { CachePolicy } from '../../../host/cache/policy.ts'
import type { BridgeConfig } from '../../../host/config/config.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const hourMs = 2 * halfHourMs
const winter = Date.UTC(2026, 10, 22)
const summer = Date.UTC(2026, 6, 22)
const entriesOf = (variant: string) => (variant === '4.6.1' ? 2 : 49)

/** A bench at 06:00 UTC of a day. */
async function morning(midnightMs: number, config: Partial<BridgeConfig> = {}) {
  const b = await createBench({ days: 4, midnightMs, parties: exportParties(), othersOf: () => [3, 4, 5], config })
  b.meter.live(
    b.end,
    Array.from({ length: 12 }, () => 7),
  )
  await b.clock.pass(6 * hourMs)
  const utcDay = { startMs: midnightMs - dayMs, endMs: midnightMs }
  const settlementDay =
    midnightMs === summer ? { startMs: utcDay.startMs - hourMs, endMs: midnightMs - hourMs } : utcDay
  return { b, utcDay, settlementDay }
}

for (const midnightMs of [winter, summer]) {
  const season = midnightMs === winter ? 'winter' : 'summer'
  for (const variant of ['4.8.1', '4.8.3', '4.6.1']) {
    test(`${season}, ${variant}: a window 00:00 to 00:00 asked by a second party costs no wake-up`, async () => {
      const { b, utcDay, settlementDay } = await morning(midnightMs)
      for (const [i, period] of [utcDay, settlementDay, utcDay].entries()) {
        const name = i === 0 ? 'supplier' : 'mdr'
        assert.is((await b.ask(name, { serviceReferenceVariant: variant, period })).code, 'I99')
        const { entries, dailyReads } = b.callbacks.at(-1)!.response
        const midnights = period === utcDay ? 2 : 1
        assert.is((entries ?? dailyReads)!.length, variant === '4.6.1' ? midnights : entriesOf(variant))
        const { wakeUps, bytesOut, bytesIn } = b.answers.at(-1)!.usage
        assert.is(wakeUps, i === 0 ? 1 : 0, `request ${i}`)
        // A cold day is 194 bytes in winter, and 198 in summer, where both a UTC day and a Settlement Day are brought.
        if (i === 0 && variant === '4.8.1') assert.ok(bytesOut + bytesIn <= 200, `${bytesOut + bytesIn} bytes`)
      }
    })
  }

  test(`${season}: four parties, two by the Settlement Day and two by the UTC day, wake the meter once`, async () => {
    const { b, utcDay, settlementDay } = await morning(midnightMs)
    const asked = [
      ['supplier', settlementDay],
      ['mdr', utcDay],
      ['network-operator', settlementDay],
      ['other-user', utcDay],
    ] as const
    for (const [name, period] of asked) {
      await b.ask(name, { period })
      await b.clock.pass(2 * hourMs)
    }
    assert.equal(
      b.callbacks.map(({ response }) => response.entries!.length),
      [49, 49, 49, 49],
    )
    assert.is(b.bridge().total.wakeUps, 1)
  })
}

test('in summer, policy by policy: wake-ups of a Settlement Day, then the UTC day, then the Settlement Day again', async () => {
  const expected: [CachePolicy, BridgeConfig['cacheTopUp'], number[]][] = [
    ['both-days', 'period', [1, 0, 0]],
    ['both-days', 'asked', [1, 1, 0]],
    // From 00:00 UTC: the first hour of the Settlement Day, and the entry at its beginning, are not kept.
    ['utc-day', 'period', [1, 0, 1]],
    // Until 23:00 UTC, and later: what is read of the UTC day besides is kept too.
    ['settlement-day', 'period', [1, 1, 0]],
    ['sliding-24h', 'period', [1, 1, 1]],
    ['under-25h', 'period', [1, 1, 1]],
    ['any', 'period', [1, 1, 0]],
    ['off', 'period', [1, 1, 1]],
  ]
  for (const [cachePolicy, cacheTopUp, wakeUps] of expected) {
    const { b, utcDay, settlementDay } = await morning(summer, { cachePolicy, cacheTopUp })
    for (const [i, period] of [settlementDay, utcDay, settlementDay].entries()) {
      await b.ask(i === 1 ? 'mdr' : 'supplier', { period })
    }
    assert.equal(
      b.answers.map(({ usage }) => usage.wakeUps),
      wakeUps,
      `${cachePolicy}, ${cacheTopUp}`,
    )
  }
})

test('a read of something else brings the kept period along, unless only what was asked is topped up', async () => {
  for (const [cacheTopUp, wakeUps] of [
    ['period', 0],
    ['asked', 1],
  ] as const) {
    const { b, utcDay } = await morning(winter, { cacheTopUp })
    await b.ask('supplier', { period: { startMs: winter, endMs: winter + hourMs } })
    await b.ask('mdr', { period: utcDay })
    assert.is(b.answers[1]!.usage.wakeUps, wakeUps, cacheTopUp)
    assert.is(b.callbacks[1]!.response.entries!.length, 49)
  }
})

test('deleted by age: 24 to 25 hours; by a purge: everything, every 25 hours', async () => {
  for (const cacheDeletion of ['age', 'purge'] as const) {
    const { b, utcDay } = await morning(winter, { cacheDeletion })
    await b.ask('supplier', { period: utcDay })
    const readMs = b.clock.nowMs()
    const nextPurgeMs = (Math.floor(readMs / (25 * hourMs)) + 1) * 25 * hourMs
    const endMs = cacheDeletion === 'age' ? Math.floor(readMs / hourMs) * hourMs + 25 * hourMs : nextPurgeMs
    await b.clock.pass(endMs - readMs - 1000)
    await b.ask('mdr', { period: utcDay })
    assert.is(b.answers.at(-1)!.usage.wakeUps, 0, cacheDeletion)
    await b.clock.pass(2000)
    await b.ask('mdr', { period: utcDay })
    assert.is(b.answers.at(-1)!.usage.wakeUps, 1, cacheDeletion)
  }
})

test('half-open: 48 half-hours and one midnight, as before', async () => {
  const { b, utcDay } = await morning(winter, { readWindow: 'half-open' })
  await b.ask('supplier', { period: utcDay })
  assert.is(b.callbacks[0]!.response.entries!.length, 48)
  await b.ask('supplier', { serviceReferenceVariant: '4.6.1', period: utcDay })
  assert.is(b.callbacks[1]!.response.dailyReads!.length, 1)
})

test.run()

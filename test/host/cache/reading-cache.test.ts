import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'
import { halfHourMs, halfHourOf, stampOfHalfHour } from '../../../protocol/half-hour.ts'
import {
  bench,
  cacheSuite,
  channel,
  entries,
  eui,
  hourMs,
  keyFiles,
  knownCount,
  morningMs,
  otherEui,
  readings,
  value,
  yesterday,
} from '../../support/bench/cache-bench.ts'

const test = cacheSuite('reading cache')
const at = (text: string) => Date.parse(text)

test('returns what was stored: values, gaps, marks and the time of retrieval', async ({ root }) => {
  const one = bench(root)
  const list = readings(yesterday, 48)
  list[20] = { halfHour: yesterday + 20, wh: undefined, marked: false }
  list[21] = { halfHour: yesterday + 21, wh: 0, marked: true }
  list[22] = { halfHour: yesterday + 22, wh: 4_294_967_294, marked: false }
  await one.cache.keep(eui, channel, list, morningMs + 1234)
  for (const restarted of [one, bench(root, one.store)]) {
    const { known, missing } = restarted.cache.lookup(eui, channel, yesterday - 2, 52, morningMs + 5000)
    assert.equal(missing, [
      { first: yesterday - 2, count: 2 },
      { first: yesterday + 48, count: 2 },
    ])
    for (const { halfHour, wh, marked } of list) {
      assert.equal(known.get(halfHour), { wh, marked, retrievedMs: morningMs + 1234 })
    }
  }
})

test('devices, channels and half-hours are apart', async ({ root }) => {
  const { cache } = bench(root)
  await cache.keep(eui, channel, readings(yesterday + 4, 2), morningMs)
  assert.is(cache.lookup(otherEui, channel, yesterday, 48, morningMs).known.size, 0)
  assert.is(cache.lookup(eui, 'active-export', yesterday, 48, morningMs).known.size, 0)
  assert.equal(cache.lookup(eui, channel, yesterday, 8, morningMs).missing, [
    { first: yesterday, count: 4 },
    { first: yesterday + 6, count: 2 },
  ])
})

test('no value stands in the store in the clear', async ({ root }) => {
  const one = bench(root)
  const list = Array.from({ length: 48 }, (_, i) => ({ halfHour: yesterday + i, wh: 0x41424344, marked: false }))
  await one.cache.keep(eui, channel, list, morningMs)
  for (const { value } of entries(one.store)) assert.not.ok(Buffer.from(value as Uint8Array).includes('ABCD'))
})

test('sealed entries that were tampered with, moved or cut are misses, and are counted', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  const [entry] = entries(one.store)
  const bytes = entry!.value
  const flipped = (place: number) => bytes.map((byte, index) => (index === place ? byte ^ 1 : byte))
  const untyped: Store<{ readings: unknown }> = one.store
  const wrong: unknown[] = [
    ...[0, 11, 12, 200, 395, 396, 411].map(flipped),
    bytes.slice(1),
    new Uint8Array(),
    'x',
    null,
  ]
  for (const value of wrong) {
    await untyped.put('readings', entry!.key, value)
    const again = bench(root, one.store)
    assert.is(knownCount(again, morningMs), 0)
    assert.is(again.cache.unreadable(), 1)
  }
  const moves = [entry!.key.replace(eui, otherEui), entry!.key.replace(channel, 'active-export')]
  for (const key of moves) await one.store.put('readings', key, bytes)
  const again = bench(root, one.store)
  assert.is(again.cache.lookup(otherEui, channel, yesterday, 48, morningMs).known.size, 0)
  assert.is(again.cache.lookup(eui, 'active-export', yesterday, 48, morningMs).known.size, 0)
  assert.is(again.cache.unreadable(), 2)
})

test('both-days keeps the last whole day and later, the entry stamped at its beginning, and only half-hours that were over', async ({
  root,
}) => {
  const one = bench(root)
  const countedFromMs = at('2026-11-22T05:29:59.999Z')
  const now = halfHourOf(countedFromMs)
  await one.cache.keep(eui, channel, readings(yesterday - 48, now + 2 - (yesterday - 48)), countedFromMs)
  const { missing } = one.cache.lookup(eui, channel, yesterday - 48, now + 2 - (yesterday - 48), countedFromMs + 1)
  assert.equal(missing, [
    { first: yesterday - 48, count: 47 },
    { first: now, count: 2 },
  ])
  assert.is(entries(one.store).length, 3, 'yesterday and today, and one entry of the day before')
  await one.cache.keep(eui, channel, [value(now)], countedFromMs + 1)
  assert.is(knownCount(one, countedFromMs + 2, now, 1), 1, 'from the millisecond in which it ends')
  const nextDayMs = at('2026-11-23T04:00Z')
  assert.is(knownCount(one, nextDayMs), 48, 'what was kept is answered until its end, when the day has passed too')
})

test('policies: any keeps old half-hours too, off keeps none', async ({ root }) => {
  const old = yesterday - 300 * 48
  const any = bench(join(root, 'any'), createMemoryStore(bridgeTables), 'any')
  await any.cache.keep(eui, channel, readings(old, 48), morningMs)
  assert.is(knownCount(any, morningMs + 1, old), 48)
  const off = bench(join(root, 'off'), createMemoryStore(bridgeTables), 'off')
  await off.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  assert.is(knownCount(off, morningMs + 1), 0)
  assert.equal([entries(off.store), keyFiles(off.directory)], [[], []])
})

test('a gap is kept once it is half an hour old: the meter clock may be late', async ({ root }) => {
  const one = bench(root)
  const last = yesterday + 47
  const gap = { halfHour: last, wh: undefined, marked: false }
  const endMs = stampOfHalfHour(last)
  await one.cache.keep(eui, channel, [gap], endMs + halfHourMs - 1)
  assert.is(knownCount(one, morningMs, last, 1), 0)
  const two = bench(join(root, 'two'))
  await two.cache.keep(eui, channel, [gap], endMs + halfHourMs)
  assert.equal(two.cache.lookup(eui, channel, last, 1, morningMs).known.get(last), {
    wh: undefined,
    marked: false,
    retrievedMs: endMs + halfHourMs,
  })
})

test('parts of a day retrieved in different hours end one by one', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 24), morningMs)
  await one.cache.keep(eui, channel, readings(yesterday + 24, 24), morningMs + 2 * hourMs)
  for (const again of [one, bench(root, one.store)]) {
    assert.is(knownCount(again, morningMs + 25 * hourMs - 1), 48)
  }
  assert.equal(one.cache.lookup(eui, channel, yesterday, 48, morningMs + 26 * hourMs).missing, [
    { first: yesterday, count: 24 },
  ])
  assert.is(knownCount(bench(root, one.store), morningMs + 26 * hourMs), 24, 'on disk too')
  assert.is(knownCount(one, morningMs + 27 * hourMs), 0)
})

test('of two reads of a half-hour the later one counts, in whatever order they end', async ({ root }) => {
  const one = bench(root)
  const early = { halfHour: yesterday, wh: 1, marked: false }
  const late = { halfHour: yesterday, wh: 2, marked: true }
  await one.cache.keep(eui, channel, [late], morningMs + hourMs)
  await one.cache.keep(eui, channel, [early], morningMs)
  for (const again of [one, bench(root, one.store)]) {
    const { known } = again.cache.lookup(eui, channel, yesterday, 1, morningMs + hourMs)
    assert.equal(known.get(yesterday), { wh: 2, marked: true, retrievedMs: morningMs + hourMs })
  }
})

test('sweep removes what no key opens, and only that', async ({ root }) => {
  const one = bench(root)
  await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
  await one.cache.keep(otherEui, channel, readings(yesterday, 48), morningMs + 2 * hourMs)
  await one.store.put('readings', `0000001/${eui}/${channel}/1`, new Uint8Array(412))
  await one.store.put('readings', `9999999/${eui}/${channel}/1`, new Uint8Array(412))
  await one.cache.sweep(morningMs + 24 * hourMs)
  assert.is(entries(one.store).length, 2)
  await one.cache.sweep(morningMs + 25 * hourMs)
  assert.is(entries(one.store).length, 1)
  await one.cache.sweep(morningMs + 27 * hourMs)
  assert.is(entries(one.store).length, 0)
})

test('empty forgets one device', async ({ root }) => {
  const one = bench(root)
  for (const who of [eui, otherEui]) await one.cache.keep(who, channel, readings(yesterday, 48), morningMs)
  await one.cache.empty(eui)
  assert.is(knownCount(one, morningMs), 0)
  assert.is(one.cache.lookup(otherEui, channel, yesterday, 48, morningMs).known.size, 48)
  assert.is(entries(one.store).length, 1)
})

test('with few days open in memory nothing is lost', async ({ root }) => {
  const one = bench(root, createMemoryStore(bridgeTables), 'any', 1)
  await one.cache.keep(eui, channel, readings(yesterday - 96, 144), morningMs)
  await one.cache.keep(eui, channel, readings(yesterday + 48, 2), morningMs + 1)
  assert.is(knownCount(one, morningMs + 2, yesterday - 96, 146), 146)
})

test('values and ranges that cannot be are refused', async ({ root }) => {
  const { cache } = bench(root)
  for (const wh of [-1, 1.5, Number.NaN, 4_294_967_295]) {
    const refused = await cache
      .keep(eui, channel, [{ halfHour: yesterday, wh, marked: false }], morningMs)
      .catch(String)
    assert.match(String(refused), 'no Wh')
  }
  for (const [first, count] of [
    [-1, 1],
    [0, -1],
    [0.5, 1],
    [0, 19_057],
    [Number.NaN, 1],
  ] as const) {
    assert.throws(() => cache.lookup(eui, channel, first, count, morningMs), /no half-hours/)
  }
  assert.throws(() => cache.lookup(eui, '../x', 0, 1, morningMs), /no channel/)
})

test('on disk: kept, read after a restart, emptied and swept', async ({ root }) => {
  const directory = join(root, 'store')
  const first = openLmdbStore(directory, bridgeTables)
  const one = bench(root, first, 'any')
  for (const who of [eui, otherEui]) await one.cache.keep(who, channel, readings(yesterday - 48, 96), morningMs)
  await first.close()
  const second = openLmdbStore(directory, bridgeTables)
  const two = bench(root, second, 'any')
  assert.equal(two.cache.lookup(eui, channel, yesterday, 1, morningMs).known.get(yesterday)?.wh, value(yesterday).wh)
  assert.is(knownCount(two, morningMs, yesterday - 48, 96), 96)
  await two.cache.empty(eui)
  assert.is(entries(second).length, 2)
  await two.cache.sweep(morningMs + 25 * hourMs)
  assert.is(entries(second).length, 0)
  await second.close()
})

test.run()

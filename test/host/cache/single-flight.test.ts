import * as assert from 'uvu/assert'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import type { CachePolicy } from '../../../host/cache/policy.ts'
import { createReadThrough } from '../../../host/cache/single-flight.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import type { Reading } from '../../../host/wan/reading.ts'
import { halfHourMs, halfHourOf } from '../../../protocol/half-hour.ts'
import {
  bench,
  cacheSuite,
  channel,
  entries,
  eui,
  hourMs,
  morningMs,
  otherEui,
  readings,
  value,
  yesterday,
} from '../../support/bench/cache-bench.ts'

const test = cacheSuite('reading through')

type Ask = { first: number; count: number; answer(list?: Reading[]): void; fail(error: Error): void }

function through(root: string, policy?: CachePolicy) {
  const one = bench(root, createMemoryStore(bridgeTables), policy)
  const clock = { nowMs: morningMs }
  const asks: Ask[] = []
  const lines: string[] = []
  const readThrough = createReadThrough(
    one.cache,
    () => clock.nowMs,
    (line) => lines.push(line),
  )
  const fetch = (first: number, count: number) =>
    new Promise<Reading[]>((resolve, reject) =>
      asks.push({ first, count, answer: (list = readings(first, count)) => resolve(list), fail: reject }),
    )
  const read = (first: number, count: number, who = eui) => readThrough(who, channel, first, count, fetch)
  const asked = () => asks.map(({ first, count }) => [first - yesterday, count])
  return { ...one, clock, asks, asked, read, lines }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const origins = (list: { from: string }[]) => [...new Set(list.map(({ from }) => from))].join(' ')
const messageOf = (error: Error) => error.message

test('the first read goes to the meter, the next ones to the cache, with their age', async ({ root }) => {
  const { read, asks, clock } = through(root)
  const first = read(yesterday, 48)
  asks[0]!.answer()
  const fresh = await first
  assert.equal(fresh[5], { ...value(yesterday + 5), from: 'meter', ageMs: 0 })
  clock.nowMs += 3 * hourMs
  const cached = await read(yesterday, 48)
  assert.equal(cached[5], { ...value(yesterday + 5), from: 'cache', ageMs: 3 * hourMs })
  assert.is(asks.length, 1)
})

test('many at once are one read of the meter', async ({ root }) => {
  const { read, asks } = through(root)
  const all = Array.from({ length: 100 }, () => read(yesterday, 48))
  await turn()
  assert.is(asks.length, 1)
  asks[0]!.answer()
  const results = await Promise.all(all)
  assert.is(asks.length, 1)
  assert.is(origins(results[0]!), 'meter')
  for (const result of results.slice(1)) assert.is(origins(result), 'shared')
  for (const result of results)
    assert.equal(
      result.map(({ wh }) => wh),
      readings(yesterday, 48).map(({ wh }) => wh),
    )
})

test('identical reads of what is too old to keep share the read under way, and only that', async ({ root }) => {
  const { read, asks } = through(root)
  const old = yesterday - 100 * 48
  const both = [read(old, 48), read(old, 48)]
  asks[0]!.answer()
  await Promise.all(both)
  assert.is(asks.length, 1)
  const later = read(old, 48)
  await turn()
  assert.is(asks.length, 2)
  asks[1]!.answer()
  assert.is(origins(await later), 'meter')
})

test('only what is missing is read', async ({ root }) => {
  const { read, asks, asked, cache } = through(root)
  await cache.keep(eui, channel, readings(yesterday + 10, 5), morningMs)
  await cache.keep(eui, channel, readings(yesterday + 30, 10), morningMs)
  const whole = read(yesterday - 48, 96)
  for (let index = 0; index < 3; index++) {
    await turn()
    asks[index]!.answer()
  }
  const result = await whole
  assert.equal(asked(), [
    [-48, 58],
    [15, 15],
    [40, 8],
  ])
  assert.is(result.filter(({ from }) => from === 'cache').length, 15)
  assert.equal(
    result.map(({ halfHour }) => halfHour - yesterday),
    Array.from({ length: 96 }, (_, index) => index - 48),
  )
})

test('a waiting read fetches only what earlier reads did not', async ({ root }) => {
  const { read, asks, asked } = through(root)
  const one = read(yesterday, 20)
  const two = read(yesterday + 10, 20)
  const three = read(yesterday + 5, 10)
  const four = read(yesterday + 25, 10)
  await turn()
  asks[0]!.answer()
  assert.is((await one).length, 20)
  assert.is(origins(await three), 'shared', 'it does not wait for the second read')
  assert.is(asks.length, 2)
  asks[1]!.answer()
  assert.equal(
    (await two).map(({ from }) => from),
    [...Array(10).fill('shared'), ...Array(10).fill('meter')],
  )
  await turn()
  asks[2]!.answer()
  await four
  assert.equal(asked(), [
    [0, 20],
    [20, 10],
    [30, 5],
  ])
})

test('a half-hour that ended during a read is read again for later requests', async ({ root }) => {
  const { read, asks, asked, clock } = through(root)
  const now = halfHourOf(morningMs)
  const early = read(now - 2, 3)
  const same = read(now - 2, 3)
  clock.nowMs = morningMs + halfHourMs
  const late = read(now - 2, 3)
  await turn()
  asks[0]!.answer([value(now - 2), value(now - 1), { halfHour: now, wh: undefined, marked: false }])
  assert.is((await early)[2]!.wh, undefined)
  assert.is(origins(await same), 'shared')
  await turn()
  asks[1]!.answer()
  assert.is((await late)[2]!.wh, value(now).wh)
  assert.equal(asked(), [
    [now - 2 - yesterday, 3],
    [now - yesterday, 1],
  ])
})

test('a read that would fail again fails all that waited for it, caches nothing, and the next one reads', async ({
  root,
}) => {
  const { read, asks, store } = through(root)
  const all = [read(yesterday, 48), read(yesterday, 48), read(yesterday + 40, 20)].map((one) => one.catch(messageOf))
  const apart = read(yesterday + 48, 2)
  await turn()
  asks[0]!.fail(new ReadError('refused', 'refused'))
  assert.equal(await Promise.all(all), ['refused', 'refused', 'refused'])
  await turn()
  asks[1]!.answer()
  assert.is(origins(await apart), 'meter', 'who waited for other half-hours is not harmed')
  assert.is(entries(store).length, 1)
  const again = read(yesterday, 48)
  await turn()
  asks[2]!.answer()
  assert.is((await again).length, 48)
})

for (const fault of ['too late', 'no awake', 'no answer'] as const)
  test(`a read that fails with "${fault}" fails its request alone: the next one reads for itself`, async ({ root }) => {
    const { read, asks, asked } = through(root)
    const hurried = read(yesterday, 48).catch(messageOf)
    const patient = read(yesterday, 48)
    const after = read(yesterday + 40, 20)
    await turn()
    asks[0]!.fail(new ReadError(fault, 'it failed'))
    assert.is(await hurried, 'it failed')
    await turn()
    asks[1]!.answer()
    assert.is(origins(await patient), 'meter')
    await turn()
    asks[2]!.answer()
    assert.is(origins((await after).slice(0, 8)), 'shared')
    assert.equal(asked(), [
      [0, 48],
      [0, 48],
      [48, 12],
    ])
  })

test('an answer that does not match the request fails, and is not cached', async ({ root }) => {
  const { read, asks, store } = through(root)
  const wrong = [
    readings(yesterday, 47),
    readings(yesterday + 1, 48),
    [...readings(yesterday, 47), value(yesterday)],
    [],
  ]
  for (const [index, list] of wrong.entries()) {
    const failed = read(yesterday, 48).then(origins, messageOf)
    await turn()
    asks[index]!.answer(list)
    assert.match(await failed, 'a fetch of 48 half-hours')
  }
  assert.is(entries(store).length, 0)
})

test('devices do not wait for each other', async ({ root }) => {
  const { read, asks } = through(root)
  const one = read(yesterday, 48)
  const two = read(yesterday, 48, otherEui)
  await turn()
  assert.is(asks.length, 2)
  asks[1]!.answer()
  await two
  asks[0]!.answer()
  await one
})

test('gaps are answered from the cache, half-hours that are not over are not', async ({ root }) => {
  const { read, asks, asked } = through(root)
  const now = halfHourOf(morningMs)
  const first = read(now - 4, 5)
  asks[0]!.answer(
    [now - 4, now - 3, now - 2, now - 1, now].map((halfHour) => ({ halfHour, wh: undefined, marked: false })),
  )
  await first
  const again = read(now - 4, 5)
  await turn()
  asks[1]!.answer()
  assert.equal(
    (await again).map(({ from }) => from),
    ['cache', 'cache', 'cache', 'meter', 'meter'],
  )
  assert.equal(asked()[1], [now - 1 - yesterday, 2])
})

test('what ended while its reader waited is read from the meter', async ({ root }) => {
  const { read, asks, asked, cache, clock } = through(root)
  await cache.keep(eui, channel, readings(yesterday, 24), morningMs - 24 * hourMs + 5 * hourMs)
  clock.nowMs = morningMs + 6 * hourMs - 1
  const one = read(yesterday + 24, 24)
  const two = read(yesterday, 48)
  await turn()
  clock.nowMs += 1
  asks[0]!.answer()
  await one
  await turn()
  asks[1]!.answer()
  assert.is((await two).length, 48)
  assert.equal(asked(), [
    [24, 24],
    [0, 24],
  ])
})

test('what is read while its device is emptied is answered and not cached', async ({ root }) => {
  const { read, asks, cache, store } = through(root)
  const one = read(yesterday, 48)
  await cache.empty(eui)
  asks[0]!.answer()
  assert.is((await one).length, 48)
  assert.is(entries(store).length, 0)
})

test('a store that fails costs the cache, not the answer', async ({ root }) => {
  const { read, asks, store, lines } = through(root)
  store.put = async () => {
    throw new Error('disk full')
  }
  const one = read(yesterday, 48)
  asks[0]!.answer()
  assert.is((await one).length, 48)
  assert.match(lines[0]!, `half-hours of ${eui} were read and cannot be cached: disk full`)
})

test('a range that cannot be is refused without blocking others', async ({ root }) => {
  const { read, asks } = through(root)
  assert.match(await read(yesterday, 20_000).then(origins, messageOf), 'no half-hours')
  const one = read(yesterday, 1)
  await turn()
  asks[0]!.answer()
  await one
  assert.equal(await read(yesterday, 0), [])
})

test.run()

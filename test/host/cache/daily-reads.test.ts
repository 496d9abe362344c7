// 4.6.1 through the cache: the last midnight's entry, one read for everybody who waits, nothing older than 25 hours.

import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createDailyReadThrough } from '../../../host/cache/daily-reads.ts'
import type { CachePolicy } from '../../../host/cache/policy.ts'
import { ReadError } from '../../../host/wan/read-error.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { encodeSnapshot, type RegisterSnapshot } from '../../../protocol/register-snapshot.ts'
import { bench, cacheSuite, entries, eui, hourMs, morningMs, otherEui } from '../../support/bench/cache-bench.ts'

const test = cacheSuite('daily reads through the cache')
const today = Math.floor(morningMs / dayMs)

function snapshot(day: number, late = false): RegisterSnapshot {
  const matrix = Array.from({ length: 48 }, (_, i) => (i < 2 ? day + i : 0))
  const registers = [2 * day + 1, 7, 8, 9]
  return { cause: 1, late, number: day, atSeconds: (day * dayMs) / 1000, registers, matrix }
}

type Ask = { first: number; count: number; answer(list?: RegisterSnapshot[]): void; fail(error: Error): void }

function through(root: string, policy: CachePolicy = 'utc-day', store = bench(root).store) {
  const one = bench(root, store, policy)
  const clock = { nowMs: morningMs }
  const asks: Ask[] = []
  const lines: string[] = []
  const readThrough = createDailyReadThrough({
    store: one.store,
    keys: one.keys,
    randomBytes: createRandom(4).bytes,
    policy,
    nowMs: () => clock.nowMs,
    emptied: one.cache.emptied,
    report: (line) => lines.push(line),
  })
  const whole = (first: number, count: number) => Array.from({ length: count }, (_, i) => snapshot(first + i))
  const read = (first: number, count: number, who = eui) =>
    readThrough(
      who,
      first,
      count,
      (from, howMany) =>
        new Promise((resolve, reject) =>
          asks.push({
            first: from,
            count: howMany,
            answer: (list = whole(from, howMany)) => resolve(list),
            fail: reject,
          }),
        ),
    )
  return { ...one, clock, asks, lines, read, asked: () => asks.map(({ first, count }) => [first - today, count]) }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const froms = (list: { from: string }[]) => list.map(({ from }) => from).join(' ')

test('the midnights of the last day are read once; the next one who asks gets it from the cache, with its age', async ({
  root,
}) => {
  const { read, asks, asked, clock } = through(root)
  const first = read(today - 2, 3)
  asks[0]!.answer()
  assert.equal(
    (await first).map((one) => one.snapshot),
    [snapshot(today - 2), snapshot(today - 1), snapshot(today)],
  )
  clock.nowMs += 2 * hourMs
  const last = await read(today, 1)
  assert.equal(last, [{ snapshot: snapshot(today), from: 'cache', ageMs: 2 * hourMs }])
  // Both midnights of the last day are kept; older ones are read again.
  const more = read(today - 3, 4)
  asks[1]!.answer()
  assert.is(froms(await more), 'meter meter cache cache')
  assert.equal(asked(), [
    [-2, 3],
    [-3, 2],
  ])
})

test('simultaneous requests are one read; one for more waits and reads the rest', async ({ root }) => {
  const { read, asks, asked } = through(root)
  const same = [read(today - 3, 4), read(today - 1, 1), read(today - 3, 4)]
  const wider = read(today - 9, 10)
  await turn()
  asks[0]!.answer()
  assert.equal((await Promise.all(same)).map(froms), [
    'meter meter meter meter',
    'shared',
    'shared shared shared shared',
  ])
  await turn()
  asks[1]!.answer()
  assert.is((await wider).length, 10)
  assert.equal(asked(), [
    [-3, 4],
    [-9, 8],
  ])
})

test('a read that had too little time fails its request alone: the next one reads for itself', async ({ root }) => {
  const { read, asks } = through(root)
  const hurried = read(today, 1).catch((error: Error) => error.message)
  const patient = [read(today, 1), read(today, 1)]
  asks[0]!.fail(new ReadError('too late', 'it failed'))
  assert.is(await hurried, 'it failed')
  await turn()
  assert.is(asks.length, 2)
  asks[1]!.answer()
  assert.equal((await Promise.all(patient)).map(froms).sort(), ['meter', 'shared'])
})

test('a failed read fails those that shared it, and is not cached', async ({ root }) => {
  const { read, asks } = through(root)
  const both = [read(today, 1), read(today, 1)]
  asks[0]!.fail(new ReadError('refused', 'refused'))
  for (const one of both) {
    assert.is(
      await one.then(
        () => '',
        (error: Error) => error.message,
      ),
      'refused',
    )
  }
  const again = read(today, 1)
  asks[1]!.answer()
  assert.is(froms(await again), 'meter')
})

test('a midnight that the meter has not recorded is not remembered as missing', async ({ root }) => {
  const { read, asks } = through(root)
  const first = read(today, 1)
  asks[0]!.answer([])
  assert.equal(await first, [])
  const second = read(today, 1)
  asks[1]!.answer()
  assert.is((await second).length, 1)
})

test('it is kept 24 to 25 hours, over a restart, and only for its meter', async ({ root }) => {
  const one = through(root)
  const first = one.read(today, 1)
  one.asks[0]!.answer()
  await first
  const again = through(root, 'utc-day', one.store)
  assert.is(froms(await again.read(today, 1)), 'cache')
  const other = again.read(today, 1, otherEui)
  again.asks[0]!.answer()
  assert.is(froms(await other), 'meter')
  // At the next midnight another entry is the last one; the key of the first goes 25 hours after its hour began.
  again.clock.nowMs = (today + 1) * dayMs + 1
  const next = again.read(today + 1, 1)
  again.asks[1]!.answer()
  assert.is(froms(await next), 'meter')
  again.keys.observe(morningMs + 25 * hourMs)
  const old = entries(again.store).filter(({ key }) => key.endsWith(`${eui}/daily-reads/${today}`))
  assert.is(old.length, 1)
  assert.not.ok(again.keys.hours().some((hour) => old[0]!.key.startsWith(String(hour).padStart(7, '0'))))
  await again.cache.sweep(morningMs + 25 * hourMs)
  assert.not.ok(entries(again.store).some(({ key }) => key.endsWith(`/${today}`)))
})

test('emptied for a meter: gone at once, and reads already in progress are not cached', async ({ root }) => {
  const { read, asks, cache, store } = through(root)
  const first = read(today, 1)
  await cache.empty(eui)
  asks[0]!.answer()
  await first
  assert.equal(entries(store), [])
  const second = read(today, 1)
  asks[1]!.answer()
  await second
  assert.is(entries(store).length, 1)
  await cache.empty(eui)
  assert.equal(entries(store), [])
})

test('off keeps nothing; what is stored is sealed and does not open under another name', async ({ root }) => {
  const off = through(root, 'off')
  for (let i = 0; i < 2; i++) {
    const one = off.read(today, 1)
    off.asks[i]!.answer()
    assert.is(froms(await one), 'meter')
  }
  assert.equal(entries(off.store), [])
  const { read, asks, store } = through(root)
  const first = read(today, 1)
  asks[0]!.answer()
  await first
  const [kept] = entries(store)
  const plain = Buffer.from(encodeSnapshot(snapshot(today))!)
  assert.is(Buffer.from(kept!.value as Uint8Array).indexOf(plain.subarray(4, 16)), -1)
  await store.put('readings', kept!.key.replace(eui, otherEui), kept!.value)
  const moved = read(today, 1, otherEui)
  asks[1]!.answer()
  assert.is(froms(await moved), 'meter')
})

test('a store that is full: answered all the same, with a line', async ({ root }) => {
  const { read, asks, store, lines } = through(root)
  store.put = async () => {
    throw new Error('no room')
  }
  const one = read(today, 1)
  asks[0]!.answer()
  assert.is(froms(await one), 'meter')
  assert.match(lines[0]!, /no room/)
})

test.run()

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  counterPairs,
  createRequestCounters as createCounters,
  type LoweredCounter,
  orderLowering,
} from '../../../host/access/request-counters.ts'
import { type CounterMode, keptMax } from '../../../host/access/used-counters.ts'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'

const supplier = '90-B3-D5-1F-30-01-00-00'
const retriever = '90-B3-D5-1F-30-01-00-09'
const esme = '00-DB-12-34-56-78-90-A0'
const counterMax = 0xffff_ffff_ffff_ffffn

/** Counters whose verdict is told when it is on disk. */
function createRequestCounters(...of: Parameters<typeof createCounters>) {
  const counters = createCounters(...of)
  return {
    async accept(...request: Parameters<typeof counters.accept>) {
      const { verdict, stored } = counters.accept(...request)
      await stored
      return verdict
    },
  }
}

/** What the rule says, with nothing but a list. */
function createModel(mode: CounterMode) {
  const used = new Set<bigint>()
  return (counter: bigint) => {
    const kept = [...used].sort((a, b) => (a < b ? 1 : -1)).slice(0, keptMax)
    const highest = kept[0] ?? 0n
    if (counter === 0n) return 'zero'
    if (kept.includes(counter)) return 'repeated'
    if (counter <= highest && mode === 'strict') return 'not increasing'
    if (kept.length === keptMax && counter < kept[keptMax - 1]!) return 'too old'
    used.add(counter)
    return 'fresh'
  }
}

// Counters that cluster: most near each other, some far ahead, some at the ends.
const counters = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.bigInt(5000n, 5060n) },
    { weight: 3, arbitrary: fc.bigInt(3900n, 7200n) },
    { weight: 1, arbitrary: fc.bigInt(0n, counterMax) },
    { weight: 1, arbitrary: fc.constantFrom(0n, 1n, 2n, counterMax, counterMax - 1n) },
  ),
  { maxLength: 120 },
)

for (const mode of ['window', 'strict'] as const) {
  for (const before of [0, 1000, 1500]) {
    test(`${mode}, ${before} used before: agrees with a list, across restarts`, async () => {
      await fc.assert(
        fc.asyncProperty(counters, fc.integer({ min: 1, max: 40 }), async (list, restartEvery) => {
          const store = createMemoryStore(bridgeTables)
          const model = createModel(mode)
          let ours = createRequestCounters(store, { mode })
          for (let i = 1; i <= before; i++)
            assert.is(await ours.accept(supplier, esme, BigInt(i * 4)), model(BigInt(i * 4)))
          for (const [index, counter] of list.entries()) {
            if (index % restartEvery === 0) ours = createRequestCounters(store, { mode })
            assert.is(await ours.accept(supplier, esme, counter), model(counter), `${counter}`)
          }
        }),
        { numRuns: before === 0 ? 300 : 2, seed: 1 },
      )
    })
  }
}

test('counters from milliseconds may be reordered by hours', async () => {
  const ours = createRequestCounters(createMemoryStore(bridgeTables))
  const now = 1_796_000_000_000n
  const list = Array.from({ length: 1000 }, (_, i) => now + BigInt((i * 7919) % 1000) * 3_600_000n)
  const verdicts = await Promise.all(list.map((counter) => ours.accept(supplier, esme, counter)))
  assert.is(verdicts.filter((verdict) => verdict === 'fresh').length, 1000)
  assert.is(await ours.accept(supplier, esme, now), 'repeated')
  assert.is(await ours.accept(supplier, esme, 1n), 'fresh')
})

test('a counter of 2^64 - 1 shuts nobody out; 1,024 of a wrong clock do, until they are lowered', async () => {
  const store = createMemoryStore(bridgeTables)
  const lowered: LoweredCounter[] = []
  let ours = createRequestCounters(store, { lowered: (event) => lowered.push(event) })
  const now = 1_796_000_000_000n
  assert.is(await ours.accept(supplier, esme, counterMax), 'fresh')
  assert.is(await ours.accept(supplier, esme, now), 'fresh')
  // Nanoseconds instead of milliseconds.
  const wrong = Array.from({ length: keptMax }, (_, i) => now * 1_000_000n + BigInt(i))
  for (const counter of wrong) assert.is(await ours.accept(supplier, esme, counter), 'fresh')
  assert.is(await ours.accept(supplier, esme, now + 1n), 'too old')
  await orderLowering(store, { user: supplier, target: esme }, { mark: `${now}`, asked: '2026-11-30T00:00:00.000Z' })
  assert.is([...counterPairs(store)][0]!.order?.mark, `${now}`)
  assert.is(await ours.accept(retriever, esme, now + 1n), 'fresh')
  assert.is(lowered.length, 0)
  assert.is(await ours.accept(supplier, esme, now + 1n), 'fresh')
  const expected = { user: supplier, target: esme, from: `${counterMax}`, to: `${now}`, stillRefused: keptMax }
  assert.equal(lowered, [{ ...expected, asked: '2026-11-30T00:00:00.000Z', unknownTo: `${wrong[0]}` }])
  for (let round = 1; round <= 2; round++) {
    assert.is(await ours.accept(supplier, esme, now + 1n), 'repeated')
    assert.is(await ours.accept(supplier, esme, counterMax), 'repeated')
    for (const counter of wrong.slice(1)) assert.is(await ours.accept(supplier, esme, counter), 'repeated')
    assert.is(await ours.accept(supplier, esme, now), 'too old')
    assert.is(await ours.accept(supplier, esme, now + 1n + BigInt(round)), 'fresh')
    assert.is([...counterPairs(store)][0]!.order, undefined)
    ours = createRequestCounters(store)
  }
})

test('strict: lowered, and increasing from there', async () => {
  const store = createMemoryStore(bridgeTables)
  const ours = createRequestCounters(store, { mode: 'strict' })
  for (const counter of [5n, 9n, counterMax]) assert.is(await ours.accept(supplier, esme, counter), 'fresh')
  assert.is(await ours.accept(supplier, esme, 10n), 'not increasing')
  await orderLowering(store, { user: supplier, target: esme }, { mark: '9', asked: 'now' })
  assert.is(await ours.accept(supplier, esme, 10n), 'fresh')
  assert.is(await ours.accept(supplier, esme, 8n), 'not increasing')
  assert.is(await ours.accept(supplier, esme, counterMax), 'repeated')
})

test('lowering again and again is bounded', async () => {
  const store = createMemoryStore(bridgeTables)
  let lowered = 0
  const ours = createRequestCounters(store, { mode: 'strict', lowered: () => (lowered += 1) })
  let next = 1_000_000n
  for (let round = 0; round <= 16; round++) {
    for (let i = 0; i < keptMax; i++) await ours.accept(supplier, esme, next++)
    await orderLowering(store, { user: supplier, target: esme }, { mark: '5', asked: `${round}` })
    await ours.accept(supplier, esme, 6n)
  }
  assert.is(lowered, 16)
  assert.is(await ours.accept(supplier, esme, next - 1n), 'repeated')
})

test('of many equal requests at once one is fresh', async () => {
  const ours = createRequestCounters(createMemoryStore(bridgeTables))
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => ours.accept(supplier, esme, 7n)))
  assert.is(verdicts.filter((verdict) => verdict === 'fresh').length, 1)
  assert.is(verdicts.filter((verdict) => verdict === 'repeated').length, 99)
})

test('originators and targets count apart, whatever the case of their letters', async () => {
  const ours = createRequestCounters(createMemoryStore(bridgeTables))
  assert.is(await ours.accept(supplier, esme, 7n), 'fresh')
  assert.is(await ours.accept(retriever, esme, 7n), 'fresh')
  assert.is(await ours.accept(supplier, '00-DB-12-34-56-78-90-A1', 7n), 'fresh')
  assert.is(await ours.accept(supplier.toLowerCase(), esme.toLowerCase(), 7n), 'repeated')
})

/** A store whose writes end when told to, and which shows what is written only then. */
function createSlowStore() {
  const inner = createMemoryStore(bridgeTables)
  const pending: { end(): void; fail(): void }[] = []
  const store: Store<Tables> = {
    ...inner,
    put: (table, key, value) =>
      new Promise((resolve, reject) => {
        const now = structuredClone(value)
        pending.push({ end: () => resolve(inner.put(table, key, now)), fail: () => reject(new Error('disk full')) })
      }),
  }
  return { store, pending }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('is stored only when it is on disk; each write holds all that were accepted before it', async () => {
  const { store, pending } = createSlowStore()
  const ours = createRequestCounters(store)
  let done = 0
  for (let counter = 1n; counter <= 50n; counter++) ours.accept(supplier, esme, counter).then(() => (done += 1))
  await turn()
  assert.equal([done, pending.length], [0, 50])
  for (let write = 1; write <= 50; write++) {
    pending.shift()!.end()
    await turn()
    assert.is(done, write)
    const restarted = createRequestCounters({ ...store, put: async () => {} })
    assert.is(await restarted.accept(supplier, esme, BigInt(write)), 'repeated')
    assert.is(await restarted.accept(supplier, esme, BigInt(write) + 1n), 'fresh')
  }
})

test('what could not be stored is not accepted, and not accepted again; later ones are', async () => {
  const { store, pending } = createSlowStore()
  const ours = createRequestCounters(store)
  const failed = ours.accept(supplier, esme, 1n).then(
    () => 'accepted',
    (error: Error) => error.message,
  )
  const behind = ours.accept(supplier, esme, 2n)
  pending.shift()!.fail()
  assert.is(await failed, 'disk full')
  assert.is(await ours.accept(supplier, esme, 1n), 'repeated')
  await turn()
  pending.shift()!.end()
  assert.is(await behind, 'fresh')
})

test('few pairs in memory, all in the store; a pair being written stays in memory', async () => {
  const store = createMemoryStore(bridgeTables)
  const ours = createRequestCounters(store, { pairsMax: 3 })
  const targets = Array.from({ length: 20 }, (_, index) => `00-DB-12-34-56-78-90-${String(index).padStart(2, '0')}`)
  for (const target of targets) assert.is(await ours.accept(supplier, target, 5n), 'fresh')
  for (const target of targets) assert.is(await ours.accept(supplier, target, 5n), 'repeated')
  const slow = createSlowStore()
  const crowded = createRequestCounters(slow.store, { pairsMax: 3 })
  const first = targets.map((target) => crowded.accept(supplier, target, 5n))
  for (const target of targets) assert.is(await crowded.accept(supplier, target, 5n), 'repeated')
  for (const one of slow.pending) one.end()
  assert.equal(new Set(await Promise.all(first)), new Set(['fresh']))
})

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    (error: Error) => `${error.name}: ${error.message}`,
  )
}

test('on disk, across a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-counters-'))
  try {
    for (const expected of ['fresh', 'repeated']) {
      const store = openLmdbStore(directory, bridgeTables)
      const ours = createRequestCounters(store)
      const list = Array.from({ length: 60 }, (_, index) => counterMax - BigInt(index * 17))
      const verdicts = await Promise.all(list.map((counter) => ours.accept(supplier, esme, counter)))
      assert.equal(new Set(verdicts), new Set([expected]))
      await store.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('hostile values', async () => {
  const store = createMemoryStore(bridgeTables)
  const ours = createRequestCounters(store)
  for (const counter of [-1n, counterMax + 1n, 10n ** 40n]) {
    assert.match(await messageOf(ours.accept(supplier, esme, counter)), 'RangeError: no counter')
  }
  for (const text of ['', '../..', `${supplier}/x`, 'x'.repeat(100_000), supplier.replaceAll('-', '')]) {
    assert.match(await messageOf(ours.accept(text, esme, 1n)), 'RangeError: no EUI-64s')
    assert.match(await messageOf(ours.accept(supplier, text, 1n)), 'RangeError: no EUI-64s')
  }
  assert.equal([...store.range('counters', '', '~')], [])
  assert.is(await ours.accept(supplier, esme, counterMax), 'fresh')
  assert.is(await ours.accept(supplier, esme, 1n), 'fresh')
  assert.is(await ours.accept(supplier, esme, 0n), 'zero')
})

test('a damaged record refuses, and does not let used counters in again', async () => {
  const key = `request/${supplier}/${esme}`
  const used = new Uint8Array(keptMax / 8)
  const damaged: unknown[] = [null, 7, {}]
  damaged.push({ highest: 5, used }, { highest: '-5', used }, { highest: '5', used: used.slice(1) })
  const floor = '0'
  const unsorted = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1])
  damaged.push({ floor }, { kept: used.slice(1), floor }, { kept: unsorted, floor }, { kept: unsorted.slice(8) })
  damaged.push({ kept: unsorted.slice(8), floor, barred: unsorted }, { kept: new Uint8Array(8200), floor })
  for (const value of [...damaged, { highest: '99999999999999999999', used }]) {
    const store = createMemoryStore(bridgeTables)
    const untyped: Store<{ counters: unknown }> = store
    await untyped.put('counters', key, value)
    const message = await messageOf(createRequestCounters(store).accept(supplier, esme, 9n))
    assert.match(message, `${key} in "counters" is damaged`)
  }
})

test.run()

// A cache that is emptied while it is used: nothing read before reappears.

import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import {
  bench,
  cacheSuite,
  channel,
  entries,
  eui,
  hourMs,
  knownCount,
  morningMs,
  otherEui,
  readings,
  yesterday,
} from '../../support/bench/cache-bench.ts'

const test = cacheSuite('cache emptied')

test('what is looked up while a device is being forgotten is not remembered', async ({ root }) => {
  const store = openLmdbStore(join(root, 'store'), bridgeTables)
  try {
    const one = bench(root, store)
    await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
    await one.cache.keep(otherEui, channel, readings(yesterday, 48), morningMs)
    const emptied = one.cache.empty(eui)
    assert.is(knownCount(one, morningMs), 0, 'while it is being emptied')
    assert.is(one.cache.lookup(otherEui, channel, yesterday, 48, morningMs).known.size, 48)
    await emptied
    assert.is(knownCount(one, morningMs), 0, 'afterwards')
    assert.is(entries(store).length, 1)
  } finally {
    await store.close()
  }
})

test('what is on its way to the disk when a device is forgotten does not arrive there', async ({ root }) => {
  const store = openLmdbStore(join(root, 'store'), bridgeTables)
  try {
    const one = bench(root, store)
    const kept = one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
    await Promise.all([kept, one.cache.empty(eui)])
    assert.equal(entries(store), [])
    assert.is(knownCount(bench(root, store), morningMs), 0)
  } finally {
    await store.close()
  }
})

test('what is read from the meter afterwards is cached, without earlier entries', async ({ root }) => {
  const store = openLmdbStore(join(root, 'store'), bridgeTables)
  try {
    const one = bench(root, store)
    await one.cache.keep(eui, channel, readings(yesterday, 48), morningMs)
    const emptied = one.cache.empty(eui)
    await Promise.all([one.cache.keep(eui, channel, readings(yesterday, 2), morningMs + 1), emptied])
    assert.is(knownCount(one, morningMs + 1), 2)
    await one.cache.keep(eui, channel, readings(yesterday + 2, 2), morningMs + hourMs)
    assert.ok(knownCount(bench(root, store), morningMs + hourMs) <= 4)
  } finally {
    await store.close()
  }
})

test.run()

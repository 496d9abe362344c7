// What a request writes of its counter.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRequestCounters } from '../../../host/access/request-counters.ts'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'

const supplier = '90-B3-D5-1F-30-01-00-00'
const esme = '00-DB-12-34-56-78-90-A0'

test('a request of a pair with many counters writes its own counter, not the window', async () => {
  const store = createMemoryStore(bridgeTables)
  let bytes = 0
  const counted: Store<Tables> = {
    ...store,
    put(table, key, value) {
      bytes += key.length + (typeof value === 'object' && 'kept' in value ? value.kept.length : 0)
      return store.put(table, key, value)
    },
    write: (fill) =>
      store.write((batch) =>
        fill({
          put(table, key, value) {
            bytes += key.length + (typeof value === 'object' && 'kept' in value ? value.kept.length : 0)
            batch.put(table, key, value)
          },
          remove(table, key) {
            bytes += key.length
            batch.remove(table, key)
          },
        }),
      ),
  }
  const ours = createRequestCounters(counted)
  const accept = (counter: bigint) => ours.accept(supplier, esme, counter).stored
  for (let counter = 1n; counter <= 2000n; counter++) await accept(counter)
  const before = bytes
  for (let counter = 2001n; counter <= 3024n; counter++) await accept(counter)
  assert.ok((bytes - before) / 1024 < 250, `${(bytes - before) / 1024} bytes a request`)
  const again = createRequestCounters(store)
  for (const counter of [3024n, 3023n, 2001n]) assert.is(again.accept(supplier, esme, counter).verdict, 'repeated')
  assert.is(again.accept(supplier, esme, 2000n).verdict, 'too old')
  assert.ok(store.count('counters') <= 130)
})

test('a write that fails leaves the pair readable: after a restart requests are accepted, none of them twice', async () => {
  const store = createMemoryStore(bridgeTables)
  let failing = false
  const refuse = () => Promise.reject(new Error('the disk is full'))
  const faulty: Store<Tables> = {
    ...store,
    put: (...row) => (failing ? refuse() : store.put(...row)),
    write: (fill) => (failing ? refuse() : store.write(fill)),
  }
  const acknowledged: bigint[] = []
  // 16 counters in one row, then 128 of their own: the next one writes all in one row again.
  let next = 1n
  for (let start = 0; start < 4; start++) {
    const ours = createRequestCounters(faulty)
    for (const used of acknowledged) assert.is(ours.accept(supplier, esme, used).verdict, 'repeated', `${used}`)
    for (let i = 0; i < 300; i++, next++) {
      failing = i % 150 >= 140 && i % 150 < 148
      const { verdict, stored } = ours.accept(supplier, esme, next)
      assert.is(verdict, 'fresh')
      await stored.then(
        () => acknowledged.push(next),
        () => {},
      )
    }
    failing = true
    await ours.accept(supplier, esme, next++).stored.catch(() => {})
    failing = false
    if (acknowledged.length > 700) acknowledged.splice(0, acknowledged.length - 700)
  }
  assert.ok(store.count('counters') <= 130)
})

test('a failed write of the whole pair, at each number of counters: the next start reads the pair', async () => {
  for (let at = 1; at <= 300; at++) {
    const store = createMemoryStore(bridgeTables)
    let writes = 0
    const faulty: Store<Tables> = {
      ...store,
      write: (fill) => (++writes === 1 ? Promise.reject(new Error('the disk is full')) : store.write(fill)),
    }
    const ours = createRequestCounters(faulty)
    for (let counter = 1n; counter <= BigInt(at); counter++)
      await ours.accept(supplier, esme, counter).stored.catch(() => {})
    const again = createRequestCounters(store)
    for (const fresh of [1001n, 1002n]) {
      const { verdict, stored } = again.accept(supplier, esme, fresh)
      assert.is(verdict, 'fresh')
      await stored
    }
    const third = createRequestCounters(store)
    assert.is(third.accept(supplier, esme, 1001n).verdict, 'repeated')
  }
})

test.run()

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

test.run()

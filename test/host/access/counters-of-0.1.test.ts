// Counters as version 0.1 stored them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRequestCounters } from '../../../host/access/request-counters.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'

const supplier = '90-B3-D5-1F-30-01-00-00'
const esme = '00-DB-12-34-56-78-90-A0'

test('what version 0.1 stored is taken over', async () => {
  const key = `request/${supplier}/${esme}`
  for (const highest of [3n, 1024n, 10_000n]) {
    const store = createMemoryStore(bridgeTables)
    const used = new Uint8Array(128)
    const usedBefore = [2n, 900n, 8976n, 9999n].filter((one) => one < highest && highest - one <= 1024n)
    for (const one of usedBefore) used[Number(one % 1024n) >> 3]! |= 1 << Number(one % 8n)
    const untyped: Store<{ counters: unknown }> = store
    await untyped.put('counters', key, { highest: `${highest}`, used })
    const ours = createRequestCounters(store)
    for (const one of [...usedBefore, highest])
      assert.is(ours.accept(supplier, esme, one).verdict, 'repeated', `${one}`)
    if (highest > 1025n) assert.is(ours.accept(supplier, esme, highest - 1025n).verdict, 'too old')
    if (highest > 1025n) assert.is(ours.accept(supplier, esme, highest - 1023n).verdict, 'fresh')
    assert.is(ours.accept(supplier, esme, highest + 5000n).verdict, 'fresh')
    assert.is(createRequestCounters(store).accept(supplier, esme, highest).verdict, 'repeated')
  }
})

test.run()

// Both engines of the store: the same values, the same order, and no value that its table's reader does not accept.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bridgeTables, type Tables } from '../../../host/bridge/tables.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { listOf, oneOf, optional, readNumber, readText, record } from '../../../host/store/row-reader.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'

const outgoing: Tables['outbox'] = {
  user: 'a',
  url: 'http://127.0.0.1:1/',
  createdMs: Date.parse('2026-11-22T00:00Z'),
  ageMs: 5,
  bytes: 11,
  slot: 1,
  tries: 2,
  state: 'waiting',
  lastProblem: 'HTTP 500',
}

const schedule: Tables['schedules'] = {
  id: 7,
  owner: '90-B3-D5-1F-30-01-00-00',
  role: 'IS',
  schemaVersion: '5.1',
  details: {
    frequency: 'Daily',
    startDay: 20_000,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: '00-DB-12-34-56-78-90-A0',
    readName: 'DSPReadActiveImportProfileData',
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  },
  createdMs: 1,
  runs: [{ day: 20_000, dueMs: 5, counter: '12', tries: 0, nextTryMs: 5 }],
}

async function withEngines(act: (store: Store<Tables>) => Promise<void>): Promise<void> {
  await act(createMemoryStore(bridgeTables))
  const directory = mkdtempSync(join(tmpdir(), 'smets1-store-'))
  const store = openLmdbStore(directory, bridgeTables)
  try {
    await act(store)
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

test('a row round-trips, also one without its optional fields', () =>
  withEngines(async (store) => {
    await store.put('outbox', 'a:b:1', outgoing)
    await store.put('outbox', 'b', { ...outgoing, notBeforeMs: 7 })
    await store.put('schedules', '0000000000007', schedule)
    assert.equal(store.get('outbox', 'a:b:1'), outgoing)
    assert.equal(store.get('outbox', 'b')?.notBeforeMs, 7)
    assert.equal(store.get('outbox', 'c'), undefined)
    assert.equal(
      [...store.range('schedules', '', '\uffff')].map(({ value }) => value),
      [schedule],
    )
    assert.is(store.count('outbox'), 2)
  }))

test('a value that another version wrote is refused by the name of its record, in get and in range', () =>
  withEngines(async (store) => {
    const untyped: Store<{ [table: string]: unknown }> = store
    const wrong: [keyof Tables, unknown][] = [
      ...[
        null,
        'x',
        {},
        { ...outgoing, state: 'lost' },
        { ...outgoing, tries: '2' },
        { ...outgoing, notBeforeMs: 'x' },
      ].map((value): [keyof Tables, unknown] => ['outbox', value]),
      ['accepted', { body: 'text', receivedMs: 1 }],
      ['accepted', { body: new Uint8Array(1) }],
      ['schedules', { ...schedule, role: 'XX' }],
      ['schedules', { ...schedule, runs: [{}] }],
      ['schedules', { ...schedule, details: { ...schedule.details, period: { startDays: 0 } } }],
      ['alerts', ['a', 1]],
      ['performance', { answers: 1 }],
      ['counters', 7],
    ]
    for (const [table, value] of wrong) {
      await untyped.put(table, 'k', value)
      const problem = new RegExp(`record k in "${table}" is damaged: restore the store, or remove that record`)
      assert.throws(() => store.get(table, 'k'), problem, JSON.stringify(value))
      assert.throws(() => [...store.range(table, '', '~')], problem)
    }
  }))

test('what a reader of records accepts, it returns unchanged; fields of a later version are left out', () => {
  type Row = { name: string; count?: number; kinds: ('a' | 'b')[] }
  const read = record<Row>({ name: readText, count: optional(readNumber), kinds: listOf(oneOf(['a', 'b'])) })
  const rows = fc.record(
    {
      name: fc.string(),
      count: fc.double({ noNaN: true, noDefaultInfinity: true }),
      kinds: fc.array(fc.constantFrom('a', 'b')),
    },
    { requiredKeys: ['name', 'kinds'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(rows, (row) => {
      assert.equal(read(row), row)
      assert.equal(read({ ...row, later: 1 }), row)
    }),
  )
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const row = read(value)
      assert.ok(row === undefined || (typeof row.name === 'string' && Array.isArray(row.kinds)))
    }),
  )
})

test('an environment opened for one table leaves the others as they are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-store-'))
  const whole = openLmdbStore(directory, bridgeTables)
  await whole.put('outbox', 'a', outgoing)
  await whole.put('alerts', 'm', ['1/2/3/4'])
  const part = openLmdbStore(directory, { alerts: bridgeTables.alerts })
  assert.equal(part.get('alerts', 'm'), ['1/2/3/4'])
  await part.put('alerts', 'm', [])
  await part.close()
  assert.equal(whole.get('outbox', 'a'), outgoing)
  assert.equal(whole.get('alerts', 'm'), [])
  await whole.close()
  rmSync(directory, { recursive: true, force: true })
})

test('a write that fails rejects, and the store says so', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-store-'))
  const store = openLmdbStore(directory, bridgeTables)
  await store.put('outbox', 'a', outgoing)
  assert.is(store.trouble(), undefined)
  // A key that LMDB does not take makes a write fail as well.
  const failed = await store.put('outbox', 'b'.repeat(5000), outgoing).then(
    () => false,
    () => true,
  )
  assert.ok(failed)
  assert.match(store.trouble() ?? '', /^the store in .* cannot be written: /)
  await store.put('outbox', 'c', outgoing)
  assert.ok(store.trouble(), 'little writes may still find room')
  await store.probe()
  assert.is(store.trouble(), undefined)
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

test.run()

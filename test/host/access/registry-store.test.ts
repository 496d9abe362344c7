// Devices and registrations in the store: after any changes it answers what a registry in memory answers.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { mpanOf } from '../../../host/access/mpan.ts'
import type { Registry } from '../../../host/access/parties.ts'
import { fileChange, lastRows } from '../../../host/access/registry-file-change.ts'
import { addRegistration, noChange, type Places, planChange } from '../../../host/access/registry-plan.ts'
import { createRegistry } from '../../../host/access/registry-rows.ts'
import {
  changesAfter,
  headOf,
  type RegistryStore,
  registryTables,
  storedRows,
  unfinishedChange,
  writePlan,
} from '../../../host/access/registry-store.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { createMemoryStore } from '../../../host/store/store.ts'

const day = '2026-11-30'
const directory = mkdtempSync(join(tmpdir(), 'smets1-registry-'))
test.after(() => rmSync(directory, { recursive: true }))

const euiOf = (n: number) => `00-DB-12-34-56-78-90-0${n}`
const mpan = (n: number) => mpanOf(`12345678901${n}`)

type Data = { users: object[]; devices: { [name: string]: string }[]; registrations: { [name: string]: string }[] }

const anyRegistry: fc.Arbitrary<Data> = fc
  .uniqueArray(
    fc.record({
      number: fc.nat(5),
      mpan: fc.nat(9),
      status: fc.constantFrom('Commissioned', 'Decommissioned'),
      uprn: fc.constantFrom('1', '2', undefined),
      rows: fc.uniqueArray(
        fc.record({
          role: fc.constantFrom('IS', 'MDR'),
          mpid: fc.constantFrom('SUPA', 'SUPB'),
          from: fc.constantFrom('2026-01-01', '2026-11-30', '2026-12-24'),
        }),
        { selector: ({ role, from }) => role + from, maxLength: 4 },
      ),
    }),
    { selector: ({ number }) => number },
  )
  .map((list) => {
    const mpans = new Set<number>()
    const devices: Data['devices'] = []
    const registrations: Data['registrations'] = []
    for (const one of list) {
      const device = { eui: euiOf(one.number), status: one.status, line: 'default' }
      const isFree = !mpans.has(one.mpan)
      mpans.add(one.mpan)
      devices.push({ ...device, ...(one.uprn && { uprn: one.uprn }), ...(isFree && { importMpan: mpan(one.mpan) }) })
      if (isFree) for (const row of one.rows) registrations.push({ mpan: mpan(one.mpan), ...row })
    }
    return { users: [], devices, registrations }
  })

/** Everything that a registry can be asked. */
function answers(registry: Registry) {
  const mpans = Array.from({ length: 10 }, (_, n) => mpan(n))
  const byEui = (a: { eui: string }, b: { eui: string }) => (a.eui < b.eui ? -1 : 1)
  return {
    devices: [...registry.devices].sort(byEui),
    count: registry.deviceCount(),
    found: Array.from({ length: 6 }, (_, n) => registry.device(euiOf(n))),
    byMpan: mpans.map((one) => registry.deviceByMpan(one)),
    premises: ['1', '2'].map((uprn) => registry.devicesAt({ uprn }).sort(byEui)),
    records: mpans.flatMap((one) => (['IS', 'MDR'] as const).map((role) => registry.registrations(one, role))),
    supply: ['2026-01-01', '2026-11-30', '2026-12-24'].map((one) => [...registry.supplyChanges(one)].sort()),
  }
}

async function takeFile(store: RegistryStore, data: unknown) {
  const checked = fileChange(data, storedRows(store), lastRows(store))
  if (!checked.ok) throw new Error(checked.problems.join('\n'))
  const before = answers(checked.change.registry)
  const { plan, note: last } = checked.change
  const change = await writePlan(store, plan, { from: 'registry.json', day, last })
  return { change, before }
}

const ofStore = (store: RegistryStore) => createRegistry([], storedRows(store))

function inMemory(data: unknown): Registry {
  const checked = checkRegistry(data)
  assert.ok(checked.ok)
  if (!checked.ok) throw new Error('wrong')
  return checked.registry
}

test('after each change of the file the store answers as a registry in memory', () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyRegistry, { maxLength: 6 }), async (registries) => {
      const store = createMemoryStore(registryTables)
      for (const data of registries) {
        const { before } = await takeFile(store, data)
        const { supply: _, ...expected } = answers(inMemory(data))
        const { supply: __, ...promised } = before
        assert.equal(answers(ofStore(store)), answers(inMemory(data)))
        assert.equal(promised, expected)
      }
    }),
    { numRuns: 200 },
  ))

const places: Places = { device: () => 'row', registration: () => 'row', user: () => undefined }

const small: Data = {
  users: [],
  devices: [{ eui: euiOf(1), status: 'Commissioned', line: 'default', importMpan: mpan(1) }],
  registrations: [{ mpan: mpan(1), role: 'IS', mpid: 'SUPA', from: '2026-01-01' }],
}

/** A row that comes in another way than by the file. */
async function addDirectly(store: RegistryStore, mpid: string, from: string) {
  const change = noChange()
  addRegistration(change, { mpan: mpan(1), role: 'IS', mpid, from })
  const plan = planChange(storedRows(store), change, places, (place, problem) => assert.unreachable(place + problem))
  return writePlan(store, plan, { from: 'feed', day })
}

test('what the file does not name stays; what it named and names no more goes', async () => {
  const store = openLmdbStore(directory, registryTables)
  try {
    await takeFile(store, small)
    await addDirectly(store, 'SUPB', '2026-12-01')
    const holders = () =>
      ofStore(store)
        .registrations(mpan(1), 'IS')
        .map(({ mpid, until }) => [mpid, until])
    await takeFile(store, { ...small, devices: [{ ...small.devices[0], cohort: 'north' }] })
    assert.equal(holders(), [
      ['SUPA', '2026-11-30'],
      ['SUPB', undefined],
    ])
    assert.is(ofStore(store).device(euiOf(1))?.cohort, 'north')
    await takeFile(store, { ...small, registrations: [] })
    assert.equal(holders(), [['SUPB', undefined]])
  } finally {
    await store.close()
  }
})

test('a change names the devices that it touches, and those whose supplier is another today', async () => {
  const store = createMemoryStore(registryTables)
  const first = await takeFile(store, small)
  assert.equal([first.change.added, first.change.devices, first.change.lost], [1, [], []])
  const later = await addDirectly(store, 'SUPB', '2026-12-01')
  assert.equal([later.devices, later.lost], [[euiOf(1)], []])
  const now = await addDirectly(store, 'SUPC', '2026-11-30')
  assert.equal(now.lost, [{ eui: euiOf(1), why: 'its supplier has changed' }])
  const gone = await takeFile(store, { users: [], devices: [], registrations: [] })
  assert.equal(gone.change.lost, [{ eui: euiOf(1), why: 'it is no longer in the registry' }])
  assert.is(headOf(store), 4)
  assert.equal(
    [...changesAfter(store, 1)].map(({ number, change }) => [number, change.from, change.mpans]),
    [
      [2, 'feed', 1],
      [3, 'feed', 1],
      [4, 'registry.json', 1],
    ],
  )
})

test('a file that contradicts what the store has is refused, and nothing is written', async () => {
  const store = createMemoryStore(registryTables)
  await takeFile(store, small)
  await addDirectly(store, 'SUPB', '2026-12-01')
  const wrong = {
    ...small,
    registrations: [{ mpan: mpan(1), role: 'IS', mpid: 'SUPA', from: '2026-01-01', to: '2027-01-01' }],
  }
  const checked = fileChange(wrong, storedRows(store), lastRows(store))
  assert.equal(checked.ok ? [] : checked.problems, [
    `registrations[0].to: overlaps the registry's row ${mpan(1)} IS 2026-12-01 for ${mpan(1)} IS; end it on 2026-11-30 or before`,
  ])
})

test('a plan of thousands of rows is written in parts, and its progress is told', async () => {
  const path = join(directory, 'large')
  const devices = Array.from({ length: 3_000 }, (_, n) => ({
    eui: `00-DB-12-34-56-${pair(n >> 16)}-${pair((n >> 8) & 255)}-${pair(n & 255)}`,
    status: 'Commissioned',
    line: 'default',
    importMpan: mpanOf(`10${String(n).padStart(10, '0')}`),
  }))
  const registrations = devices.map(({ importMpan }) => ({ mpan: importMpan, role: 'IS', mpid: 'SUPA', from: day }))
  const data = { users: [], devices, registrations }
  const store = openLmdbStore(path, registryTables)
  try {
    const checked = fileChange(data, storedRows(store), lastRows(store))
    assert.ok(checked.ok)
    if (!checked.ok) return
    const told: number[] = []
    const { plan } = checked.change
    const progress = (done: number, of: number) => {
      told.push(done / of)
      assert.is(unfinishedChange(store), done < of ? 'import' : undefined, 'it is known when it was cut off')
    }
    await writePlan(store, plan, { from: 'import', day, progress })
    assert.equal([told.length, told.at(-1)], [3, 1])
    assert.is(store.count('devices'), 3_000)
    assert.is([...ofStore(store).supplyChanges(day)].length, 3_000)
  } finally {
    await store.close()
  }
})

function pair(value: number): string {
  return value.toString(16).padStart(2, '0').toUpperCase()
}

test.run()

// smets1 import into the store, beside a bridge or before one: all or nothing, and seen by who follows the registry.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mpan, testParties } from '../../../emulation/bench-parties.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { readCsv, readTextFile } from '../../../hardware/cli/text-file.ts'
import { mpanOf } from '../../../host/access/mpan.ts'
import type { PartiesChange } from '../../../host/access/registry-changes.ts'
import { registryTables } from '../../../host/access/registry-store.ts'
import type { Io, Options } from '../../../host/cli/command.ts'
import { importCommand as importCommandOf } from '../../../host/cli/import.ts'
import { createTestPki } from '../../../host/pki/test-pki.ts'
import { openParties } from '../../../host/runtime/known-parties.ts'
import { loadRegistry } from '../../../host/runtime/state-registry.ts'
import { type StatePaths, statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { freshPath } from '../../support/bench/cli.ts'
import { until } from '../../support/until.ts'

const importCommand = importCommandOf({ readCsv, readTextFile })

function state(): StatePaths {
  const paths = statePaths(freshPath())
  mkdirSync(paths.vault, { recursive: true })
  createTestPki(paths.pki, { nowMs: Date.UTC(2026, 0, 1) })
  writeFileWhole(paths.registry, JSON.stringify(testParties()))
  writeFileWhole(paths.version, '{"version":1}')
  return paths
}

async function run(paths: StatePaths, files: { [name: string]: string }, options: Options = {}) {
  let out = ''
  const io: Io = { stdout: (text) => (out += text), stderr: () => {}, isTerminal: false, env: {} }
  const argument = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(paths.root, name), text)
    return join(paths.root, name)
  })
  const code = await importCommand.run({ state: paths.root, argument, ...options }, io)
  return { code, out }
}

/** The parties of a bridge on this state, and what it was told of changes. */
async function follow(paths: StatePaths) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 30, 12))
  const store = openLmdbStore(paths.store, registryTables)
  const told: PartiesChange[] = []
  const log: { event: string; [name: string]: unknown }[] = []
  const parties = await openParties(paths, undefined, {
    timing: clock,
    store,
    audit: { record() {}, committed: async () => {} },
    log: (event, fields) => void log.push({ event, ...fields }),
  })
  parties.onChange?.((change) => void told.push(change))
  return {
    parties,
    told,
    log,
    pass: () => clock.pass(1000),
    stop() {
      parties.stop()
      return store.close()
    },
  }
}

const holders = (paths: StatePaths, role: 'IS' | 'MDR' = 'MDR') =>
  loadRegistry(paths)
    .registrations(mpan, role)
    .map(({ mpid, from }) => `${mpid} ${from}`)

const header = 'mpan,role,mpid,efd,etd\n'

test('beside a bridge: an import, and an edit by hand, are followed within a second, each with what it changes', async () => {
  const paths = state()
  const bridge = await follow(paths)
  const { told, log, pass, parties } = bridge
  told.length = 0
  const today = '2026-11-30'
  const done = await run(paths, { 'r.csv': `${header}${mpan},IS,SUPB,${today},\n` }, { merge: true })
  assert.is(done.code, 0, done.out)
  await pass()
  const eui = parties.registry().deviceByMpan(mpan)?.eui
  assert.ok(told.some(({ devices, lost }) => devices?.[0] === eui && lost[0]?.why === 'its supplier has changed'))
  assert.equal(log.filter(({ event }) => event === 'registry changed').at(-1), {
    event: 'registry changed',
    from: 'import',
    added: 0,
    altered: 0,
    removed: 0,
    mpans: 1,
  })
  await until(() => log.filter(({ event }) => event === 'registry').length === 2, 'registry read again')
  const file = JSON.parse(readFileSync(paths.registry, 'utf8'))
  assert.ok(
    file.registrations.some((row: { mpid: string }) => row.mpid === 'SUPB'),
    'a small registry is in the file',
  )
  told.length = 0
  Object.assign(file.devices[0], { cohort: 'north' })
  writeFileWhole(paths.registry, JSON.stringify(file))
  await pass()
  await until(() => parties.registry().device(String(eui))?.cohort === 'north', 'edit by hand')
  await pass()
  await until(
    () =>
      log.some(({ event, from, altered }) => event === 'registry changed' && from === 'registry.json' && altered === 1),
    'change told',
  )
  await bridge.stop()
})

test('replacing registrations drops those that came before, also by the store alone; a wrong row drops nothing', async () => {
  const paths = state()
  await (await follow(paths)).stop()
  const first = await run(paths, { 'a.csv': `${header}${mpan},MDR,MDRB,2027-01-01,\n` }, { merge: true })
  assert.is(first.code, 0, first.out)
  assert.equal(holders(paths), ['MDRA 2020-01-01', 'MDRB 2027-01-01'])
  const rows = `${mpan},IS,SUPA,2020-01-01,\n${mpan},MDR,MDRC,2020-01-01,\n`
  const wrong = await run(paths, { 'b.csv': `${header}${rows}1012345678903,MDR,MDRC,2020-01-01,\n` })
  assert.is(wrong.code, 2)
  assert.match(wrong.out, /b\.csv:4 mpan: no device has MPAN 1012345678903; add it or drop the row/)
  const doubled = await run(paths, { 'b.csv': `${header}${rows}${mpan},MDR,MDRD,2020-01-01,\n` })
  assert.match(doubled.out, /b\.csv:4 from: .*b\.csv:3 begins for 1234567890126 MDR on that day too; keep one/)
  assert.equal(holders(paths), ['MDRA 2020-01-01', 'MDRB 2027-01-01'])
  const dry = await run(paths, { 'b.csv': header + rows }, { dryRun: true })
  assert.match(dry.out, 'would import 2 registrations; registry: 4 users, 1 devices, 2 registrations')
  assert.equal(holders(paths), ['MDRA 2020-01-01', 'MDRB 2027-01-01'])
  const good = await run(paths, { 'b.csv': header + rows })
  assert.is(good.code, 0, good.out)
  assert.equal(holders(paths), ['MDRC 2020-01-01'])
})

test('a large import leaves registry.json to the Users and to edits by hand, which go on top', async () => {
  const paths = state()
  const count = 40_000
  const mpanAt = (n: number) => mpanOf(`10${String(n).padStart(10, '0')}`)
  const euiAt = (n: number) => `00-DB-12-34-56-${pair(n >> 16)}-${pair((n >> 8) & 255)}-${pair(n & 255)}`
  const lines = Array.from({ length: count }, (_, n) => `${euiAt(n)},${mpanAt(n)}`)
  const rows = Array.from({ length: count }, (_, n) => `${mpanAt(n)},IS,SUPA,2020-01-01,`)
  const done = await run(paths, {
    'd.csv': `eui,importMpan\n${lines.join('\n')}\n`,
    'r.csv': `${header}${rows.join('\n')}\n`,
  })
  assert.is(done.code, 0, done.out.slice(0, 500))
  assert.match(done.out.slice(-300), `registry: 4 users, ${count} devices, ${count} registrations`)
  const file = JSON.parse(readFileSync(paths.registry, 'utf8'))
  assert.equal([file.users.length, file.devices.length, file.registrations.length], [4, 0, 0])
  file.devices.push({ eui: euiAt(7), importMpan: mpanAt(7), status: 'Suspended', line: 'default' })
  writeFileWhole(paths.registry, JSON.stringify(file))
  const before = loadRegistry(paths)
  assert.equal([before.deviceCount(), before.device(euiAt(7))?.status], [count, 'Suspended'])
  const bridge = await follow(paths)
  assert.is(bridge.parties.registry().device(euiAt(7))?.status, 'Suspended')
  assert.is(bridge.parties.registry().registrations(mpanAt(7), 'IS')[0]?.mpid, 'SUPA')
  assert.is(bridge.parties.registry().device(euiAt(count - 1))?.importMpan, mpanAt(count - 1))
  file.devices[0].importMpan = mpanAt(8)
  writeFileWhole(paths.registry, JSON.stringify(file))
  assert.throws(
    () => loadRegistry(paths),
    (error: Error) =>
      error.message.includes(`devices[0].importMpan: ${mpanAt(8)} is already that of device ${euiAt(8)}`),
  )
  await bridge.stop()
})

function pair(value: number): string {
  return value.toString(16).padStart(2, '0').toUpperCase()
}

test.run()

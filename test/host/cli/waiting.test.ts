// smets1 waiting, and what smets1 validate says of the settings of windows and of the cache.

import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { testParties } from '../../../emulation/bench-parties.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import type { Command, Io, Options } from '../../../host/cli/command.ts'
import { validateCommand } from '../../../host/cli/validate.ts'
import { waitingCommand } from '../../../host/cli/waiting.ts'
import { createTestPki } from '../../../host/pki/test-pki.ts'
import { defaultScheduleSettings } from '../../../host/schedule/settings.ts'
import { parseWindow } from '../../../host/schedule/windows.ts'
import { statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { freshPath } from '../../support/bench/cli.ts'

const hourMs = 3_600_000

function state() {
  const paths = statePaths(freshPath())
  mkdirSync(paths.vault, { recursive: true })
  createTestPki(paths.pki, { nowMs: Date.UTC(2026, 0, 1) })
  writeFileWhole(paths.registry, JSON.stringify(testParties()))
  writeFileWhole(paths.version, '{"version":1}')
  return paths
}

async function run(command: Command, root: string, options: Options = {}) {
  let out = ''
  const io: Io = { stdout: (text) => (out += text), stderr() {}, isTerminal: false, env: {} }
  const code = await command.run({ state: root, ...options }, io)
  return { code, out }
}

test('what waits for its execution time, for its window, and what waits for nothing', async () => {
  const paths = state()
  assert.is((await run(waitingCommand, paths.root)).out, 'nothing waits\n')
  const schedule = {
    ...defaultScheduleSettings,
    settlementWindow: 'all' as const,
    windows: { default: parseWindow('13h')!, MDR: parseWindow('13h')! },
  }
  const b = await createBench({ days: 2, config: { schedule } })
  await b.post(b.sign(b.request('supplier', { executionMs: midnight + 5 * hourMs })))
  await b.post(b.sign(b.request('mdr'), 'mdr'))
  const store = openLmdbStore(paths.store, bridgeTables)
  for (const { key, value } of b.store.range('accepted', '', '\uffff')) await store.put('accepted', key, value)
  writeFileSync(paths.requestKeys, b.requestKeys.read(0, b.requestKeys.bytes()))
  await store.put('accepted', 'under way', { body: new Uint8Array(0), receivedMs: 0 })
  await store.close()
  const rows: { what: string; srv: string; why: string; until: string; since: string }[] = JSON.parse(
    (await run(waitingCommand, paths.root, { json: true })).out,
  )
  assert.equal(
    rows.map(({ srv, why, what }) => [srv, why, what.slice(0, 23)]),
    [
      ['4.8.1', 'its execution time', '90-B3-D5-1F-30-01-00-00'],
      ['4.8.1', 'its window', '90-B3-D5-1F-30-01-00-09'],
    ],
  )
  assert.is(rows[0]!.until, '2026-11-22T05:00:00Z')
  assert.ok(rows[1]!.until >= '2026-11-22T07:00' && rows[1]!.until < '2026-11-22T20:00')
  assert.match((await run(waitingCommand, paths.root)).out, /its window: 4\.8\.1, since 2026-11-22T00:10:0/)
})

test('validate: a misspelt cohort, S1SP or CSP is refused; the cache is said in the words it comes from', async () => {
  const paths = state()
  const { code, out } = await run(validateCommand, paths.root)
  assert.is(code, 0, out)
  assert.match(out, /cachePolicy both-days: MP256 consultation/)
  assert.match(out, /cacheTopUp period: .*any missing data[\s\S]*cacheDeletion age: .*25 hours/)
  const wrong = [
    [
      { schedule: { windows: { 'cohort:Itorn': '6h' } } },
      /config\.json: schedule\.windows\["cohort:Itorn"\]: no device has the cohort "Itorn"/,
    ],
    [{ schedule: { retries: { 'MDR/MOC': [5] } } }, /no device has the S1SP "MOC"; there are smets1/],
    [{ schedule: { cohortRates: { Itorn: 5 } } }, /cohortRates\["Itorn"\]/],
    [{ cachePolicy: 'previous-day' }, /cachePolicy must be both-days, utc-day, settlement-day/],
    [{ readWindow: 'open' }, /readWindow must be closed or half-open/],
    [{ targetResponseTimes: { '8.2': { scheduled: 5 } } }, /targetResponseTimes: 8\.2: there is no "scheduled"/],
  ] as const
  for (const [config, pattern] of wrong) {
    writeFileWhole(paths.config, JSON.stringify(config))
    const found = await run(validateCommand, paths.root)
    assert.is(found.code, 2, JSON.stringify(config))
    assert.match(found.out, pattern)
  }
})

test.run()

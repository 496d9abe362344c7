// smets1 counters: what it lists, and how a pair that is shut out is let in again.

import { mkdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testParties } from '../../../emulation/bench-parties.ts'
import { createRequestCounters, type LoweredCounter } from '../../../host/access/request-counters.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import type { Io, Options } from '../../../host/cli/command.ts'
import { countersCommand } from '../../../host/cli/counters.ts'
import { CommandError } from '../../../host/state/errors.ts'
import { statePaths, writeFileWhole } from '../../../host/state/state-directory.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { freshPath } from '../../support/bench/cli.ts'

const mdr = '90-B3-D5-1F-30-01-00-09'
const supplier = '90-B3-D5-1F-30-01-00-00'
const esme = '00-DB-12-34-56-78-90-A0'

const paths = statePaths(freshPath())
for (const directory of [paths.vault, paths.pki]) mkdirSync(directory, { recursive: true })
writeFileWhole(paths.registry, JSON.stringify(testParties()))
writeFileWhole(paths.version, '{"version":1}')

async function run(options: Options) {
  let out = ''
  let err = ''
  const io: Io = { stdout: (text) => (out += text), stderr: (text) => (err += text), isTerminal: false, env: {} }
  const code = await countersCommand.run({ state: paths.root, ...options }, io)
  return { code, out, err }
}

/** Verdicts of a bridge that runs beside the command. */
async function accept(counters: readonly bigint[], lowered: LoweredCounter[] = [], user = mdr): Promise<string[]> {
  const store = openLmdbStore(paths.store, bridgeTables)
  const ours = createRequestCounters(store, { lowered: (event) => lowered.push(event) })
  const taken = counters.map((counter) => ours.accept(user, esme, counter))
  await Promise.all(taken.map(({ stored }) => stored))
  await store.close()
  return taken.map(({ verdict }) => verdict)
}

test('nothing yet; then pairs, picked by User and target', async () => {
  assert.is((await run({})).out, 'no counter is kept\n')
  await accept([1_796_000_000_000n, 7n])
  await accept([5n], [], supplier)
  const { out } = await run({ user: 'mdr' })
  assert.match(
    out,
    `${mdr} to ${esme}\n  highest 1796000000000 (as a time: 2026-11-30T00:53:20.000Z), 2 kept, lowest 7`,
  )
  assert.is(JSON.parse((await run({ json: true })).out).length, 2)
  assert.is(JSON.parse((await run({ json: true, user: supplier, device: esme })).out)[0].highest, '5')
  assert.equal(JSON.parse((await run({ json: true, device: mdr })).out), [])
})

test('a pair that 1,024 counters of another clock shut out is lowered, once', async () => {
  const wrong = Array.from({ length: 1024 }, (_, i) => 10n ** 18n + BigInt(i))
  await accept(wrong)
  assert.equal(await accept([1_796_000_000_001n]), ['too old'])
  const { code, err } = await run({ user: 'mdr', device: esme, lower: '1796000000000' })
  assert.is(code, 0)
  assert.match(err, '1024 RequestIDs above 1796000000000 stay refused')
  assert.match((await run({ user: 'mdr' })).out, 'to be lowered to 1796000000000')
  const lowered: LoweredCounter[] = []
  const verdicts = await accept([1_796_000_000_001n, wrong[9]!, 1_796_000_000_000n, 1_796_000_000_002n], lowered)
  assert.equal(verdicts, ['fresh', 'repeated', 'too old', 'fresh'])
  assert.is(lowered.length, 1)
  assert.match((await run({ user: 'mdr' })).out, '1024 RequestIDs above a lowered mark stay refused')
  const again = await run({ user: 'mdr', device: esme, lower: '1796000000009' }).catch((thrown: unknown) => thrown)
  assert.ok(again instanceof CommandError)
  assert.equal([again.exitCode, again.message.split(':')[0]], [1, 'nothing to lower'])
})

test('mistakes', async () => {
  for (const options of [
    { lower: '-1' },
    { lower: `${2n ** 64n}` },
    { lower: 'soon' },
    { lower: '9' },
    { user: 'nobody' },
  ]) {
    const error = await run(options).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof CommandError, JSON.stringify(options))
    assert.is(error.exitCode, 2)
  }
})

test.run()

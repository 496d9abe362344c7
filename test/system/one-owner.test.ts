// A state directory has one bridge at a time; a second one is refused and changes nothing.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { statePaths } from '../../host/state/state-directory.ts'
import { finished, freshPath, smets1 } from '../support/bench/cli.ts'

const state = freshPath()
const paths = statePaths(state)
const bridge = ['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0', '--json']

/** Every file of the directory with its contents, but the store's lock table, in which readers register. */
function contents(): string[] {
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'lock.mdb' && entry.name !== 'bridge.log')
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    })
    .sort()
}

test('a second bridge, and up, are refused with the process that holds the directory, and touch nothing', async () => {
  assert.is((await finished(['provision', '--state', state])).code, 0)
  const first = smets1(bridge)
  await first.says('"ready":true')
  assert.is(statSync(paths.owner).mode & 0o777, 0o600)
  // What changes while it stands still, the second one has changed.
  first.child.kill('SIGSTOP')
  const before = contents()
  for (const args of [bridge, ['up', '--state', state, '--once', '--http-port', '0']]) {
    const second = await finished(args)
    assert.is(second.code, 2, second.err)
    assert.match(second.err, new RegExp(`is in use by process ${first.child.pid}: stop that bridge first`))
    assert.equal(contents(), before)
  }
  first.child.kill('SIGCONT')
  for (const command of ['pending', 'waiting', 'counters']) {
    assert.is((await finished([command, '--state', state])).code, 0, command)
  }
  first.child.kill('SIGTERM')
  assert.is(await first.ended, 0)
  assert.not(existsSync(paths.owner))
})

test('of bridges that start at the same time one holds the directory, also after one that was killed', async () => {
  const killed = smets1(bridge)
  await killed.says('"ready":true')
  killed.child.kill('SIGKILL')
  await once(killed.child, 'exit')
  assert.ok(existsSync(paths.owner))
  const runs = [1, 2, 3, 4].map(() => smets1(bridge))
  const ready = runs.map((run) =>
    run.says('"ready":true').then(
      () => true,
      () => false,
    ),
  )
  const won = (await Promise.all(ready)).map((isReady, i) => ({ isReady, run: runs[i]! }))
  assert.is(won.filter(({ isReady }) => isReady).length, 1, runs.map((run) => run.err()).join())
  for (const { isReady, run } of won) {
    if (isReady) run.child.kill('SIGTERM')
    assert.is(await run.ended, isReady ? 0 : 2, run.err())
  }
})

test('the hold of a process whose number another one has now is taken over', async () => {
  if (!existsSync('/proc/self/stat')) return
  writeFileSync(paths.owner, `${process.pid} 1 0011223344556677\n`)
  const run = smets1(bridge)
  await run.says('"ready":true')
  run.child.kill('SIGTERM')
  assert.is(await run.ended, 0)
})

test.run()

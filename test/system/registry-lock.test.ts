// The registry's file under several processes at once: one changes it at a time, and no change is lost.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type StatePaths, statePaths } from '../../host/state/state-directory.ts'
import { freshPath, smets1 } from '../support/bench/cli.ts'

/** A state directory with one meter. */
async function newState(): Promise<StatePaths> {
  const paths = statePaths(freshPath())
  assert.is(await smets1(['provision', '--state', paths.root]).ended, 0)
  return paths
}

function importing(paths: StatePaths, eui: string, ...more: string[]) {
  const path = freshPath()
  writeFileSync(path, JSON.stringify({ devices: [{ eui, status: 'Commissioned', line: 'default' }] }))
  return smets1(['import', '--merge', '--state', paths.root, ...more, path])
}

function devicesIn(paths: StatePaths): string[] {
  return JSON.parse(readFileSync(paths.registry, 'utf8')).devices.map(({ eui }: { eui: string }) => eui)
}

const euiOf = (n: number) => `00-DB-12-34-56-78-9A-0${n}`

test('imports and provisionings at the same time are all in the registry', async () => {
  const paths = await newState()
  const runs = [1, 2, 3].map((n) => ({ eui: euiOf(n), run: importing(paths, euiOf(n)) }))
  for (const n of [4, 5]) {
    runs.push({ eui: euiOf(n), run: smets1(['provision', '--state', paths.root, '--eui', euiOf(n)]) })
  }
  for (const { run } of runs) assert.is(await run.ended, 0, run.err())
  const kept = devicesIn(paths)
  for (const { eui } of runs) assert.ok(kept.includes(eui), eui)
  assert.not.ok(existsSync(paths.provisioning))
})

test('while another process changes the registry an import waits; to look need not', async () => {
  const paths = await newState()
  const holder = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { changeState } from ${JSON.stringify(new URL('../../host/runtime/hold-state.js', import.meta.url).href)}
     import { statePaths } from ${JSON.stringify(new URL('../../host/state/state-directory.js', import.meta.url).href)}
     changeState(statePaths(${JSON.stringify(paths.root)}), () => {
       process.stdout.write('held')
       for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
     })`,
  ])
  holder.stderr.pipe(process.stderr)
  await once(holder.stdout, 'data')
  const waiting = importing(paths, euiOf(1))
  assert.is(await importing(paths, euiOf(2), '--dry-run').ended, 0)
  assert.is(waiting.child.exitCode, null)
  assert.is(devicesIn(paths).length, 1)
  // A lock does not outlive its process.
  holder.kill('SIGKILL')
  assert.is(await waiting.ended, 0, waiting.err())
  assert.ok(devicesIn(paths).includes(euiOf(1)))
})

test.run()

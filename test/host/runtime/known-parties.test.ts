import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { testRegistry } from '../../../host/cli/test-registry.ts'
import { createTestPki } from '../../../host/pki/test-pki.ts'
import { stateOfFiles, watchParties } from '../../../host/runtime/known-parties.ts'
import { statePaths } from '../../../host/state/state-directory.ts'

const directory = mkdtempSync(join(tmpdir(), 'smets1-parties-'))
const paths = statePaths(directory)
createTestPki(paths.pki, { nowMs: Date.now() })
const registry = await testRegistry()
writeFileSync(paths.registry, registry)

test.after(() => rmSync(directory, { recursive: true }))

function watched(known = stateOfFiles(paths)) {
  let changes = 0
  const clock = createVirtualClock(0)
  const { look, stop } = watchParties(paths, known, clock, async () => {
    changes += 1
    return true
  })
  return { look, stop, changes: () => changes, pass: () => clock.pass(1000) }
}

test('a registry or a certificate that changes is noticed within a second, once', async () => {
  const { pass, changes, stop } = watched()
  await pass()
  assert.is(changes(), 0)
  writeFileSync(paths.registry, `${registry}\n`)
  await pass()
  await pass()
  assert.is(changes(), 1)
  writeFileSync(join(paths.pki, 'another.pem'), '')
  await pass()
  assert.is(changes(), 2)
  rmSync(join(paths.pki, 'another.pem'))
  await pass()
  assert.is(changes(), 3)
  stop()
  writeFileSync(paths.registry, registry)
  await pass()
  assert.is(changes(), 3)
})

test('what changed between being read and being watched is noticed, too', async () => {
  const known = stateOfFiles(paths)
  writeFileSync(paths.registry, `${registry}\n\n`)
  const { pass, changes, stop } = watched(known)
  await pass()
  assert.is(changes(), 1)
  stop()
})

test('a registry that is missing for a moment is waited for; a request has it read at once', async () => {
  const { pass, changes, look, stop } = watched()
  rmSync(paths.registry)
  await pass()
  assert.is(changes(), 0)
  writeFileSync(paths.registry, registry)
  await pass()
  assert.is(changes(), 1)
  look()
  await pass()
  assert.is(changes(), 2)
  stop()
})

test.run()

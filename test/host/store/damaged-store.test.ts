// A store whose file is cut off, zeroed or something else: one message, and no signal.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { readText } from '../../../host/store/row-reader.ts'

const folder = mkdtempSync(join(tmpdir(), 'smets1-store-'))
const good = join(folder, 'good')
const damaged = join(folder, 'damaged')
const file = join(damaged, 'data.mdb')
test.after(() => rmSync(folder, { recursive: true }))

const module = pathToFileURL(join(import.meta.dirname, '../../../host/store/lmdb.js')).href
const script = `
  import { openLmdbStore } from ${JSON.stringify(module)}
  try {
    const store = openLmdbStore(process.argv[1], { rows: (value) => value })
    let count = 0
    for (const _ of store.range('rows', '', '~')) count += 1
    await store.close()
    console.log(count + ' rows')
  } catch (error) {
    console.log('refused: ' + error.message)
  }`

/** What a process says that reads the whole store; it must not end by a signal. */
function read(): string {
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, damaged])
  assert.equal([status, signal], [0, null])
  return stdout.toString().trim()
}

test.before(async () => {
  const store = openLmdbStore(good, { rows: readText })
  for (let n = 0; n < 300; n++) await store.put('rows', `${n}`, 'x'.repeat(500))
  await store.close()
})

test.before.each(() => {
  rmSync(damaged, { recursive: true, force: true })
  cpSync(good, damaged, { recursive: true })
})

test('a whole store is read', () => {
  assert.is(read(), '300 rows')
})

test('cut off anywhere: refused, with what to do', () => {
  const { size } = statSync(file)
  for (const length of [1, 100, 200, 4096, 4200, 8192, 20_000, size >> 1, size - 1]) {
    cpSync(join(good, 'data.mdb'), file)
    truncateSync(file, length)
    assert.match(read(), /^refused: .*cut off.*smets1 restore/, `${length} of ${size} bytes`)
  }
})

test('zeroed, or another file: refused', () => {
  const { size } = statSync(file)
  const first = readFileSync(file)
  for (const bytes of [
    Buffer.alloc(size),
    Buffer.alloc(1),
    Buffer.concat([first.subarray(0, 4096), Buffer.alloc(size - 4096)]),
    readFileSync(process.execPath).subarray(0, 100_000),
  ]) {
    writeFileSync(file, bytes)
    assert.match(read(), /^refused: the store in .* cannot be opened.*smets1 restore/)
  }
})

test('emptied: an empty store, which the audit trail tells from a lost one', () => {
  writeFileSync(file, '')
  assert.is(read(), '0 rows')
})

test('the files of a store are for its owner alone, also those of an older version', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-store-mode-'))
  for (const before of [undefined, 0o644]) {
    const names = before === undefined ? [] : readdirSync(directory)
    for (const name of names) chmodSync(join(directory, name), 0o644)
    const store = openLmdbStore(directory, { rows: readText })
    for (const name of readdirSync(directory)) assert.is(statSync(join(directory, name)).mode & 0o777, 0o600, name)
    await store.close()
  }
  rmSync(directory, { recursive: true })
})

test.run()

// The store of version 1 becomes one of this version, killed at any moment; then nothing is left in clear.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Encoder } from 'cbor-x'
import { open } from 'lmdb'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { openAcceptedStore } from '../../../host/requests/accepted-store.ts'
import { checkOldStore, migrateStore } from '../../../host/runtime/migrate-store.ts'
import { type StatePaths, statePaths } from '../../../host/state/state-directory.ts'
import { createKeySlots, openKeyFile, readKeyFile } from '../../../host/store/key-slots.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { openEntry } from '../../../host/store/sealed.ts'

const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
const user = '90-B3-D5-1F-30-01-00-00'
const esme = '00-DB-12-34-56-78-90-A0'
const nowMs = Date.UTC(2026, 10, 22)
const rows = 300
const scratch = mkdtempSync(join(tmpdir(), 'smets1-migrate-'))
test.after(() => rmSync(scratch, { recursive: true, force: true }))
const secret = (n: number) => `<Reading>77${n}91</Reading>`
const idOf = (n: number) => `${user}:${esme}:${n}`

/** A state directory as version 1 left it. */
async function stateOfVersion1(): Promise<StatePaths> {
  const paths = statePaths(join(scratch, 'one'))
  mkdirSync(paths.root)
  writeFileSync(paths.version, '{"version":1}\n')
  writeFileSync(paths.registry, '{"users":[],"devices":[],"registrations":[]}')
  const old = open({ path: paths.storeOf1, maxDbs: 32 })
  const table = (name: string) => old.openDB<Buffer, string>({ name, encoding: 'binary' })
  const writes: Promise<boolean>[] = []
  for (let n = 0; n < rows; n++) {
    const response = { url: 'http://127.0.0.1:1/', body: secret(n), tries: 1, createdMs: nowMs - 1000 }
    const row = { id: idOf(n), ...response, state: 'waiting', lastProblem: 'HTTP 503' }
    writes.push(table('outbox').put(idOf(n), cbor.encode(row)))
    const request = { body: Buffer.from(secret(n + 1000)), receivedMs: 5 }
    writes.push(table('accepted').put(idOf(n + 1000), cbor.encode(request)))
    writes.push(table('counters').put(`sequence/${n}`, cbor.encode(`${n}`)))
  }
  await Promise.all(writes)
  await old.close()
  return paths
}

function copyOfState(from: StatePaths, name: string): StatePaths {
  const paths = statePaths(join(scratch, name))
  cpSync(from.root, paths.root, { recursive: true })
  return paths
}

/** Everything is there, sealed, and nowhere in clear. */
async function check(paths: StatePaths, what: string): Promise<void> {
  assert.not(existsSync(paths.storeOf1), what)
  assert.is(JSON.parse(readFileSync(paths.version, 'utf8')).version, 2, what)
  const store = openLmdbStore(paths.store, bridgeTables)
  const outboxKey = readKeyFile(paths.outboxKeys)
  for (const count of [store.count('outbox'), store.count('bodies'), store.count('accepted')])
    assert.is(count, rows, what)
  for (let n = 0; n < rows; n++) {
    const row = store.get('outbox', idOf(n))!
    assert.is(row.user, user)
    const plain = openEntry(outboxKey(row.slot), store.get('bodies', idOf(n))!.sealed, idOf(n))
    assert.is(Buffer.from(plain!).toString(), secret(n), what)
    assert.is(store.get('counters', `sequence/${n}`), `${n}`)
  }
  const keys = createKeySlots(openKeyFile(paths.requestKeys), randomBytes)
  const accepted = openAcceptedStore(store, keys, randomBytes, [])
  for (const { key, value } of accepted.all()) {
    assert.is(Buffer.from(accepted.open(key, value)!).toString(), secret(Number(key.split(':')[2])), what)
  }
  keys.close()
  await store.close()
  for (const entry of readdirSync(paths.root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) assert.not(readFileSync(join(entry.parentPath, entry.name)).includes('<Reading>'), entry.name)
  }
}

test('a store of version 1 is sealed and removed, also when the program is killed at any moment of it', async () => {
  const version1 = await stateOfVersion1()
  const whole = copyOfState(version1, 'whole')
  const startMs = performance.now()
  await migrateStore(whole, randomBytes, nowMs)
  const tookMs = performance.now() - startMs
  await check(whole, 'not killed')
  await migrateStore(whole, randomBytes, nowMs)
  await check(whole, 'a second time')

  const module = new URL('../../../host/runtime/migrate-store.js', import.meta.url).href
  const states = new URL('../../../host/state/state-directory.js', import.meta.url).href
  const kills = 12
  let cutShort = 0
  for (let i = 0; i < kills; i++) {
    const paths = copyOfState(version1, `killed-${i}`)
    const script = `import { migrateStore } from ${JSON.stringify(module)}
      import { statePaths } from ${JSON.stringify(states)}
      import { randomBytes } from 'node:crypto'
      process.stdout.write('begins')
      await migrateStore(statePaths(process.argv[1]), randomBytes, ${nowMs})`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, paths.root])
    child.stderr.pipe(process.stderr)
    await once(child.stdout, 'data')
    const timer = setTimeout(() => child.kill('SIGKILL'), (tookMs * 1.5 * i) / kills)
    const [code] = await once(child, 'exit')
    clearTimeout(timer)
    if (code !== 0) cutShort += 1
    await migrateStore(paths, randomBytes, nowMs)
    await check(paths, `killed ${i}`)
    rmSync(paths.root, { recursive: true })
  }
  assert.ok(cutShort > 2, `${cutShort} of ${kills} were cut short`)
})

test('a store of version 1 that was emptied is recognised by its trail; one that never accepted anything is not refused', async () => {
  const paths = statePaths(join(scratch, 'emptied'))
  mkdirSync(paths.storeOf1, { recursive: true })
  mkdirSync(paths.audit)
  const line = (seq: number, fields: object) =>
    `${JSON.stringify({ seq, prev: '0'.repeat(64), time: '2026-01-01T00:00:00.000Z', ...fields })}\n`
  const trail = join(paths.audit, 'audit-000001.jsonl')
  writeFileSync(trail, line(1, { event: 'started', version: '0.1.0' }))
  await checkOldStore(paths)
  const accepted = { event: 'accepted', requestId: idOf(1), user, device: esme, srv: '4.8.1', code: 'I99' }
  writeFileSync(trail, line(1, accepted))
  const refused = await checkOldStore(paths).then(
    () => '',
    (error: Error) => error.message,
  )
  assert.match(refused, /is empty, but the audit trail has accepted requests.*smets1 restore/)
})

test.run()

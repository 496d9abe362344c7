// backup while a bridge runs, and restore: nothing that was accepted is accepted again.

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { trailFiles } from '../../../host/audit/segment.ts'
import { openServiceAuditTrail } from '../../../host/audit/service-audit-trail.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { testDevice } from '../../../host/cli/test-registry.ts'
import { formatRequest } from '../../../host/duis/format.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { loadIdentity } from '../../../host/pki/test-pki.ts'
import { type StatePaths, statePaths } from '../../../host/state/state-directory.ts'
import { openLmdbStore } from '../../../host/store/lmdb.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { clock, event, settled } from '../../support/bench/audit-bench.ts'
import { editJson, finished, freshPath, type Run, smets1 } from '../../support/bench/cli.ts'
import { startUser } from '../../support/bench/kill-bench.ts'
import { until } from '../../support/until.ts'

const state = freshPath()
const copy = freshPath()
const mine = (...args: string[]) => finished([...args, '--state', state])
const period = { startMs: Date.UTC(2026, 10, 20), endMs: Date.UTC(2026, 10, 21) }

/** A bridge whose meter does not answer: requests are accepted, and answered with a failure or not at all. */
async function startBridge(): Promise<{ bridge: Run; url: string }> {
  const bridge = smets1(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--json', '--http-port', '0'])
  await bridge.says('"ready":true')
  const url = /"url":"(http:[^"]+?)\/?"/.exec(bridge.out())?.[1] ?? ''
  return { bridge, url }
}

/** The acknowledgement of a request of the supplier with this counter. */
async function ask(url: string, counter: number): Promise<string> {
  const { eui, signer } = loadIdentity(join(state, 'pki'), 'supplier')
  const requestId = requestIdOf(eui, testDevice.eui, BigInt(counter))
  const body = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), signer)
  const headers = { 'content-type': 'application/xml' }
  const response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body })
  return /ResponseCode>([^<]+)</.exec(await response.text())?.[1] ?? `HTTP ${response.status}`
}

async function stop(bridge: Run, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  bridge.child.kill(signal)
  await bridge.ended
}

const files = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

test('a backup of a running bridge: whole, for its owner alone, without keys of the cache', async () => {
  const up = smets1(['up', '--state', state, '--days', '2', '--http-port', '0'])
  await up.says('Ctrl-C stops')
  const made = await mine('backup', copy, '--json')
  assert.is(made.code, 0, made.err)
  assert.match(made.err, /holds private keys/)
  assert.match(JSON.parse(made.out).head, /^\d+:[0-9a-f]{64}$/)
  assert.is(statSync(copy).mode & 0o777, 0o700)
  for (const path of files(copy)) if (!path.endsWith('.pem')) assert.is(statSync(path).mode & 0o077, 0, path)
  const names = files(copy).map((path) => path.slice(copy.length + 1))
  for (const needed of ['registry.json', 'state.json', 'store-2/data.mdb', 'audit/audit-000001.log', 'pki/dsp.key'])
    assert.ok(names.includes(needed), needed)
  assert.not.ok(
    names.some((name) => /cache-keys|flash|lock/.test(name)),
    names.join(),
  )
  assert.is((await finished(['audit', '--verify', '--state', copy])).code, 0)
  assert.is((await mine('backup', copy)).code, 2, 'not over another one')
  assert.is((await mine('backup', join(state, 'inside'))).code, 2)
  up.child.kill('SIGINT')
  await up.ended
})

test('an emptied store is recognised; restore takes used RequestIDs from the trail', async () => {
  const first = await startBridge()
  assert.is(await ask(first.url, 5001), 'I99')
  await stop(first.bridge, 'SIGKILL')
  for (const name of readdirSync(join(state, 'store-2'))) rmSync(join(state, 'store-2', name))
  const refused = smets1(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0'])
  assert.is(await refused.ended, 1)
  assert.match(refused.err(), /the store is behind the audit trail .*smets1 restore/)
  const restored = await mine('restore')
  assert.is(restored.code, 0, restored.err)
  assert.match(restored.out, /restored; \d+ used RequestIDs were taken from records 1 to \d+/)
  assert.match(restored.out, /:5001: its response is lost/)
  assert.is((await mine('audit', '--verify')).code, 0)
  const { bridge, url } = await startBridge()
  assert.is.not(await ask(url, 5001), 'I99', 'it was used')
  assert.is(await ask(url, 5002), 'I99')
  await stop(bridge, 'SIGTERM')
})

test('a backup is restored with the trail that survives: nothing is accepted twice', async () => {
  writeFileSync(join(state, 'registry.json'), 'lost')
  const restored = await mine('restore', copy, '--json')
  assert.is(restored.code, 0, restored.err)
  const { requestIds, before } = JSON.parse(restored.out)
  assert.ok(requestIds >= 2)
  assert.is(readFileSync(join(before, 'registry.json'), 'utf8'), 'lost', 'the old one is kept')
  assert.ok(existsSync(join(before, 'store-2', 'data.mdb')))
  const left = files(before).map((path) => path.slice(before.length + 1))
  assert.not.ok(
    left.some((name) => /^cache-keys\/|outbox\.keys|requests\.keys|\.lock$/.test(name)),
    left.join(),
  )
  assert.is((await mine('audit', '--verify')).code, 0)
  const { bridge, url } = await startBridge()
  for (const used of [5001, 5002]) assert.is.not(await ask(url, used), 'I99', `${used} was used`)
  assert.is(await ask(url, 5003), 'I99')
  await stop(bridge, 'SIGTERM')
})

/** Users' callback addresses, where nothing listens. */
const closed = 'http://127.0.0.1:1/'

test('an undelivered response is made again after a restore; a delivered one is not sent again', async () => {
  editJson(join(state, 'registry.json'), (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = closed
  })
  const first = await startBridge()
  for (const counter of [5501, 5502]) assert.is(await ask(first.url, counter), 'I99')
  const waits = async (counter: number) => (await mine('pending', '--json')).out.includes(`:${counter}"`)
  while (!(await waits(5501)) || !(await waits(5502)));
  const undelivered = freshPath()
  assert.is((await mine('backup', undelivered)).code, 0)
  assert.not.ok(files(undelivered).some((path) => path.endsWith('outbox.keys')))
  assert.ok(files(undelivered).some((path) => path.endsWith('requests.keys')))
  const idOf = (counter: number) => `${loadIdentity(join(state, 'pki'), 'supplier').eui}:${testDevice.eui}:${counter}`
  const user = await startUser()
  user.refused.add(idOf(5502))
  editJson(join(state, 'registry.json'), (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.callback
  })
  // 2: it has been delivered meanwhile.
  const { code } = await mine('pending', '--retry', idOf(5501))
  assert.ok(code === 0 || code === 2, `exit code ${code}`)
  await until(() => user.taken.has(idOf(5501)), 'response to 5501')
  await stop(first.bridge, 'SIGTERM')
  user.taken.clear()
  user.refused.clear()
  const restored = await mine('restore', undelivered)
  assert.is(restored.code, 0, restored.err)
  assert.match(restored.out, /1 requests were answered already/)
  editJson(join(state, 'registry.json'), (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.callback
  })
  const second = await startBridge()
  await until(() => user.taken.has(idOf(5502)), 'response to 5502')
  assert.not(user.taken.has(idOf(5501)))
  await stop(second.bridge, 'SIGTERM')
  user.end()
})

test('without a trail that survives, restore says since when it cannot know, and changes nothing unless told', async () => {
  rmSync(join(state, 'audit'), { recursive: true })
  const registry = readFileSync(join(state, 'registry.json'))
  const refused = await mine('restore', copy)
  assert.is(refused.code, 1)
  assert.match(refused.err, /used after \d{4}-\d\d-\d\dT\S+Z are not known: .*--trail DIR.*--accept-unknown/)
  assert.equal(readFileSync(join(state, 'registry.json')), registry)
  assert.not.ok(existsSync(join(state, 'audit')))
  const accepted = await mine('restore', copy, '--accept-unknown')
  assert.is(accepted.code, 0, accepted.err)
  assert.match(accepted.out, /used after \S+ are not known and would be accepted again/)
  const records = (await mine('audit', '--json')).out.trim().split('\n')
  assert.ok(records.some((line) => /"store restored".*"unknownSince":/.test(line)))
  assert.is((await mine('audit', '--verify')).code, 0)
  assert.is((await mine('restore', state)).code, 2, 'a state directory is no backup')
})

test('a damaged trail stops the start; after a reset, on record, a new one begins', async () => {
  const first = await startBridge()
  assert.is(await ask(first.url, 6001), 'I99')
  await stop(first.bridge, 'SIGTERM')
  const trail = join(state, 'audit', 'audit-000001.log')
  const text = readFileSync(trail, 'utf8')
  assert.is((await mine('audit', '--reset', 'nothing is wrong')).code, 1)
  writeFileSync(trail, text.replace('registry', 'regisTRy').replace(/^s/m, 'e'))
  assert.is((await mine('audit', '--verify')).code, 1)
  const refused = await mine('bridge', '--port', 'tcp://127.0.0.1:1', '--http-port', '0')
  assert.is(refused.code, 1)
  assert.match(refused.err, /smets1 restore.*smets1 audit --reset REASON/)
  const reset = await mine('audit', '--reset', 'an exercise')
  assert.is(reset.code, 0, reset.err)
  assert.match(reset.out, /a new audit trail begins; the old one is \S+audit\.before-reset-/)
  const records = (await mine('audit', '--json')).out.trim().split('\n')
  assert.match(records[0]!, /"event":"reset","why":"an exercise","lastSeq":\d+/)
  assert.is((await mine('audit', '--verify')).code, 0)
  const { bridge, url } = await startBridge()
  assert.is.not(await ask(url, 6001), 'I99', 'used RequestIDs are in the store')
  await stop(bridge, 'SIGTERM')
})

/** Writes segments of before 10 days, and removes the oldest as the retention does. */
async function trimTrail(paths: StatePaths): Promise<void> {
  const { key } = loadIdentity(paths.pki, 'dsp').signer
  const store = openLmdbStore(paths.store, bridgeTables)
  const open = (retentionDays: number) =>
    openServiceAuditTrail({
      ...{ directory: paths.audit, timing: clock, store, key, retentionDays, segmentBytesMax: 2000 },
      report: (problem) => assert.unreachable(problem),
    })
  const nowMs = Date.now()
  clock.set(nowMs - 10 * dayMs)
  const old = await open(100)
  for (let n = 0; n < 60; n++) {
    old.record(event(n, 'x'.repeat(50)))
    await settled(old.committed())
  }
  await settled(old.close())
  // The first segment has records of now.
  clock.set(nowMs + 30 * dayMs)
  await settled((await open(100)).close())
  await settled((await open(5)).close())
  await store.close()
}

test('a trail whose oldest segments were removed: backed up, and restored in both directions', async () => {
  const older = freshPath()
  assert.is((await mine('audit', '--reset', 'x')).code, 1, 'nothing is wrong with it')
  rmSync(join(state, 'audit'), { recursive: true })
  assert.is((await mine('audit', '--reset', 'so that no record is newer')).code, 0)
  assert.is((await mine('backup', older)).code, 0)
  await trimTrail(statePaths(state))
  assert.ok(trailFiles(join(state, 'audit'))[0]!.number > 1, 'segments were removed')
  const trimmed = freshPath()
  const made = await mine('backup', trimmed)
  assert.is(made.code, 0, made.err)
  assert.is((await finished(['audit', '--verify', '--state', trimmed])).code, 0)
  const first = await startBridge()
  assert.is(await ask(first.url, 7001), 'I99')
  await stop(first.bridge, 'SIGTERM')
  const survived = await mine('restore', trimmed)
  assert.is(survived.code, 0, survived.err)
  const second = await startBridge()
  assert.is.not(await ask(second.url, 7001), 'I99', 'it was used')
  assert.is(await ask(second.url, 7002), 'I99')
  await stop(second.bridge, 'SIGTERM')
  const refused = await mine('restore', older)
  assert.is(refused.code, 1)
  assert.match(refused.err, /are not known: .* begins at record \d+, and the backup's ends with record \d+/)
  rmSync(join(state, 'audit'), { recursive: true })
  const own = await mine('restore', trimmed, '--accept-unknown')
  assert.is(own.code, 0, own.err)
  assert.is((await mine('audit', '--verify')).code, 0)
})

test.run()

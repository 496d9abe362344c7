// A bridge of several processes: whichever of them a request comes to, there is one memory behind it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type MeterProcess, startMeter } from '../../../emulation/cli/meter-process.ts'
import { fillBench } from '../../../emulation/cli/new-bench.ts'
import { provisionFlash } from '../../../hardware/cli/provision.ts'
import { recordsOf, verifyTrail } from '../../../host/audit/read-trail.ts'
import { testDevice } from '../../../host/cli/test-registry.ts'
import { formatRequest } from '../../../host/duis/format.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { loadIdentity } from '../../../host/pki/test-pki.ts'
import { createState, statePaths } from '../../../host/state/state-directory.ts'
import { editJson, type Run, smets1 } from '../../support/bench/cli.ts'
import { startUser, workersOf } from '../../support/bench/kill-bench.ts'

const test = suite('workers')
const dayMs = 86400000
const today = Math.floor(Date.now() / dayMs) * dayMs
const directory = mkdtempSync(join(tmpdir(), 'smets1-workers-'))
const paths = statePaths(join(directory, 'state'))
const parties = ['supplier', 'network-operator', 'mdr', 'other-user']
let user: Awaited<ReturnType<typeof startUser>>
let meter: MeterProcess
let bridge: Run
let url = ''
let counter = BigInt(Date.now())

async function startBridge(): Promise<void> {
  bridge = smets1([
    'bridge',
    '--state',
    paths.root,
    '--port',
    meter.url,
    '--http-port',
    '0',
    '--workers',
    '3',
    '--json',
  ])
  await bridge.says('"ready":true')
  url = JSON.parse(bridge.out().split('\n')[0]!).url
}

test.before(async () => {
  await createState(paths, (made) => fillBench(made, provisionFlash))
  user = await startUser()
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.callback
  })
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  meter = await startMeter(paths.root, paths.flash, ['--days', '8'], quiet)
  await startBridge()
})
test.after(async () => {
  bridge.child.kill('SIGTERM')
  await bridge.ended
  await meter.stop()
  user.end()
  rmSync(directory, { recursive: true, force: true })
})

function signed(name: string, daysBack: number) {
  const { eui, signer } = loadIdentity(paths.pki, name)
  counter += 1n
  const requestId = requestIdOf(eui, testDevice.eui, counter)
  const period = { startMs: today - daysBack * dayMs, endMs: today - (daysBack - 1) * dayMs }
  const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), signer)
  return { id: requestId.text, xml }
}

/**
 * Over a connection of its own, so that connections, and with them requests, go round the workers. One that Node's cluster
 * is handing to a worker when that is killed stays open and silent: the client gives it up.
 */
async function post(xml: string): Promise<string | undefined> {
  const headers = { 'content-type': 'application/xml', connection: 'close' }
  const signal = AbortSignal.timeout(10_000)
  const response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body: xml, signal })
  return /ResponseCode>([^<]+)</.exec(await response.text())?.[1]
}

async function answersTo(ids: string[]): Promise<void> {
  for (let i = 0; i < 600 && !ids.every((id) => user.taken.has(id)); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  for (const id of ids) assert.is(new Set(user.taken.get(id)).size, 1, `one answer to ${id}`)
}

async function recordsAbout(ids: string[]) {
  const found: { event: string; requestId: string }[] = []
  for await (const record of recordsOf(paths.audit)) {
    if ('requestId' in record && record.requestId !== undefined && ids.includes(record.requestId)) {
      found.push({ event: record.event, requestId: record.requestId })
    }
  }
  return found
}

test('there are as many processes as asked for', () => {
  assert.is(workersOf(bridge.child.pid!).length, 2)
})

test('four parties that ask for the same day at once, through different workers, cost one device read', async () => {
  const requests = parties.map((name) => signed(name, 1))
  const codes = await Promise.all(requests.map(({ xml }) => post(xml)))
  assert.equal(codes, ['I99', 'I99', 'I99', 'I99'])
  const ids = requests.map(({ id }) => id)
  await answersTo(ids)
  const reads = (await recordsAbout(ids)).filter(({ event }) => event === 'device read')
  assert.is(reads.length, 1)
})

test('a RequestID used before is refused, whichever worker it comes to, also at the same time', async () => {
  const { id, xml } = signed('supplier', 1)
  assert.is(await post(xml), 'I99')
  for (let i = 0; i < 4; i++) assert.is(await post(xml), 'E50')
  const again = signed('supplier', 1)
  const codes = await Promise.all(Array.from({ length: 8 }, () => post(again.xml)))
  assert.equal(codes.sort(), [...Array(7).fill('E50'), 'I99'])
  await answersTo([id, again.id])
})

test('what is signed by somebody else, or is no XML, is refused by a worker and recorded by the one that decides', async () => {
  const { id, xml } = signed('supplier', 1)
  assert.is(await post(xml.replace('T00:00:00Z', 'T00:30:00Z')), 'E100')
  assert.is(await post('<nothing/>'), 'E48')
  assert.equal(
    (await recordsAbout([id])).map(({ event }) => event),
    ['refused'],
  )
})

test('a worker that is killed is replaced; what was accepted through it is answered', async () => {
  const before = workersOf(bridge.child.pid!)
  const requests = Array.from({ length: 12 }, (_, i) => signed(parties[i % 4]!, 4 + (i % 3)))
  const codes = requests.map(({ xml }) => post(xml).catch(() => undefined))
  // When the first is acknowledged the others are anywhere on their way.
  await Promise.race(codes)
  process.kill(before[0]!, 'SIGKILL')
  const known = await Promise.all(codes)
  const accepted = requests.filter((_, i) => known[i] === 'I99').map(({ id }) => id)
  assert.ok(accepted.length > 0)
  await answersTo(accepted)
  for (let i = 0; i < 600 && workersOf(bridge.child.pid!).length < 2; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const after = workersOf(bridge.child.pid!)
  assert.is(after.length, 2)
  assert.not.ok(after.includes(before[0]!))
  const next = signed('mdr', 1)
  assert.is(await post(next.xml), 'I99')
  await answersTo([next.id])
})

test('SIGTERM finishes what was accepted and ends every process; the trail is intact; the next start serves', async () => {
  const requests = parties.map((name) => signed(name, 7))
  const codes = await Promise.all(requests.map(({ xml }) => post(xml)))
  assert.equal(codes, ['I99', 'I99', 'I99', 'I99'])
  const workers = workersOf(bridge.child.pid!)
  bridge.child.kill('SIGTERM')
  assert.is(await bridge.ended, 0)
  for (const pid of workers) assert.throws(() => process.kill(pid, 0), /ESRCH/)
  await answersTo(requests.map(({ id }) => id))
  assert.equal((await verifyTrail(paths.audit)).problem, undefined)
  await startBridge()
  const next = signed('mdr', 1)
  assert.is(await post(next.xml), 'I99')
  await answersTo([next.id])
})

test('a port that is taken is said in words, and nothing is left running', async () => {
  const second = smets1([
    'bridge',
    '--state',
    paths.root,
    '--port',
    meter.url,
    '--http-port',
    new URL(url).port,
    '--workers',
    '2',
  ])
  assert.is(await second.ended, 20)
  assert.match(second.err(), /is taken by another program/)
})

test.run()

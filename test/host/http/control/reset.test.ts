// The reset of a bench: what is as at the start, what goes on, and that neither trail nor store take it for damage.

import { existsSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { esme } from '../../../../emulation/bench-parties.ts'
import { recordsOf } from '../../../../host/audit/read-trail.ts'
import { createTrailNotes } from '../../../../host/audit/trail-notes.ts'
import { verifyTrail } from '../../../../host/audit/verify-trail.ts'
import { bridgeTables } from '../../../../host/bridge/tables.ts'
import { formatRequest } from '../../../../host/duis/format.ts'
import { requestIdOf } from '../../../../host/duis/request.ts'
import { signDocument } from '../../../../host/duis/sign.ts'
import { loadIdentity } from '../../../../host/pki/test-pki.ts'
import { catchUpStore } from '../../../../host/runtime/catch-up.ts'
import { openLmdbStore } from '../../../../host/store/lmdb.ts'
import { type Answered, send, startControlBench } from '../../../support/bench/control-bench.ts'
import { until } from '../../../support/until.ts'

const test = suite('reset')
let bench: Awaited<ReturnType<typeof startControlBench>>

test.before(async () => {
  bench = await startControlBench()
})
test.after(() => bench.stop())

const operate = (method: string, path: string, body?: unknown): Promise<Answered> =>
  bench.call(method, path, { scope: 'test', body })
const read = async (path: string) => (await bench.call('GET', path, { scope: 'read' })).json()

function signedRead(counter: bigint): string {
  const { eui, signer } = loadIdentity(bench.paths.pki, 'supplier')
  const requestId = requestIdOf(eui, esme, counter)
  return signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.1.1' }), signer)
}

async function post(counter: bigint): Promise<string> {
  const answered = await send(
    `${bench.running.url}/api/v1/serviceS`,
    'POST',
    { 'content-type': 'application/xml' },
    signedRead(counter),
  )
  return /<sr:ResponseCode>(\w+)</.exec(answered.text)?.[1] ?? answered.text
}

/** The rows of a registry, in an order of their own. */
function rowsIn(text: string): string[] {
  const kinds: { [kind: string]: object[] } = JSON.parse(text)
  const sorted = (row: object) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  return Object.entries(kinds)
    .flatMap(([kind, rows]) => rows.map((row) => `${kind} ${sorted(row)}`))
    .sort()
}

const first = BigInt(Date.now())

test('parties, schedules, responses, messages and faults are as at the start; RequestIDs stay used', async () => {
  const atStart = readFileSync(bench.paths.registry, 'utf8')
  const parties = await read('/parties')
  const { key } = (await operate('POST', '/users', { name: 'shop', roles: ['MDR'], mpid: 'MDRB' })).json()
  await operate('PUT', `/devices/${esme}`, { fields: { status: 'Suspended' } })
  await operate('PUT', `/devices/${esme}`, { fields: { status: 'Commissioned', line: 'tcp://127.0.0.1:10' } })
  await operate('POST', '/schedules', { as: 'mdr' })
  await operate('POST', '/faults', { effect: 'fail', code: 'E21' })
  assert.is(await post(first), 'I99')
  await until(() => bench.running.bridge.delivery.pending().length === 1, 'response that waits')
  const before = await read('/status')
  assert.equal([before.pending, before.schedules, before.users], [1, 1, 5])

  const reset = await operate('POST', '/reset', {})
  assert.is(reset.status, 200, reset.text)
  const after = await read('/status')
  assert.equal([after.pending, after.unanswered, after.schedules, after.users, after.messages], [0, 0, 0, 4, 0])
  assert.equal(await read('/parties'), parties)
  assert.is(existsSync(String(key)), false)
  const { devices } = (await read('/devices')) as { devices: { status: string; line: string }[] }
  assert.equal([devices[0]?.status, devices[0]?.line], ['Commissioned', 'default'])
  assert.equal(rowsIn(readFileSync(bench.paths.registry, 'utf8')), rowsIn(atStart))
  assert.equal(await read('/faults'), { faults: [] })
  // A used RequestID is used.
  assert.is.not(await post(first), 'I99')
})

test('a request under way ends with the life in which it came', async () => {
  // No meter answers.
  assert.is(await post(first + 10n), 'I99')
  assert.is((await read('/status')).unanswered, 1)
  assert.is((await operate('POST', '/reset', {})).status, 200)
  assert.is((await read('/status')).unanswered, 0)
  await operate('POST', '/faults', { effect: 'fail', code: 'E21', count: 1 })
  assert.is(await post(first + 11n), 'I99')
  await until(() => bench.running.bridge.delivery.pending().length === 1, 'response of the new life')
  assert.is((await operate('POST', '/reset', {})).json().reset, 3)
})

test('it takes less than 100 ms of this process', async () => {
  const took: number[] = []
  for (let i = 0; i < 5; i++) {
    await operate('POST', '/schedules', { as: 'mdr' })
    // Of the processor: other tests may have the machine meanwhile.
    const before = process.cpuUsage()
    assert.is((await operate('POST', '/reset', {})).status, 200)
    const { user, system } = process.cpuUsage(before)
    took.push((user + system) / 1000)
  }
  assert.ok(Math.min(...took) < 100, `${took.map(Math.round)} ms`)
})

test('requests that come while it is reset are answered by the new life, or may be sent again', async () => {
  const [reset, ...codes] = await Promise.all([
    operate('POST', '/reset', {}),
    ...Array.from({ length: 8 }, (_, i) => post(first + 100n + BigInt(i))),
  ])
  assert.is(reset.status, 200)
  for (const code of codes) assert.ok(code === 'I99' || /send it again/.test(code), code)
})

test('a second reset meanwhile is refused in words', async () => {
  const statuses = (await Promise.all([operate('POST', '/reset', {}), operate('POST', '/reset', {})])).map(
    (a) => a.status,
  )
  assert.equal(statuses.sort(), [200, 409])
})

test('the trail is whole, has each reset, and a start after it finds nothing wrong', async () => {
  await bench.stop()
  let resets = 0
  for await (const { event } of recordsOf(bench.paths.audit)) if (event === 'bench reset') resets += 1
  assert.is(resets, 10)
  const store = openLmdbStore(bench.paths.store, bridgeTables)
  const verdict = await verifyTrail(bench.paths.audit, { notes: createTrailNotes(store) })
  assert.ok(verdict.ok, verdict.problem)
  // A store that is behind its trail: what ended with a life is not missed.
  await store.remove('trail', 'head')
  const caughtUp = await catchUpStore(store, bench.paths.audit)
  assert.ok(
    caughtUp.lost.every((id) => Number(id.split(':')[2]) >= Number(first) + 100),
    caughtUp.lost.join(' '),
  )
  await store.close()
})

test.run()

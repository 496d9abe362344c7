// The registry changes while requests are under way.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { mpan, testParties } from '../../../emulation/bench-parties.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

function withMdr(mpid: string) {
  const parties = testParties()
  parties.registrations[2] = { mpan, role: 'MDR', mpid, from: '2020-01-01' }
  return parties
}

test('accepted requests are answered as they were checked; later ones are checked against the new registry', async () => {
  const b = await createBench()
  assert.is((await b.post(b.sign(b.request('mdr'), 'mdr'))).code, 'I99')
  b.setParties(withMdr('MDRB'))
  assert.is((await b.post(b.sign(b.request('mdr'), 'mdr'))).code, 'E4')
  await b.answered()
  assert.equal(
    b.callbacks.map(({ response }) => response.code),
    ['I0'],
  )
  b.setParties(withMdr('MDRA'))
  assert.is((await b.ask('mdr')).code, 'I99')
})

test('a User that is gone, suspended, or has another callback: from the next request on', async () => {
  const b = await createBench()
  const gone = testParties()
  gone.users = gone.users.filter(({ name }) => name !== 'mdr')
  b.setParties(gone)
  assert.is((await b.ask('mdr')).code, 'E1')
  const suspended = testParties()
  suspended.users[2]!.status = 'suspended'
  b.setParties(suspended)
  assert.is((await b.ask('mdr')).code, 'E3')
  const moved = testParties()
  moved.users[2]!.callback = 'http://127.0.0.1:1/elsewhere'
  b.setParties(moved)
  assert.is((await b.ask('mdr')).code, 'I99')
  assert.is(b.callbacks.at(-1)!.url, 'http://127.0.0.1:1/elsewhere')
})

test('the registration of a meter moved to another MPAN: the cache is no way round', async () => {
  const b = await createBench()
  await b.ask('supplier')
  const parties = testParties()
  parties.registrations[2] = { mpan, role: 'MDR', mpid: 'MDRA', from: '2026-11-22' }
  b.setParties(parties)
  assert.is((await b.ask('mdr', { period: { startMs: midnight - dayMs, endMs: midnight } })).code, 'E4')
})

test('a User in boxed mode is given a ResponseMessage, signed and complete, 2 s after the acknowledgement', async () => {
  const parties = testParties()
  parties.users[2]!.mode = 'boxed'
  const b = await createBench({ parties })
  const askedMs = b.clock.nowMs()
  await b.ask('mdr')
  await b.ask('supplier')
  const [boxed, plain] = b.callbacks
  assert.equal([boxed!.response.kind, plain!.response.kind], ['ResponseMessage', 'SMETS1ResponseMessage'])
  assert.is(boxed!.atMs, askedMs + 2_000)
  assert.match(boxed!.xml, '<sr:GBCSPayload>')
  assert.equal(boxed!.response.entries, plain!.response.entries)
  assert.ok(b.verify(boxed!.xml).ok)
})

test.run()

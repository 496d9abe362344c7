// SIGTERM: the bridge stops within ten seconds, whatever is under way, and what was accepted is answered after the next start.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import type { TestIdentityName } from '../../../host/pki/test-pki.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const days = 396
const stopMsMax = 10_000
/** Thirteen months, which take longer on the line than what is waited for here. */
const period = { startMs: midnight - (days - 1) * dayMs, endMs: midnight }

for (const [name, what] of [
  ['mdr', 'for settlement'],
  ['supplier', 'on demand'],
] as [TestIdentityName, string][]) {
  test(`in the middle of a read of 13 months ${what}`, async () => {
    const b = await createBench({ days, baud: 9600, config: { baud: 9600 } })
    const acknowledged = await b.post(b.sign(b.request(name, { period }), name))
    assert.is(acknowledged.code, 'I99')
    await b.clock.pass(3000)
    assert.ok(b.line.bytes.toHost > 1000, `${b.line.bytes.toHost} bytes have come`)
    assert.is(b.callbacks.length, 0)
    const startMs = b.clock.nowMs()
    await b.clock.run(b.bridge().stop())
    const tookMs = b.clock.nowMs() - startMs
    assert.ok(tookMs < stopMsMax, `${tookMs} ms`)
    const isAnswered = b.callbacks.length === 1
    assert.is(b.store.count('accepted'), isAnswered ? 0 : 1, 'it is answered, or it is kept')
    await b.kill()
    for (let i = 0; i < 400 && b.callbacks.length === 0; i++) await b.clock.pass(1000)
    assert.is(b.callbacks.length, 1)
    // On demand, the target response time has passed meanwhile.
    assert.is(b.callbacks[0]!.response.code, name === 'mdr' ? 'I0' : 'E21')
    assert.is(b.store.count('accepted'), 0)
  })
}

test('while a User lets a push wait for ever: it is sent again after the next start', async () => {
  const b = await createBench({ days: 2 })
  let pushes = 0
  b.usersAnswer(() => {
    pushes += 1
    return pushes === 1 ? new Promise<never>(() => {}) : 204
  })
  assert.is((await b.post(b.sign(b.request()))).code, 'I99')
  for (let i = 0; i < 100 && pushes === 0; i++) await b.clock.pass(100)
  const startMs = b.clock.nowMs()
  await b.clock.run(b.bridge().stop())
  assert.ok(b.clock.nowMs() - startMs < stopMsMax, `${b.clock.nowMs() - startMs} ms`)
  assert.is(b.store.count('outbox'), 1)
  await b.kill()
  await b.clock.pass(5000)
  assert.is(pushes, 2)
  assert.is(b.store.count('outbox'), 0)
})

test.run()

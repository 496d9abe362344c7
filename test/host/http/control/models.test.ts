// Calls that change the models of the WAN and of the DCO.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createModels } from '../../../../emulation/models.ts'
import { startControlBench } from '../../../support/bench/control-bench.ts'

test('models are shown, replaced and switched off; what is wrong is refused and changes nothing', async () => {
  const bench = await startControlBench(undefined, { models: createModels })
  try {
    const put = (path: string, body: unknown) => bench.call('PUT', path, { scope: 'test', body })
    const shown = async () => (await bench.call('GET', '/models', { scope: 'read' })).json()
    assert.equal(await shown(), {})
    const wan = { seed: 4, all: { smsDelayMs: 20000 }, csps: { Vodafone: { contexts: 5 } }, cohorts: {} }
    assert.equal((await put('/models/wan', wan)).json(), { wan })
    const dco = (await put('/models/dco', { latencyMs: 40, workers: 2 })).json().dco as { [name: string]: unknown }
    assert.is(dco.latencyMs, 40)
    assert.is(dco.late, 'counted')
    const wrong: [string, unknown, RegExp][] = [
      ['/models/wan', { all: { smsLoss: 2 } }, /smsLoss/],
      ['/models/wan', { all: { colour: 1 } }, /colour/],
      ['/models/dco', { late: 'maybe' }, /late/],
      ['/models/dco', { stallMs: 60000, stallEveryMinutes: 1 }, /shorter/],
    ]
    for (const [path, body, said] of wrong) {
      const answered = await put(path, body)
      assert.is(answered.status, 400, answered.text)
      assert.match(answered.text, said)
    }
    assert.equal(await shown(), { wan, dco })
    assert.is((await bench.call('POST', '/models/dco/stall', { scope: 'test', body: { seconds: 1 } })).status, 200)
    assert.is((await bench.call('PUT', '/models/wan', { scope: 'operate', body: {} })).status, 403)
    await put('/models/wan', {})
    assert.equal(await shown(), { dco })
  } finally {
    await bench.stop()
  }
})

test('a bridge without models says which has them', async () => {
  const bench = await startControlBench()
  try {
    const answered = await bench.call('GET', '/models', { scope: 'read' })
    assert.is(answered.status, 409)
    assert.match(answered.text, /smets1 up has them/)
  } finally {
    await bench.stop()
  }
})

test.run()

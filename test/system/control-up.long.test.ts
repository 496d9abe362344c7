// `smets1 up` under control, its meter in a process of its own: faults of the meter, and a new life.

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testDevice } from '../../host/cli/test-registry.ts'
import { finished, freshPath, smets1, stopRunning } from '../support/bench/cli.ts'

const test = suite('up under control')
const state = freshPath()
const up = smets1(['up', '--state', state, '--http-port', '0', '--json'])
let url = ''

test.before(async () => {
  await up.says('"ready":true')
  url = JSON.parse(up.out().trim()).url
})
test.after(stopRunning)

async function control(...words: string[]): Promise<{ [name: string]: unknown }> {
  const { code, out, err } = await finished(['control', ...words, '--state', state, '--json'])
  assert.is(code, 0, err)
  return JSON.parse(out)
}

const read = async () => {
  const { code, out, err } = await finished(['read', '4.1.1', '--state', state, '--url', url, '--json'])
  return code === 0 ? Number(JSON.parse(out).registers?.activeWh ?? Number.NaN) : err
}

const key = () => readFileSync(`${state}/dco/vault/${testDevice.eui}.json`, 'utf8')

test('a reboot and a wrong clock of the meter, by rule', async () => {
  await control('fault-add', 'effect=meter reboots', 'count=1')
  await read()
  await control('fault-add', 'effect=clock wrong', 'seconds=600', 'count=1')
  await read()
  const { before, now } = (await control('meter-clock-set', `eui=${testDevice.eui}`)) as {
    before: { aheadMs: number }
    now: { aheadMs: number }
  }
  assert.ok(Math.abs(before.aheadMs - 600_000) < 5_000, `${before.aheadMs}`)
  assert.ok(Math.abs(now.aheadMs) < 5_000, `${now.aheadMs}`)
})

test('after a reset the meter answers with another key, and the trail is intact', async () => {
  await control('fault-add', 'effect=fail', 'code=E21')
  const old = key()
  await control('reset')
  assert.is.not(key(), old)
  assert.equal(await control('faults'), { faults: [] })
  const once = await finished(['read', '4.8.1', '--state', state, '--url', url, '--json'])
  assert.is(once.code, 0, once.err)
  assert.is((await finished(['audit', '--verify', '--state', state])).code, 0)
})

test.run()

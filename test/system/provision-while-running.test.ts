// smets1 provision as a user types it, while the bridge runs.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, type Run, smets1 } from '../support/bench/cli.ts'

const eui = '00-DB-12-34-56-78-90-A7'
const state = freshPath()
const flash = freshPath()
const settings = join(state, 'meters', `${eui}.settings.json`)
const port = `unix://${freshPath()}`

async function stop({ child, ended }: Run): Promise<void> {
  child.kill('SIGTERM')
  await ended
}

test('a running bridge reads a meter provisioned while it runs, and continues when its key is rotated', async () => {
  const made = await finished(['provision', '--state', state, '--register', 'IS=SUPA', '--json'])
  assert.is(made.code, 0, made.err)
  const bridge = smets1(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0', '--json'])
  await bridge.says('"ready":true')
  const { url } = JSON.parse(bridge.out())
  const identity = ['--eui', eui, '--import-mpan', '123456789012', '--register', 'IS=SUPA', '--line', port]
  const second = await finished(['provision', '--state', state, ...identity])
  assert.is(second.code, 0, second.err)
  assert.match(second.out, /00-DB-12-34-56-78-90-A7 {2}MPAN import 1234567890126, export 99\d{11} {2}\S+settings\.json/)

  const given = ['meter', '--port', port, '--flash', flash, '--days', '1', '--json']
  const read = () => finished(['read', '4.1.1', '--device', eui, '--state', state, '--url', url, '--json', '--explain'])
  let meter = smets1([...given, '--settings', settings])
  await meter.says('"ready":true')
  assert.match(meter.err(), /settings taken; .* is removed/)
  assert.not.ok(existsSync(settings))
  // The registry is looked at every second.
  let first = await read()
  for (let tries = 0; first.code !== 0 && tries < 60; tries++) first = await read()
  assert.is(first.code, 0, first.err)

  const rotated = await finished(['provision', '--state', state, '--rotate', eui])
  assert.match(rotated.out, /its next key is in .*; the present one stays valid until/)
  assert.is((await read()).code, 0, 'the meter has the old key still')
  await stop(meter)
  meter = smets1([...given, '--settings', settings])
  await meter.says('"ready":true')
  assert.match(meter.err(), /settings changed; .* is removed/)
  const after = await read()
  assert.is(after.code, 0, after.err)
  await stop(meter)
  await stop(bridge)
  assert.match(readFileSync(join(state, 'bridge.log'), 'utf8'), /"device":"00-DB-12-34-56-78-90-A7".*"key rotated"/)
  const audit = await finished(['audit', '--verify', '--state', state])
  assert.is(audit.code, 0, audit.out)
  const trail = await finished(['audit', '--state', state, '--json', '--device', eui])
  assert.match(trail.out, /"event":"key rotated"/)
  assert.is((await finished(['validate', '--state', state])).code, 0)
})

test('what is typed is taken as it is, also when it looks like a number', async () => {
  const made = await finished(['provision', '--state', freshPath(), '--import-mpan', '012345678901', '--json'])
  assert.is(made.code, 0, made.err)
  assert.match(JSON.parse(made.out).meters[0].importMpan, /^012345678901\d$/)
  for (const flag of [['--keys', '007'], ['--keys=1.10']]) {
    const { code, err } = await finished(['trace', 'nothing', ...flag])
    assert.is(code, 3)
    assert.match(err, /--keys (007|1\.10): /)
  }
  const empty = await finished(['doctor', '--port', ''])
  assert.is(empty.code, 2, empty.out)
  assert.match(empty.err, /--port needs one value/)
})

test.run()

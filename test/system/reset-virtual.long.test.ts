// The reset of `smets1 up --virtual-time`: the clock stands where it stood, and the new life is as the first one.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1, stopRunning } from '../support/bench/cli.ts'

const test = suite('reset on virtual time')
const state = freshPath()
const at = '2026-07-02T22:50:00Z'
const up = smets1(['up', '--virtual-time', '--at', at, '--state', state, '--http-port', '0', '--json', '--days', '3'])
let url = ''

test.before(async () => {
  await up.says('"ready":true')
  url = JSON.parse(up.out().trim()).url
})
test.after(stopRunning)

async function run(...words: string[]): Promise<string> {
  const { code, out, err } = await finished([...words, '--state', state])
  assert.is(code, 0, err)
  return out
}

const registers = () => run('read', '4.1.1', '--url', url, '--format', 'csv')
const day = () => run('read', '4.8.1', '--url', url, '--from', '2026-07-03', '--to', '2026-07-04', '--format', 'csv')

test('what time has made is undone, and comes again as it came', async () => {
  const before = await registers()
  await run('clock', 'advance', '26h')
  const after = [await registers(), await day()]
  assert.is.not(after[0], before)
  const { now } = JSON.parse(await run('control', 'reset', '--json'))
  assert.is(Date.parse(now), Date.parse(at))
  assert.is(await registers(), before)
  await run('clock', 'advance', '26h')
  assert.equal([await registers(), await day()], after)
})

test('the trail, whose clock went back, is intact; so is a start after it', async () => {
  await run('control', 'reset')
  assert.match(await run('audit', '--verify'), 'intact')
  await stopRunning()
  assert.match(await run('audit', '--verify'), 'intact')
  const again = smets1(['up', '--virtual-time', '--state', state, '--http-port', '0', '--json'])
  await again.says('"ready":true')
})

test.run()

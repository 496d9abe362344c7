// The line of a running bench recorded and shown, as a user does it.

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDevice } from '../../../host/cli/test-registry.ts'
import { openVault } from '../../../host/dco/vault.ts'
import { statePaths } from '../../../host/state/state-directory.ts'
import { toHex } from '../../../protocol/bytes.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

test('up --record, then trace: what the bridge asked and the meter answered', async () => {
  const state = freshPath()
  const file = freshPath()
  const { vault } = statePaths(state)
  const up = await finished(['up', '--once', '--state', state, '--http-port', '0', '--record', file])
  assert.is(up.code, 0, up.err)
  const cost = /(\d+) bytes on the line \((\d+) to the meter, (\d+) from it\)/.exec(up.out)!

  const trace = await finished(['trace', file, '--keys', vault])
  assert.is(trace.code, 0, trace.err)
  assert.match(trace.out, /ask 1: readProfile channel 0, firstHalfHour \d+, count 49\n/)
  assert.ok(trace.out.includes(`\n${cost[1]} bytes: ${cost[2]} to the meter, ${cost[3]} from it\n`), trace.out)

  const key = openVault(vault).key(testDevice.eui)!
  for (const text of [toHex(key), key]) assert.is(readFileSync(file).indexOf(text), -1)

  const again = await finished(['up', '--once', '--state', state, '--http-port', '0', '--record', file])
  assert.is(again.code, 2)
  assert.match(again.err, /--record: .* is there already: name a new file, or move it away/)
})

test('the dissector is printed, alone', async () => {
  const { code, out, err } = await finished(['trace', '--dissector'])
  assert.is(code, 0)
  assert.is(err, '')
  assert.match(out, /^-- The SMETS1 line, version 2/)
})

test.run()

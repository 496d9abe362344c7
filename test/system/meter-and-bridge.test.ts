// smets1 meter and smets1 bridge as two programs on the two ends of a serial line (a pair of pseudo-terminals).

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1 } from '../support/bench/cli.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { plugPty } from '../support/sim/pty.ts'

/** A pair of connected serial devices. */
async function ptyPair() {
  const [meterEnd, bridgeEnd] = [freshPath(), freshPath()]
  const pty = await plugPty(meterEnd, bridgeEnd)
  return { meterEnd, bridgeEnd, end: pty.unplug }
}

if (!hasSocat) leaveOut(test, 'serial devices', 'socat is not installed (apt-get install socat)')
else {
  test('meter and bridge as two programs on a serial line, read through native serial ports', async () => {
    const state = freshPath()
    assert.is((await finished(['up', '--once', '--state', state, '--http-port', '0'])).code, 0)
    const pair = await ptyPair()
    const meter = smets1(['meter', '--port', pair.meterEnd, '--flash', `${state}/meter/flash.bin`])
    await meter.says('Ctrl-C stops')
    const bridge = smets1(['bridge', '--port', pair.bridgeEnd, '--state', state, '--http-port', '0', '--json'])
    await bridge.says('"ready":true')
    const { url } = JSON.parse(bridge.out().split('\n')[0]!)
    // Ten days, of which only yesterday is in the cache.
    const today = Math.floor(Date.now() / 86400000) * 86400000
    const from = new Date(today - 10 * 86400000).toISOString()
    const read = await finished(['read', '4.8.1', '--state', state, '--url', url, '--json', '--from', from])
    assert.is(read.code, 0, read.err)
    assert.is(JSON.parse(read.out).entries.length, 481)
    meter.child.kill('SIGTERM')
    assert.is(await meter.ended, 0)
    bridge.child.kill('SIGTERM')
    assert.is(await bridge.ended, 0)
    pair.end()
  })

  test('a serial port that is not there is named, with the fix', async () => {
    const state = freshPath()
    await finished(['up', '--once', '--state', state, '--http-port', '0'])
    const bridge = smets1([
      'bridge',
      '--port',
      '/dev/ttyNOTHERE',
      '--state',
      state,
      '--http-port',
      '0',
      '--json',
      '--explain',
    ])
    await bridge.says('"ready":true')
    const { url } = JSON.parse(bridge.out().split('\n')[0]!)
    const asked = ['read', '4.8.1', '--state', state, '--url', url, '--from', '2026-01-01', '--json', '--explain']
    const read = await finished(asked)
    assert.is(read.code, 1)
    assert.match(
      bridge.err(),
      /\/dev\/ttyNOTHERE does not exist: .*cable plugged in\?; trying again until it is there\n/,
    )
    assert.is(JSON.parse(read.out).code, 'E20')
    assert.match(
      JSON.parse(read.out).explanation,
      /ttyNOTHERE does not exist: is the meter running, the cable plugged in/,
    )
    bridge.child.kill('SIGTERM')
    await bridge.ended
  })
}

test.run()

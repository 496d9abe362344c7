// smets1 flash onto the real interpreter: its prompt on a PTY at 115,200 baud, its flash a file, the meter's line another PTY.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1 } from '../support/bench/cli.ts'
import { type EspruinoConsole, espruinoConsole } from '../support/espruino/interpreter-console.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'

const { ESPRUINO } = process.env
const eui = '00-DB-12-34-56-78-90-A0'

/** A state directory with one meter, provisioned and on no board yet. */
async function provisioned(): Promise<{ state: string; settings: string }> {
  const state = freshPath()
  const made = await finished(['provision', '--state', state, '--eui', eui, '--register', 'IS=SUPA'])
  assert.is(made.code, 0, made.err)
  return { state, settings: join(state, 'meters', `${eui}.settings.json`) }
}

function flash(board: EspruinoConsole, state: string, ...more: string[]) {
  return finished(['flash', '--board', 'linux', '--port', board.console, '--state', state, ...more])
}

if (!ESPRUINO || !hasSocat) {
  leaveOut(test, 'flashing a real Espruino', 'ESPRUINO does not name one, or socat is missing')
} else {
  test('flashed, restarted, and read through the bridge; a second run sends nothing; a rotated key; taken off again', async () => {
    const { state, settings } = await provisioned()
    const board = await espruinoConsole(ESPRUINO, 115200)
    try {
      const dry = await flash(board, state, '--dry-run')
      assert.is(dry.code, 0, dry.err)
      const would = /LINUX, Espruino 2v\d+.*\nit would get settings and a script of ([\d,]+) bytes\n/.exec(dry.out)
      assert.ok(would, dry.out)

      const done = await flash(board, state, '--settings', settings, '--line', board.line, '--json')
      assert.is(done.code, 0, done.err)
      const report = JSON.parse(done.out)
      assert.is(report.eui, eui)
      assert.is(report.through, 'line')
      assert.is(report.bytesSent, report.scriptBytes)
      assert.is(Number(would[1]!.replaceAll(',', '')), report.scriptBytes)
      assert.is(report.first.registers.length, 4)
      assert.ok(report.seconds < 60, `${report.seconds} s`)
      assert.ok(Math.abs(report.first.clockAheadMs) < 2000)
      console.log(`  flashed ${report.bytesSent} bytes at 115,200 baud in ${report.seconds.toFixed(1)} s`)
      assert.not.ok(existsSync(settings))

      await board.powerCycle()
      await board.says(/smets1: started, boot 2/)
      const bridge = smets1(['bridge', '--port', board.line, '--state', state, '--http-port', '0', '--json'])
      await bridge.says('"ready":true')
      const { url } = JSON.parse(bridge.out().split('\n')[0]!)
      const read = await finished(['read', '4.1.1', '--state', state, '--url', url, '--json'])
      assert.is(read.code, 0, read.err)
      bridge.child.kill('SIGTERM')
      await bridge.ended

      const again = await flash(board, state, '--json')
      assert.is(again.code, 0, again.err)
      assert.is(JSON.parse(again.out).bytesSent, 0)
      assert.is(JSON.parse(again.out).through, 'console')

      assert.is((await finished(['provision', '--state', state, '--rotate', eui])).code, 0)
      const rotated = await flash(board, state, '--settings', settings, '--settings-only', '--json')
      assert.is(rotated.code, 0, rotated.err)
      assert.is(JSON.parse(rotated.out).sha256, '')

      const off = await flash(board, state, '--uninstall')
      assert.is(off.code, 0, off.err)
      assert.match(off.out, /the logs stay/)
      await board.powerCycle()
      assert.not.match(board.said(), /smets1: /)
      const without = await flash(board, state)
      assert.is(without.code, 3, without.err)
      const gone = await flash(board, state, '--uninstall', '--erase')
      assert.is(gone.code, 0, gone.err)
      assert.match(gone.out, /nothing of ours is left/)
    } finally {
      await board.end()
    }
  })

  test('power lost in the middle: nothing half-installed starts, and the next run continues', async () => {
    const { state, settings } = await provisioned()
    const board = await espruinoConsole(ESPRUINO, 921600)
    try {
      for (const bytes of [6000, 14000, 9000]) {
        board.cutAfter(bytes)
        const cut = await flash(board, state, '--settings', settings)
        assert.is(cut.code, 1, cut.err)
        assert.match(cut.err, /answer/, cut.err)
        await board.powerCycle()
        assert.not.match(board.said(), /smets1: /)
      }
      const done = await flash(board, state, '--settings', settings, '--json')
      assert.is(done.code, 0, done.err)
      const { bytesSent, scriptBytes } = JSON.parse(done.out)
      assert.ok(bytesSent < scriptBytes, `${bytesSent} of ${scriptBytes} bytes sent again`)
    } finally {
      await board.end()
    }
  })
}

test.run()

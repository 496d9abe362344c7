// The real interpreter beside the emulated meter, both on a copy of the same flash: the same answers, and how much slower.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleFirmware } from '../../hardware/build/bundle.ts'
import { euiFromBytes, toHex } from '../../protocol/bytes.ts'
import { finished, freshPath } from '../support/bench/cli.ts'
import { createMeterFolder, start } from '../support/bench/meter-command.ts'
import { runBundle } from '../support/espruino/interpreter.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { boardEui, boardKey, recordedDaysBefore } from '../support/sim/board-flash.ts'

const { ESPRUINO } = process.env

if (!ESPRUINO || !hasSocat) {
  leaveOut(test, 'parity with Espruino', 'ESPRUINO does not name an interpreter, or socat is missing')
} else {
  test('an Espruino answers as the emulated meter does', async () => {
    const flash = recordedDaysBefore(Date.now(), 40, 12)
    const { code } = await bundleFirmware('linux')
    const line = freshPath()
    const folder = createMeterFolder()
    const board = await runBundle(ESPRUINO, code, flash, 'file', '', line)
    try {
      await board.says(/started, boot 2\b/)
      writeFileSync(folder.flash, flash.cells)
      const emulated = `unix://${join(folder.folder, 'line')}`
      await start(folder, { port: emulated, catchUp: false, solar: 0 })
      const keys = freshPath()
      writeFileSync(keys, toHex(boardKey), { mode: 0o600 })
      const ports = ['--port', emulated, '--port', line]
      const {
        code: exit,
        out,
        err,
      } = await finished(['parity', ...ports, '--device', euiFromBytes(boardEui), '--keys', keys, '--json'])
      assert.is(exit, 0, out + err)
      const rows = out
        .trim()
        .split('\n')
        .map((row) => JSON.parse(row))
        .filter(({ ratio }) => ratio !== undefined)
      assert.ok(rows.length > 10)
      for (const { command, tookMs, ratio } of rows)
        console.log(
          `  ${command}: emulated ${tookMs[0].toFixed(1)} ms, Espruino ${tookMs[1].toFixed(1)} ms, ${ratio.toFixed(1)} times`,
        )
    } finally {
      await board.end()
      folder.remove()
    }
  })
}

test.run()

// A bridge in front of the real interpreter: the flash of an emulated meter, taken over by Espruino, is read through
// DUIS and gives the same half-hours.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { bundleFirmware } from '../../hardware/build/bundle.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { systemTiming } from '../../host/runtime/system-timing.ts'
import { openPort } from '../../host/wan/bindings.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createLine, type Line } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { finished, freshPath, smets1 } from '../support/bench/cli.ts'
import { runBundle } from '../support/espruino/interpreter.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { readProfile } from '../support/sim/single-read.ts'
import { until } from '../support/until.ts'

const { ESPRUINO } = process.env

/** What the meter said; where an entry came from is only said by a bridge that explains, as `up` does. */
const readingOf = ({ timestamp, wh }: { timestamp: string; wh: number }) => ({ timestamp, wh })

if (!ESPRUINO || !hasSocat) {
  leaveOut(test, 'Espruino behind the bridge', 'ESPRUINO does not name an interpreter, or socat is missing')
} else {
  test('an Espruino behind the bridge answers 4.8.1 as the emulated meter did', async () => {
    const state = freshPath()
    const today = Math.floor(Date.now() / dayMs) * dayMs
    const window = [
      '--from',
      new Date(today - 5 * dayMs).toISOString(),
      '--to',
      new Date(today - 2 * dayMs).toISOString(),
    ]
    const read = (url: string) => finished(['read', '4.8.1', '--state', state, '--url', url, '--json', ...window])

    const up = smets1(['up', '--state', state, '--http-port', '0'])
    await up.says('Ctrl-C stops')
    const emulated = JSON.parse((await read(/DUIS on (http:\S+)\/api/.exec(up.out())![1]!)).out)
    up.child.kill('SIGINT')
    await up.ended

    const { code } = await bundleFirmware('linux')
    const flash = { cells: new Uint8Array(readFileSync(`${state}/meter/flash.bin`)), truth: new Map(), boots: 0 }
    const line = freshPath()
    const board = await runBundle(ESPRUINO, code, flash, 'file', '', line)
    let bridge: ReturnType<typeof smets1> | undefined
    try {
      await board.says(/started, boot 2\b/)
      bridge = smets1(['bridge', '--port', line, '--state', state, '--http-port', '0', '--json'])
      await bridge.says('"ready":true')
      const answer = await read(JSON.parse(bridge.out().split('\n')[0]!).url)
      assert.is(answer.code, 0, answer.err)
      const { code: responseCode, entries, answeredMs } = JSON.parse(answer.out)
      assert.is(responseCode, 'I0')
      assert.is(entries.length, 145)
      assert.equal(entries.map(readingOf), emulated.entries.map(readingOf))
      console.log(`  Espruino behind the bridge: three days in ${answeredMs} ms, request to response`)
    } finally {
      bridge?.child.kill('SIGTERM')
      await bridge?.ended
      await board.end()
    }
  })

  test('a bridge on the console of an Espruino reports that it is one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smets1-console-'))
    const port = join(folder, 'console')
    const socat = spawn('socat', [`pty,rawer,link=${port}`, `EXEC:${ESPRUINO},pty,rawer`], {
      cwd: folder,
      detached: true,
    })
    let line: Line | undefined
    try {
      await until(() => existsSync(port), 'console')
      const limits = { ...defaultLineLimits, awakeMs: 500, silenceMs: 1500 }
      line = createLine(port, openPort, limits, systemTiming)
      const random = createRandom(9)
      // A seed without Ctrl-C in its wakes: two of them end the interpreter for Linux; a board goes on.
      const dco = createDco({ key: () => new Uint8Array(32) }, random.bytes)
      const read = readProfile(
        { line, dco, timing: systemTiming },
        '00-DB-12-34-56-78-90-A0',
        0,
        0,
        48,
        Date.now() + 9000,
        noUsage(),
      )
      const said = await read.then(String, (error: Error) => error.message)
      assert.match(said, /the console of an Espruino board|writes text or echoes, as a console does/)
    } finally {
      await line?.close()
      // With the interpreter that it has started.
      process.kill(-socat.pid!, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test.run()

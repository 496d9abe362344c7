// The real tools of libgpiod, of whichever version is on PATH: they accept our arguments, and we parse their output.
// No GPIO is needed: the chip that they are given does not exist.

import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemGpioTools } from '../../../hardware/pi/gpio-tools.ts'
import { monitorArguments, monitorProblem, monitorVersion } from '../../../hardware/pi/gpiomon.ts'
import { type PulseInput, parsePulseInput } from '../../../hardware/pi/pulse-input.ts'
import { leaveOut } from '../../support/left-out.ts'

const printed = spawnSync('gpiomon', ['--version'], { encoding: 'utf8' }).stdout
const absentChip = '/dev/gpiochip-absent'

const written = [
  'GPIO17',
  'GPIO17,debounce=0',
  'GPIO17,rising',
  'GPIO17,rising,no-pull,debounce=0',
  'GPIO17,falling,pull-down,debounce=1000',
]

if (!printed) leaveOut(test, 'arguments of the real gpiomon', 'libgpiod’s tools are not installed')
else {
  test(`gpiomon takes the arguments of each kind of input (${printed.split('\n')[0]})`, async () => {
    const version = monitorVersion(printed)
    assert.ok(version === 1 || version === 2, printed)
    for (const text of written) {
      const input = parsePulseInput('import', text) as PulseInput
      const args = monitorArguments(version, absentChip, input)
      const words = await new Promise<string>((ended) => {
        systemGpioTools(process.env).monitor(args, { text: () => {}, ended })
      })
      // A wrong argument would be named, before any chip is looked for.
      assert.match(words, /No such file or directory|cannot find GPIO chip/, `${text}: ${words}`)
      assert.match(monitorProblem(words), /^the chip is not there/)
    }
  })

  test('a tool that is asked for what it does not have says so', async () => {
    const words = await new Promise<string>((ended) => {
      systemGpioTools(process.env).monitor(['--no-such-option', absentChip, '1'], { text: () => {}, ended })
    })
    assert.match(words, /unrecognized option/)
  })
}

test.run()

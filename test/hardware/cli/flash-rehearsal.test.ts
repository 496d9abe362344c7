// smets1 flash --list and --rehearse: what a user without a board sees.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { type BoardName, boards } from '../../../hardware/boards/boards.ts'
import { bundleFlashDriver } from '../../../hardware/build/bundle.ts'
import { rehearsalBoard } from '../../../hardware/cli/flash-rehearse.ts'
import { askBoard, boardProblems } from '../../../hardware/install/board-facts.ts'
import { connectPrompt } from '../../../hardware/install/espruino-prompt.ts'
import { installMeter, startInstalled } from '../../../hardware/install/flash-board.ts'
import { euiToBytes } from '../../../protocol/bytes.ts'
import { finished } from '../../support/bench/cli.ts'

test('the list names each board, its download or its build, its pins and its source', async () => {
  const { code, out, err } = await finished(['flash', '--list'])
  assert.is(code, 0, err)
  for (const name of Object.keys(boards)) assert.match(out, new RegExp(`^${name}: `, 'm'))
  assert.match(out, /^esp32c3 .* 2v29 +D4 D5$/m)
  assert.match(out, /^ {2}Espruino +2v29: espruino_2v29_esp32s3.bin from https:\/\/www.espruino.com\/binaries\/$/m)
  assert.match(out, /no download .*build it yourself: BOARD=RP2040_PICO RELEASE=1 make/)
  const json = await finished(['flash', '--list', '--json'])
  const rows = JSON.parse(json.out)
  assert.equal(
    rows.map(({ board }: { board: string }) => board),
    Object.keys(boards),
  )
  for (const row of rows) assert.ok(row.source.length > 0 && row.pulseRate.ofOne > 0, row.board)
})

test('a whole installation is rehearsed without a port, with exit code 0', async () => {
  const { code, out, err } = await finished(['flash', '--rehearse', 'rp2040'])
  assert.is(code, 0, err)
  assert.match(err, /no Espruino to download for rp2040 .*Build it: BOARD=RP2040_PICO/)
  const steps = out.split('\n').filter((line) => /^ *\d+\. /.test(line))
  assert.ok(steps.length > 10, out)
  for (const word of ['probed', 'reset()', '.bootcde', 'smets1-pages', 'CRC-32', 'SHA-256', 'load()', 'woken']) {
    assert.ok(
      steps.some((step) => step.includes(word)),
      word,
    )
  }
  assert.match(out, /first read: .* through the console/)
})

test('a rehearsal refuses a port and everything but an installation', async () => {
  const cases: [string[], RegExp][] = [
    [['--rehearse', 'esp8266'], /--rehearse is one of linux.*, not esp8266/],
    [['--rehearse', 'esp32', '--port', '/dev/ttyUSB0'], /--rehearse opens no port/],
    [['--rehearse', 'esp32', '--uninstall'], /--rehearse shows a whole installation/],
  ]
  await Promise.all(
    cases.map(async ([args, words]) => {
      const { code, err } = await finished(['flash', ...args])
      assert.is(code, 2, err)
      assert.match(err, words)
    }),
  )
})

/** A script in the place of the meter's: it starts, and does nothing. */
const script = Buffer.from('console.log("smets1: started, boot 1")'.padEnd(1000, ' '))

test('a script that calls what no release has is refused on a board with a release, and nothing is written', async () => {
  const clock = createVirtualClock(1000)
  const { line } = rehearsalBoard(boards.esp32, clock)
  const ask = async () =>
    askBoard(await connectPrompt(line, 115200, clock), boards.esp32, 'let d=new Date();d.getUTCFullYear()')
  const [problem] = boardProblems('esp32', await clock.run(ask()), 1000, false)
  assert.match(problem!, /its Espruino 2v29 lacks Date getUTCFullYear\(\) \(builds after 2v29\)/)
})

for (const name of Object.keys(boards) as BoardName[]) {
  test(`a meter can be installed on a new board of the row ${name}`, async () => {
    const clock = createVirtualClock(1000)
    const row = boards[name]
    const { line } = rehearsalBoard(row, clock)
    const driver = (await bundleFlashDriver(name)).code
    const settings = { eui: euiToBytes('00-DB-12-34-56-78-90-A0'), key: createRandom(1).bytes(32) }
    const install = async () => {
      const prompt = await connectPrompt(line, row.consoleBaud, clock)
      const facts = await askBoard(prompt, row, driver)
      assert.equal(boardProblems(name, facts, row.scriptBytesMax, false), [])
      const parts = { row, facts, script, driver, settings, erase: false, progress: () => {}, step: () => {} }
      const installed = await installMeter(prompt, parts)
      assert.is(installed.bytesSent, script.length)
      return startInstalled(prompt)
    }
    assert.is(await clock.run(install()), 'started, boot 1')
  })
}

test.run()

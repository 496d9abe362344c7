// Each function that a script calls is probed on the board, and what is missing is named with the version that has it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boards } from '../../../hardware/boards/boards.ts'
import { askBoard, boardProblems } from '../../../hardware/install/board-facts.ts'
import { callsIn, espruinoCalls, probeBatches, probeCode } from '../../../hardware/install/espruino-calls.ts'
import { connectPrompt } from '../../../hardware/install/espruino-prompt.ts'
import { blankBoard } from '../../support/espruino/blank-board.ts'
import { unprobedCalls } from '../../support/espruino/unprobed-calls.ts'

const namesIn = (script: string) => callsIn(script).map(({ name }) => name)

test('what a script calls is found, and nothing else', () => {
  const always = namesIn('')
  const more = (script: string) => namesIn(script).filter((name) => !always.includes(name))
  assert.equal(more(''), [])
  assert.equal(more('setWatch(f,A0,{});x.fill(0)'), ['Uint8Array fill()', 'setWatch'])
  assert.equal(more('let a=Math.floor;a(1)'), ['let in blocks', 'Math', 'Math.floor'])
  assert.equal(more('d.getUTCFullYear()'), ['Date getUTCFullYear()'])
  assert.equal(more('Serial2.write(b)'), ['Serial2'])
  // The name of a field, or a part of a longer name, is no call.
  assert.equal(more('x.fill=1;mySerial1=2;a.setWatch'), [])
})

test('each probe is true in Node where Node has the function, and none is longer than a line takes', async () => {
  const { sim, clock } = blankBoard()
  const prompt = await clock.run(connectPrompt(sim.port, 115200, clock))
  for (const batch of probeBatches(espruinoCalls)) {
    const code = probeCode(batch)
    assert.ok(JSON.stringify(code).length < 460, `${JSON.stringify(code).length} characters`)
    const works = (await clock.run(prompt.run(code))) as number[]
    const lacking = batch.filter((_, i) => works[i] !== 1).map(({ name }) => name)
    // What the simulated board leaves out.
    const absent = /^(setDeepSleep|SPI\d|clear(Interval|Timeout|Watch)|E\.(reboot|kickWatchdog))$/
    assert.equal(
      lacking.filter((name) => !absent.test(name)),
      [],
    )
  }
  assert.is(sim.count.overrun, 0)
})

test('what is missing is named with its version; nothing is written', async () => {
  const { sim, clock } = blankBoard({ without: ['setWatch', 'Float64Array'] })
  const script = 'setWatch(f,p);new Float64Array(1);new Uint8Array(1)'
  const ask = async () => askBoard(await connectPrompt(sim.port, 115200, clock), boards.linux, script)
  const facts = await clock.run(ask())
  assert.equal(
    facts.lacks.map(({ name, since }) => [name, since]),
    [
      ['Float64Array', '1v58'],
      ['setWatch', '1v44'],
    ],
  )
  const [problem] = boardProblems('linux', facts, script.length, true)
  assert.match(problem!, /its Espruino 2v29 lacks Float64Array \(since 1v58\), setWatch \(since 1v44\): a build of/)
  assert.is(sim.count.writes, 0)
})

test('what a row does not reach is not asked for', async () => {
  const { sim, clock } = blankBoard({ without: ['setDeepSleep'] })
  const ask = async (name: 'linux' | 'pico') =>
    askBoard(await connectPrompt(sim.port, 115200, clock), boards[name], 'if(x)setDeepSleep(1)')
  assert.equal((await clock.run(ask('linux'))).lacks, [])
  const { lacks } = await clock.run(ask('pico'))
  assert.equal(
    lacks.map(({ name }) => name),
    ['setDeepSleep'],
  )
})

test('a call without a probe is found', () => {
  assert.equal(unprobedCalls('let a=new Map,c=0;a.b();E.dumpStr();[].findLast(x);Math.floor(1);c.fill(2)'), [
    '.findLast()',
    'E.dumpStr',
    'Map',
    'x',
  ])
})

test.run()

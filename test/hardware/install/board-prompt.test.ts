// Who is at a prompt, and whether a meter can be put there: boards too small, other boards, and what is no Espruino at all.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { type BoardName, boards } from '../../../hardware/boards/boards.ts'
import { createProgress } from '../../../hardware/cli/progress.ts'
import { askBoard, boardProblems } from '../../../hardware/install/board-facts.ts'
import { type ConsolePort, connectPrompt, PromptError } from '../../../hardware/install/espruino-prompt.ts'
import type { PromptSim, PromptSimOptions } from '../../../hardware/install/prompt-simulator.ts'
import { blankBoard } from '../../support/espruino/blank-board.ts'

/** The problems of a board, asked as the command does. */
async function problemsOf(
  name: BoardName,
  more: Partial<PromptSimOptions>,
  before = (_: PromptSim) => {},
  code = 'setWatch(f,p);E.enableWatchdog(8)',
) {
  const { sim, clock } = blankBoard(more)
  before(sim)
  const ask = async () => askBoard(await connectPrompt(sim.port, 115200, clock), boards[name], code)
  return boardProblems(name, await clock.run(ask()), 32700, false).join('; ')
}

test('a board that will not do is refused with what is missing', async () => {
  assert.is(await problemsOf('linux', {}), '')
  assert.match(await problemsOf('linux', { variables: 350 }), /has 350 variables of memory, 2500 are needed/)
  assert.match(await problemsOf('esp32', {}), /this board is LINUX, and esp32 is ESP32: use --board linux/)
  assert.match(await problemsOf('linux', { board: 'MICROBIT2' }), /there is no row for it/)
  assert.match(await problemsOf('linux', { version: '1v99' }), /its Espruino is 1v99, 2v25 at least is needed/)
  assert.match(await problemsOf('linux', { without: ['setWatch'] }), /lacks setWatch \(since 1v44\)/)
  assert.is(await problemsOf('linux', { without: ['setWatch'] }, () => {}, 'let a=1'), '')
  assert.match(
    await problemsOf('linux', { storage: { at: 0x10000000, bytes: 40960 } }),
    /Storage has 40960 bytes free, 136412 are needed/,
  )
  const write = (name: string) => (sim: PromptSim) => void sim.storage.storage.write!(name as never, 'x' as never)
  assert.match(await problemsOf('linux', {}, write('.bootcde')), /another program starts on it \(\.bootcde\)/)
  assert.match(await problemsOf('linux', {}, write('mine')), /Storage must be empty.*has mine/)
  const free = { board: 'NRF52840DK', freeAreas: [{ addr: 0xd0000, length: 4096 }] }
  assert.match(await problemsOf('nrf52840', free), /d0000h to e9000h.*is not free \(free: d0000h to d1000h\)/)
})

/** A port that answers everything with the same. */
function otherDevice(answer: Uint8Array | string): ConsolePort & { sent: string } {
  let take: (bytes: Uint8Array) => void = () => {}
  const port = {
    sent: '',
    write(bytes: Uint8Array) {
      port.sent += Buffer.from(bytes).toString('latin1')
      if (answer.length > 0) queueMicrotask(() => take(typeof answer === 'string' ? Buffer.from(answer) : answer))
    },
    onData: (taker: (bytes: Uint8Array) => void) => {
      take = taker
    },
    onClose: () => {},
  }
  return port
}

test('what is not an Espruino is named: silent, a modem, a wrong speed', async () => {
  const clock = createVirtualClock(1000)
  const attend = (answer: Uint8Array | string) =>
    clock.run(
      connectPrompt(otherDevice(answer), 9600, clock).then(
        () => 'attended',
        (error: PromptError) => `${error.fault}: ${error.message}`,
      ),
    )
  assert.match(await attend(''), /^silent: nothing answers\. Is the board powered/)
  assert.match(await attend('\r\nERROR\r\n'), /^notEspruino: what answers is no Espruino: it says "ERROR/)
  assert.match(await attend('login: '), /it says "login: login:/)
  assert.match(
    await attend(createRandom(4).bytes(40)),
    /^notEspruino: what comes is garbage: the console is not at 9600 baud/,
  )
})

test('whatever a console sends, the result has one of our reasons', async () => {
  const words = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom(
      '\r\nEspruino 2v29 LINUX\r\n',
      '#ready function\r\n',
      '>',
      'Uncaught ReferenceError: "R" is not defined\r\n',
    ),
    fc
      .tuple(fc.nat(3000), fc.constantFrom('{"v":1} 1', '{ 0', 'null 634125391', '!', '?'))
      .map(([n, text]) => `#${n} ${text}\r\n`),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 8 }), async (said) => {
      const clock = createVirtualClock(1000)
      const ask = async () => (await connectPrompt(otherDevice(said.join('')), 115200, clock)).run('1')
      const outcome = await clock.run(
        ask().then(
          () => undefined,
          (error) => error,
        ),
      )
      assert.ok(outcome === undefined || outcome instanceof PromptError, String(outcome?.stack))
    }),
    { numRuns: 150 },
  )
})

test('progress: a bar on a terminal, a line for each step elsewhere', () => {
  const draw = (isTerminal: boolean) => {
    let drawn = ''
    const progress = createProgress({ isTerminal, env: {}, stdout: () => {}, stderr: (text) => (drawn += text) })
    for (let done = 0; done <= 4; done++) progress.show('script', done, 4)
    progress.show('read back', 1, 4)
    progress.end()
    return drawn
  }
  assert.is(draw(false), 'script: done\n')
  assert.match(
    draw(true),
    /^\rscript ·{30} 0 % +\rscript █{7}·{23} 25 %[\s\S]*\rscript █{30} 100 % +\n\rread back .* 25 % +\n$/,
  )
})

test.run()

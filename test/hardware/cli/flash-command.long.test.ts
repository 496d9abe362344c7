// smets1 flash as a user types it: errors are reported with an exit code, and nothing is changed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { boards } from '../../../hardware/boards/boards.ts'
import { promptTiming } from '../../../hardware/install/espruino-prompt.ts'
import { newBoard } from '../../../hardware/install/new-board.ts'
import { PromptSim } from '../../../hardware/install/prompt-simulator.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'
import { hasSocat, leaveOut } from '../../support/left-out.ts'
import { until } from '../../support/until.ts'

const flash = (...args: string[]) => finished(['flash', ...args])

test('options that are wrong are named, before any port is opened', async () => {
  const settings = freshPath()
  const cases: [string[], RegExp][] = [
    [[], /--board is missing: one of linux, esp32/],
    [['--board', 'esp8266', '--port', 'x'], /--board is one of linux.*, not esp8266/],
    [['--board', 'esp32'], /--port is missing/],
    [['--board', 'esp32', '--port', 'tcp://127.0.0.1:7000'], /--port is a serial port, not tcp/],
    [['--board', 'esp32', '--port', 'x', '--settings-only'], /--settings-only needs --settings/],
    [
      ['--board', 'esp32', '--port', 'x', '--settings-only', '--uninstall', '--settings', settings],
      /leave --settings-only out/,
    ],
    [['--board', 'esp32', '--port', 'x', '--uninstall', '--baud', '7'], /--baud is a whole number/],
    [['--board', 'esp32', '--port', 'x', '--settings', settings], /cannot be used: ENOENT/],
  ]
  writeFileSync(`${settings}.open`, '{"key":"00"}', { mode: 0o644 })
  cases.push([['--board', 'esp32', '--port', 'x', '--settings', `${settings}.open`], /others may read it \(mode 644\)/])
  await Promise.all(
    cases.map(async ([args, words]) => {
      const { code, err } = await flash(...args)
      assert.is(code, 2, err)
      assert.match(err, words)
    }),
  )
})

test('a port that is not there', async () => {
  const { code, err } = await flash('--board', 'esp32', '--port', '/dev/ttyNOTHERE', '--uninstall')
  assert.is(code, 20, err)
  assert.match(err, /there is no port \/dev\/ttyNOTHERE/)
})

/** A PTY, and what is behind it. */
async function pty(answer: (bytes: Uint8Array, reply: (text: Uint8Array | string) => void) => void) {
  const path = freshPath()
  const socat: ChildProcess = spawn('socat', [`pty,raw,echo=0,link=${path}`, 'stdio'], { stdio: 'pipe' })
  process.once('exit', () => socat.kill())
  socat.stdin!.on('error', () => {})
  socat.stdout!.on('data', (bytes: Uint8Array) => answer(bytes, (text) => void socat.stdin!.write(text)))
  await until(() => existsSync(path), 'pseudo-terminal')
  return { path, end: () => socat.kill() }
}

/** A simulated prompt behind a PTY. */
async function promptPty(board: string) {
  const options = { ...newBoard(boards.linux, promptTiming), version: '2v29', board, baud: 921600 }
  const sim: PromptSim = new PromptSim(options)
  const port = await pty((bytes, reply) => {
    sim.port.onData(reply)
    sim.port.write(bytes)
  })
  return { ...port, sim }
}

if (!hasSocat) leaveOut(test, 'prompts on a serial device', 'socat is not installed')
else {
  test('a board is looked at, and nothing on it is changed', async () => {
    const { path, sim, end } = await promptPty('LINUX')
    const { code, out, err } = await flash('--board', 'linux', '--port', path, '--dry-run')
    assert.is(code, 0, err)
    assert.match(
      out,
      /^LINUX, Espruino 2v29: 5,050 of 5,100 variables free, 262,144 bytes of Storage free\nit would get settings/,
    )
    assert.is(sim.count.writes, 0)
    end()
  })

  test('another board than was named', async () => {
    const { path, sim, end } = await promptPty('ESP32')
    const { code, err } = await flash('--board', 'linux', '--port', path, '--uninstall')
    assert.is(code, 1, err)
    assert.match(err, /nothing was changed:\n {2}this board is ESP32, and linux is LINUX: use --board esp32/)
    assert.is(sim.count.writes, 0)
    end()
  })

  test('a board without settings, and none given', async () => {
    const { path, end } = await promptPty('LINUX')
    const { code, err } = await flash('--board', 'linux', '--port', path)
    assert.is(code, 3, err)
    assert.match(err, /it has no settings: smets1 provision writes/)
    end()
  })

  test('a console that is silent, and a modem', async () => {
    const silent = await pty(() => {})
    const modem = await pty((_bytes, reply) => reply('\r\nERROR\r\n'))
    const [none, other] = await Promise.all([
      flash('--board', 'linux', '--port', silent.path, '--uninstall'),
      flash('--board', 'linux', '--port', modem.path, '--uninstall'),
    ])
    assert.is(none.code, 20, none.err)
    assert.match(none.err, /nothing answers\. Is the board powered/)
    assert.is(other.code, 1, other.err)
    assert.match(other.err, /what answers is no Espruino: it says "ERROR ERROR/)
    silent.end()
    modem.end()
  })
}

test.run()

// The Pi's systemd units, and what the meter tells systemd.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { meterCommand } from '../../../hardware/cli/meter.ts'
import { readPiMeterOptions } from '../../../hardware/cli/meter-pi-options.ts'
import { createService, systemdNotify } from '../../../hardware/cli/service-notify.ts'
import { bridgeCommand } from '../../../host/cli/bridge.ts'
import { flagsOf } from '../../../host/cli/command.ts'
import { finished, freshPath, smets1 } from '../../support/bench/cli.ts'
import { leaveOut } from '../../support/left-out.ts'
import { root } from '../../support/repository.ts'
import { until } from '../../support/until.ts'

const has = (tool: string, flag = '--version') => spawnSync(tool, [flag]).status === 0

function unit(name: string): string {
  return readFileSync(join(root, 'hardware', 'pi', `smets1-${name}.service`), 'utf8')
}

/** The words after `smets1` that a unit starts with, as long as nobody changed its defaults. */
function commandLine(name: string): string[] {
  const text = unit(name)
  const variable = `SMETS1_${name.toUpperCase()}`
  const defaults = new RegExp(`^Environment="${variable}=(.*)"$`, 'm').exec(text)![1]!
  const line = /^ExecStart=\S+ node \S+main\.js (.*)$/m.exec(text)![1]!
  assert.ok(line.endsWith(` $${variable}`), line)
  return line.replace(`$${variable}`, defaults).split(' ')
}

const sides = {
  serviceOf: () => ({ ready() {}, alive() {}, stopping() {} }),
  loadModels: () => Promise.reject(new Error('nothing is modelled')),
}

test('the units start commands that there are, with options that these take', () => {
  for (const [name, command] of Object.entries({ meter: meterCommand, bridge: bridgeCommand(sides) })) {
    const [verb, ...words] = commandLine(name)
    assert.is(verb, command.name)
    const flags = flagsOf(command).map(([flag]) => flag.split(' ')[0])
    for (const word of words.filter((one) => one.startsWith('--'))) assert.ok(flags.includes(word), `${name}: ${word}`)
  }
  const [, ...words] = commandLine('meter')
  const camel = (flag: string) => flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  const given: Record<string, string> = {}
  for (let i = 0; i < words.length; i += 2) given[camel(words[i]!)] = words[i + 1]!
  assert.is(given.board, 'pi')
  assert.is(readPiMeterOptions(given).inputs[0]!.line, 17)
})

test('systemd is notified as it asked, three times in a WatchdogSec; without it nothing is sent', () => {
  const told: string[] = []
  const service = createService({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000' }, (words) => told.push(words))
  service.ready()
  for (let ms = 0; ms < 60000; ms += 500) service.alive(ms)
  service.stopping()
  assert.equal(told, ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STOPPING=1'])

  const unwatched: string[] = []
  const plain = createService({ NOTIFY_SOCKET: '/run/x' }, (words) => unwatched.push(words))
  plain.ready()
  plain.alive(0)
  assert.equal(unwatched, ['READY=1'])

  const silent = createService({ WATCHDOG_USEC: '60000000' }, () => assert.unreachable())
  silent.ready()
  silent.alive(0)
  silent.stopping()
})

test('the bridge as a service notifies ready, watchdog and stopping', async () => {
  const [state, folder] = [freshPath(), mkdtempSync(join(tmpdir(), 'smets1-notify-'))]
  try {
    const made = await finished(['provision', '--state', state, '--register', 'IS=SUPA'])
    assert.is(made.code, 0, made.err)
    const told = join(folder, 'told')
    writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$1" >> ${told}\n`, { mode: 0o755 })
    const env = { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '300000' }
    const bridge = smets1(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--http-port', '0'], env)
    await bridge.says('DUIS on')
    const words = () => (existsSync(told) ? readFileSync(told, 'utf8').split('\n') : [])
    await until(() => words().includes('WATCHDOG=1'), 'WATCHDOG=1')
    bridge.child.kill('SIGTERM')
    assert.is(await bridge.ended, 0)
    await until(() => words().includes('STOPPING=1'), 'STOPPING=1')
    assert.equal([...new Set(words())], ['READY=1', 'WATCHDOG=1', 'STOPPING=1', ''])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a missing systemd-notify is reported, not thrown', async () => {
  const why = await new Promise<string>((failed) => systemdNotify({ PATH: '/nowhere' }, failed)('READY=1'))
  assert.match(why, /systemd cannot be notified of READY=1/)
})

if (!has('systemd-analyze')) {
  leaveOut(test, 'the units as systemd reads them', 'systemd-analyze is not installed (apt-get install systemd)')
} else {
  test('systemd has nothing to say against the units, and would have', () => {
    const folder = mkdtempSync(join(tmpdir(), 'smets1-units-'))
    try {
      for (const name of ['meter', 'bridge']) {
        const path = join(root, 'hardware', 'pi', `smets1-${name}.service`)
        const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
        assert.is(stdout + stderr, '')
        assert.is(status, 0)
        const spoiled = join(folder, `smets1-${name}.service`)
        writeFileSync(spoiled, unit(name).replace('Restart=on-failure', 'Restart=sometimes'))
        assert.match(spawnSync('systemd-analyze', ['verify', spoiled], { encoding: 'utf8' }).stderr, /sometimes/)
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

if (!has('systemd-notify') || !has('socat', '-V')) {
  leaveOut(test, 'a notification through systemd-notify', 'systemd-notify or socat is not installed')
} else {
  test('a notification reaches the socket that systemd named', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smets1-notify-'))
    const socket = join(folder, 'notify')
    const socat = spawn('socat', ['-u', `UNIX-RECV:${socket}`, '-'])
    try {
      let heard = ''
      socat.stdout.setEncoding('utf8').on('data', (text: string) => {
        heard += text
      })
      await until(() => existsSync(socket), 'socket')
      systemdNotify({ ...process.env, NOTIFY_SOCKET: socket }, (why) => assert.unreachable(why))('READY=1')
      await until(() => heard.includes('READY=1'), 'READY=1')
    } finally {
      socat.kill('SIGKILL')
      await once(socat, 'exit')
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test.run()

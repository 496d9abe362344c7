// The grammar of ports, the same in every command.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { portProblem, splitDevicePath } from '../../../host/wan/port-url.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

test('paths with and without a baud rate, tcp and unix', () => {
  const good = [
    '/dev/ttyUSB0',
    '/dev/ttyUSB0:9600',
    './pty',
    'COM3',
    'COM12:115200',
    '/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0',
    '/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0',
    'tcp://127.0.0.1:7000',
    'tcp://[::1]:7000',
    'tcp://meter.example:7000/',
    'unix:///run/smets1/line.sock',
  ]
  for (const url of good) assert.is(portProblem(url), undefined, url)
  const wrong = [
    '',
    'hello',
    'ttyUSB0',
    'http://127.0.0.1:7000',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:0',
    'tcp://127.0.0.1:65536',
    'tcp://:7000:1',
    'tcp:127.0.0.1:7000',
    'unix://',
    'unix://line.sock',
    `unix:///${'x'.repeat(120)}`,
    '/dev/ttyUSB0:49',
    '/dev/ttyUSB0:9999999',
  ]
  for (const url of [...wrong, 'mock:/dev/x']) assert.type(portProblem(url), 'string', url)
  assert.equal(splitDevicePath('/dev/ttyUSB0:9600'), { path: '/dev/ttyUSB0', baud: 9600 })
  assert.equal(splitDevicePath('/dev/serial/by-id/a:1.0'), { path: '/dev/serial/by-id/a:1.0' })
})

test('nonsense is refused at once, by every command, with exit code 2', async () => {
  const state = freshPath()
  await finished(['provision', '--state', state, '--count', '1'])
  const commands = [
    ['bridge', '--state', state],
    ['doctor', '--state', state],
    ['meter', '--flash', freshPath()],
    ['provision', '--state', state],
  ]
  for (const command of commands) {
    const flag = command[0] === 'provision' ? '--line' : '--port'
    for (const url of ['http://127.0.0.1:1', 'tcp://127.0.0.1', 'mock:/dev/x']) {
      const { code, err } = await finished([...command, flag, url])
      assert.is(code, 2, `${command[0]} ${url}: ${err}`)
      assert.not.match(err, /\n\s+at /)
    }
  }
})

test.run()

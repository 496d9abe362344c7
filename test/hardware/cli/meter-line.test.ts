import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Line } from '../../../hardware/emulator/meter-line.ts'
import { openLine, parseLineUrl } from '../../../hardware/emulator/meter-line.ts'

const test = suite('meter-line')
let folder = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-line-'))
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

async function opened(url: string): Promise<Line> {
  const result = await openLine(url, 115200)
  if (!result.ok) throw new Error(result.problem.message)
  return result.line
}

async function problemOf(url: string): Promise<string> {
  const result = await openLine(url, 115200)
  if (result.ok) {
    await result.line.close()
    throw new Error(`${url} was opened`)
  }
  return `${result.problem.exitCode} ${result.problem.message}`
}

async function client(line: Line): Promise<Socket> {
  const tcp = /^tcp:\/\/(.*):(\d+)$/.exec(line.url)
  const socket = tcp === null ? connect(line.url.slice(7)) : connect(Number(tcp[2]), tcp[1])
  await once(socket, 'connect')
  return socket
}

/** The next bytes the line hears. */
function heard(line: Line): Promise<string> {
  return new Promise((done) => line.onData((bytes) => done(new TextDecoder().decode(bytes))))
}

test('a line is named by its URL', () => {
  assert.equal(parseLineUrl('/dev/ttyACM0', 115200), { kind: 'serial', path: '/dev/ttyACM0', baud: 115200 })
  assert.equal(parseLineUrl('/dev/ttyUSB0:9600', 115200), { kind: 'serial', path: '/dev/ttyUSB0', baud: 9600 })
  const byPath = '/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0'
  assert.equal(parseLineUrl(byPath, 300), { kind: 'serial', path: byPath, baud: 300 })
  assert.equal(parseLineUrl('COM3', 300), { kind: 'serial', path: 'COM3', baud: 300 })
  assert.equal(parseLineUrl('tcp://:7000', 1), { kind: 'tcp', host: '127.0.0.1', port: 7000 })
  assert.equal(parseLineUrl('tcp://0.0.0.0:7000', 1), { kind: 'tcp', host: '0.0.0.0', port: 7000 })
  assert.equal(parseLineUrl('tcp://[::1]:7000', 1), { kind: 'tcp', host: '::1', port: 7000 })
  assert.equal(parseLineUrl('unix:///tmp/m.sock', 1), { kind: 'unix', path: '/tmp/m.sock' })
  assert.type(parseLineUrl('/dev/ttyACM0', 0), 'string')
  for (const wrong of ['', 'tcp://host', 'tcp://host:70000', 'udp://host:1', 'unix://', `unix:///${'x'.repeat(200)}`]) {
    assert.type(parseLineUrl(wrong, 1), 'string', wrong)
  }
})

test('a socket takes one client, the newest', async () => {
  for (const url of ['tcp://:0', `unix://${join(folder, 'm.sock')}`]) {
    const line = await opened(url)
    line.write(Uint8Array.of(9))
    const first = await client(line)
    const hello = heard(line)
    first.write('hello')
    assert.is(await hello, 'hello')
    const firstGone = once(first, 'close')
    const second = await client(line)
    await firstGone
    const answer = once(second, 'data')
    line.write(new TextEncoder().encode('to you'))
    assert.is(String((await answer)[0]), 'to you')
    const again = heard(line)
    second.write('again')
    assert.is(await again, 'again')
    const secondGone = once(second, 'close')
    await line.close()
    await secondGone
    line.write(Uint8Array.of(9))
  }
})

test('a TCP line is on loopback by default, and is not shared', async () => {
  const line = await opened('tcp://:0')
  assert.match(line.url, /^tcp:\/\/127\.0\.0\.1:\d+$/)
  assert.match(await problemOf(line.url), /^20 .*in use/)
  await line.close()
  assert.match(await problemOf('tcp://192.0.2.1:0'), /^20 .*no address of this machine/)
  assert.match(await problemOf('udp://x:1'), /^2 /)
})

test('a unix socket is for its owner, and one left by a killed process is replaced', async () => {
  const path = join(folder, 'm.sock')
  const line = await opened(`unix://${path}`)
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.match(await problemOf(`unix://${path}`), /^20 .*in use/)
  await line.close()
  assert.not(existsSync(path))

  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script, path])
  assert.ok(existsSync(path))
  await (await opened(`unix://${path}`)).close()

  writeFileSync(path, 'not a socket')
  assert.match(await problemOf(`unix://${path}`), /^20 .*in the way/)
  assert.is(readFileSync(path, 'utf8'), 'not a socket')
  assert.match(await problemOf(`unix://${join(folder, 'none', 'm.sock')}`), /^20 .*folder/)
})

test('a serial port that cannot be opened is reported with the reason', async () => {
  assert.match(await problemOf(join(folder, 'ttyNONE')), /^20 there is no port .*by-id/)
  const file = join(folder, 'file')
  writeFileSync(file, '')
  assert.match(await problemOf(file), /^20 .*not a serial port/)
  assert.match(await problemOf(folder), /^20 .*not a serial port/)
})

if (spawnSync('socat', ['-V']).status === 0) {
  test('a pty is a serial port: bytes, one holder, and gone when it is', async () => {
    const ends = [join(folder, 'meter'), join(folder, 'host')] as const
    const socat = spawn('socat', ['-d', '-d', `pty,rawer,link=${ends[0]}`, `pty,rawer,link=${ends[1]}`])
    await new Promise<void>((ready) => {
      socat.stderr.on('data', (text) => {
        if (String(text).includes('starting data transfer loop')) ready()
      })
    })
    const [meter, host] = [await opened(`${ends[0]}:9600`), await opened(ends[1])]
    assert.is(meter.url, `${ends[0]}:9600`)
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const back = new Promise<number[]>((done) => {
      const got: number[] = []
      host.onData((bytes) => {
        got.push(...bytes)
        if (got.length === 256) done(got)
      })
    })
    meter.write(all)
    assert.equal(await back, [...all])
    assert.match(await problemOf(ends[0]), /^20 .*in use by another program/)
    const gone = new Promise<string>((done) => meter.onClose(done))
    socat.kill()
    assert.match(await gone, /is gone/)
    meter.write(all)
    await meter.close()
    await host.close()
  })
}

test.run()

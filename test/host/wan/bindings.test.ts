// The bridge's end of a line, by URL: TCP, unix socket, in memory, and what cannot be opened.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MockBinding } from '@serialport/binding-mock'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'
import { openPort, type Port, PortError } from '../../../host/wan/bindings.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { readProfile } from '../../support/sim/single-read.ts'
import { until } from '../../support/until.ts'

const test = suite('bindings')
const directory = mkdtempSync(join(tmpdir(), 'smets1-bindings-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const eui = '00-DB-12-34-56-78-90-A0'
const key = createRandom(42).bytes(32)

/** A meter with two days in its log, that answers whatever bytes it is given at once. */
function meterBehind(send: (bytes: Uint8Array) => void) {
  const world = createWorld({
    seed: 1,
    days: 2,
    eui,
    key,
    endMs: Date.UTC(2026, 10, 22),
    whOf: (halfHour) => halfHour % 500,
  })
  world.line.send = send
  return {
    first: world.first,
    received(bytes: Uint8Array) {
      world.meter.meter().received(bytes)
      do world.meter.meter().step()
      while (world.meter.meter().busy())
    },
  }
}

async function readDay(url: string, first: number): Promise<(number | undefined)[]> {
  const line = createLine(url, openPort, defaultLineLimits, systemTiming)
  const dco = createDco({ key: () => key }, createRandom(3).bytes)
  const readings = await readProfile(
    { line, dco, timing: systemTiming },
    eui,
    0,
    first,
    48,
    Date.now() + 16000,
    noUsage(),
  )
  await line.close()
  return readings.map((reading) => reading.wh)
}

async function listening(server: Server, where: string | number): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(where, resolve))
  return server
}

function meterServer(clients: Socket[] = []): Server {
  return createServer((socket) => {
    clients.push(socket)
    const meter = meterBehind((bytes) => void socket.write(bytes))
    socket.on('data', (bytes) => meter.received(bytes))
    socket.on('error', () => {})
  })
}

const { first } = meterBehind(() => {})
const expected = Array.from({ length: 48 }, (_, i) => (first + i) % 500)

test('tcp:// and unix:// read a day', async () => {
  const tcp = await listening(meterServer(), 0)
  assert.equal(await readDay(`tcp://127.0.0.1:${(tcp.address() as AddressInfo).port}`, first), expected)
  tcp.close()
  const path = join(directory, 'line.sock')
  const unix = await listening(meterServer(), path)
  assert.equal(await readDay(`unix://${path}`, first), expected)
  unix.close()
})

test('mock: reads a day through the serial port class without a port', async () => {
  MockBinding.createPort('/dev/METER', { echo: false, record: false })
  const open = MockBinding.open.bind(MockBinding)
  MockBinding.open = async (options) => {
    const port = await open(options)
    const meter = meterBehind((bytes) => port.port && port.emitData(Buffer.from(bytes)))
    port.write = async (bytes: Buffer) => meter.received(bytes)
    return port
  }
  assert.equal(await readDay('mock:/dev/METER', first), expected)
  MockBinding.open = open
  MockBinding.reset()
})

test('a port that goes away is noticed, and what is written then is not sent later', async () => {
  const clients: Socket[] = []
  const got: string[] = []
  const server = createServer((socket) => {
    clients.push(socket)
    socket.on('data', (bytes) => got.push(bytes.toString()))
    socket.on('error', () => {})
  })
  await listening(server, 0)
  const url = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gone = new Promise<void>((resolve) => {
    openPort(url, 115200, { data: () => {}, closed: resolve }).then((port) => {
      port.write(Buffer.from('first'))
      until(() => got.includes('first'), 'first message').then(() => clients[0]!.destroy())
      void gone.then(() => port.write(Buffer.from('STALE')))
    })
  })
  await gone
  const again = await openPort(url, 115200, { data: () => {}, closed: () => {} })
  again.write(Buffer.from('second'))
  await until(() => got.includes('second'), 'second message')
  assert.equal(got, ['first', 'second'])
  await again.close()
  server.close()
})

test('what cannot be opened is named, with the fix', async () => {
  const cases: [string, RegExp][] = [
    ['/dev/ttyNOTHERE', /does not exist: is the meter running, the cable plugged in/],
    [`unix://${directory}/nobody.sock`, /does not exist/],
    ['tcp://127.0.0.1:1', /nobody listens there: start the meter first/],
  ]
  for (const [url, said] of cases) {
    const error = await openPort(url, 9600, { data: () => {}, closed: () => {} }).then(
      () => undefined,
      (reason) => reason,
    )
    assert.instance(error, PortError)
    assert.match(error.message, said)
  }
})

/** Listens, lets the queue of its port fill up, and takes nobody: as a machine behind a dead network, it does not answer. */
const deaf = `const server = require('node:net').createServer()
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, server.address().port + '\\n')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

test('a host that does not answer is given up, so that it is tried again and a program can end', async () => {
  const host = spawn(process.execPath, ['-e', deaf], { stdio: ['ignore', 'pipe', 'inherit'] })
  const port = Number(await new Promise((resolve) => host.stdout.once('data', (bytes) => resolve(String(bytes)))))
  const queue = [0, 1, 2, 3].map(() => connect(port, '127.0.0.1').on('error', () => {}))
  await new Promise((resolve) => setTimeout(resolve, 100))
  try {
    const error = await Promise.race([
      openPort(`tcp://127.0.0.1:${port}`, 9600, { data: () => {}, closed: () => {} }).catch((reason) => reason),
      new Promise((resolve) => setTimeout(() => resolve('still trying'), 60_000).unref()),
    ])
    assert.instance(error, PortError)
    assert.match(error.message, /nobody answers there: is the machine on/)
  } finally {
    for (const socket of queue) socket.destroy()
    host.kill('SIGKILL')
  }
})

test('a port that opens only after its line was closed is closed as well', async () => {
  let opens: (port: Port) => void = () => {}
  const opening = new Promise<Port>((resolve) => {
    opens = resolve
  })
  const line = createLine('tcp://late', () => opening, defaultLineLimits, systemTiming)
  line.hold(() => {})
  await line.close()
  const closed = new Promise<boolean>((resolve) => {
    opens({ write: () => {}, close: async () => resolve(true) })
    setTimeout(() => resolve(false), 60_000).unref()
  })
  assert.ok(await closed)
})

test.run()

// smets1 doctor on tcp:// lines: servers that speak telnet, greet, close, or pass nothing on. Real sockets, virtual waits.

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { lineFindings } from '../../../host/cli/line-findings.ts'
import { greetingFinding } from '../../../host/cli/socket-findings.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'
import { openPort } from '../../../host/wan/bindings.ts'

const test = suite('doctor on sockets')
const eui = '00-DB-12-34-56-78-90-A0'

/** What doctor says of a server that does this with a connection. */
async function doctorOf(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { bytes: randomBytes } = createRandom(1)
  const dco = createDco({ key: () => new Uint8Array(32) }, randomBytes)
  const parts = {
    baud: 115200,
    frames: 5,
    setClock: false,
    confirmClock: false,
    progress() {},
    openPort,
    timing: systemTiming,
    randomBytes,
  }
  const { findings } = await lineFindings({ url: `tcp://127.0.0.1:${port}`, eui, dco, ...parts })
  for (const socket of sockets) socket.destroy()
  server.close()
  return findings
}

test('telnet is named, with what to do', async () => {
  // What ser2net sends on a port with telnet(rfc2217).
  const greeting = 'fffb00fffd00fffb01fffb03fffd03fffd2c'
  const findings = await doctorOf((socket) => void socket.write(Buffer.from(greeting, 'hex')))
  assert.is(findings.length, 1)
  const [{ state, text, fix } = { state: 'ok' as const, text: '', fix: '' }] = findings
  assert.is(state, 'wrong')
  assert.match(text, /speaks telnet: it begins with 6 negotiations/)
  assert.match(fix ?? '', /^make the port raw: /)
})

test('a banner is shown', async () => {
  const findings = await doctorOf((socket) => {
    socket.write('ser2net port 2000 device /dev/ttyS0 [115200 N81] (Debian)\r\n')
  })
  assert.is(findings[0]?.state, 'warning')
  assert.match(findings[0]?.text ?? '', /greets with a text: "ser2net port 2000 device/)
  assert.match(findings[0]?.fix ?? '', /switch the banner of the port off/)
})

test('a server that has its one client already', async () => {
  const findings = await doctorOf((socket) => socket.end('Port already in use\r\n'))
  assert.is(findings.length, 1)
  assert.is(findings[0]?.state, 'wrong')
  assert.match(findings[0]?.text ?? '', /accepts the connection and closes it; it says "Port already in use"/)
  assert.match(findings[0]?.fix ?? '', /is a bridge connected/)
})

test('a connection that stands while nothing comes back', async () => {
  const findings = await doctorOf((socket) => void socket.resume())
  const last = findings.at(-1)
  assert.is(last?.state, 'wrong')
  assert.match(last?.text ?? '', /the connection stands, and nothing comes back from 00-DB/)
  assert.match(last?.fix ?? '', /half-open/)
})

test('frames and other bytes of a line are no telnet and no banner', () => {
  const { bytes } = createRandom(3)
  for (let i = 0; i < 200; i++) {
    const sample = [...bytes(40)]
    const found = greetingFinding({ bytes: 40, frames: 1, dropped: 1, sample, sent: [] }, true)
    assert.is(found, undefined)
  }
  assert.is(greetingFinding({ bytes: 0, frames: 0, dropped: 0, sample: [], sent: [] }, true), undefined)
})

test.run()

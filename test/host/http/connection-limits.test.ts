// Many connections of one peer, silent ones and slow ones: what others notice, and what the bridge keeps.

import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limitConnections, peerOf } from '../../../host/http/connection-limits.ts'
import { createHttpServer, defaultHttpLimits } from '../../../host/http/http-server.ts'
import { createMetricsServer } from '../../../host/http/metrics-server.ts'
import type { SecurityEvent } from '../../../host/state/security-event.ts'

const test = suite('connection limits')
const closing: (() => void)[] = []

test.after.each(() => {
  for (const close of closing.splice(0)) close()
})

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A connection from an address of this machine; `ended` resolves with what it received when the other side closes it. */
async function opened(port: number, localAddress: string): Promise<{ socket: Socket; ended: Promise<string> }> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  let received = ''
  socket.on('data', (bytes) => {
    received += bytes
  })
  socket.on('error', () => {})
  closing.push(() => socket.destroy())
  const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(received)))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return { socket, ended }
}

const post = (path: string, body = '<a/>') =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/xml\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** The first status that comes on a connection. */
function status(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes).slice(9, 12))))
}

test('a peer is an IPv4 address, or a /64 of IPv6', () => {
  assert.is(peerOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.is(peerOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  assert.is(peerOf('2001:db8::6'), '2001:db8:0:0::/64')
  assert.is(peerOf('2001:db8::3:4:5:6:7'), '2001:db8:0:3::/64')
  assert.is(peerOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.is(peerOf('::1'), '::1')
})

test('2,000 silent connections of one peer cost another peer nothing', async () => {
  const events: SecurityEvent[] = []
  const server = createHttpServer(
    async () => ({ xml: '<answer/>' }),
    defaultHttpLimits,
    () => {},
    { report: (event) => events.push(event) },
  )
  const port = await listening(server)
  const kept = await opened(port, '127.0.0.9')
  kept.socket.write(post('/api/v1/serviceS'))
  assert.is(await status(kept.socket), '200')
  for (let i = 0; i < 2000; i++) await opened(port, '127.0.0.2')
  const other = await opened(port, '127.0.0.3')
  other.socket.write(post('/api/v1/serviceS'))
  assert.is(await status(other.socket), '200')
  kept.socket.write(post('/api/v1/serviceS'))
  assert.is(await status(kept.socket), '200', 'the connection that another peer had before is still there')
  const open = await new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
  assert.ok(open <= defaultHttpLimits.perPeer + 2, `${open} connections are open`)
  assert.equal(
    [...new Set(events.map(({ event, who, what }) => `${event} ${who} ${what}`))],
    ['too many connections 127.0.0.2 of one peer'],
  )
  assert.is(events.length, 2000 - defaultHttpLimits.perPeer)
})

test('a connection with a request in progress is never closed for a silent one; a peer has no more than its number', async () => {
  let finish = () => {}
  const server = createServer((_, response) => {
    finish = () => response.end('done')
  })
  limitConnections(server, { connectionsMax: 10, perPeer: 2, waitingMax: 10 }, () => {})
  const port = await listening(server)
  const busy = [await opened(port, '127.0.0.2'), await opened(port, '127.0.0.2')]
  for (const { socket } of busy) socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const third = await opened(port, '127.0.0.2')
  assert.is(await third.ended, '', 'both are busy: the third is closed')
  finish()
  assert.is(await status(busy[1]!.socket), '200')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const fourth = await opened(port, '127.0.0.2')
  await busy[1]!.ended
  fourth.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  finish()
  assert.is(await status(fourth.socket), '200', 'the one that waited has made room')
})

test('a full listener closes the connection that has waited longest, whoever has it', async () => {
  const server = createServer((_, response) => response.end('done'))
  limitConnections(server, { connectionsMax: 4, perPeer: 3, waitingMax: 4 }, () => {})
  const port = await listening(server)
  const silent = await Promise.all(['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'].map((ip) => opened(port, ip)))
  const late = await opened(port, '127.0.0.6')
  await silent[0]!.ended
  late.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  assert.is(await status(late.socket), '200')
})

test('a header or a body that dribbles in is cut off in time, and reported', async () => {
  const events: SecurityEvent[] = []
  const server = createHttpServer(
    async () => ({ xml: '<answer/>' }),
    { ...defaultHttpLimits, requestMs: 1000 },
    () => {},
    { report: (event) => events.push(event) },
  )
  const port = await listening(server)
  const starts = ['', 'POST /api/v1/serviceS HTTP/1.1\r\nx', `${post('/api/v1/serviceS', '<a/>').slice(0, -2)}`]
  const slow = await Promise.all(starts.map(() => opened(port, '127.0.0.2')))
  const sinceMs = Date.now()
  slow.forEach(({ socket }, i) => void socket.write(starts[i] ?? ''))
  const dribble = setInterval(() => void slow[1]!.socket.write('x'), 100)
  const answers = await Promise.all(slow.map(({ ended }) => ended))
  clearInterval(dribble)
  assert.ok(Date.now() - sinceMs < 4000, `${Date.now() - sinceMs} ms`)
  for (const answer of answers) assert.match(answer, /^(HTTP\/1\.1 408 |$)/)
  assert.ok(events.some(({ event }) => event === 'request too slow'))
})

test('bytes that are no HTTP get 400, and are reported with their peer', async () => {
  const events: SecurityEvent[] = []
  const server = createHttpServer(
    async () => ({ xml: '' }),
    defaultHttpLimits,
    () => {},
    { report: (event) => events.push(event) },
  )
  const port = await listening(server)
  const { socket, ended } = await opened(port, '127.0.0.7')
  socket.write('\x16\x03\x01 this is TLS\r\n\r\n')
  assert.match(await ended, /^HTTP\/1\.1 400 /)
  assert.equal(events, [{ event: 'malformed request', who: '127.0.0.7', what: 'HTTP' }])
})

const expecting = (method: string, path: string, host: string) =>
  `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/xml\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n`

/** The statuses of a request that sends its body once it may. */
async function expected(port: number, method: string, path: string, host = 'a'): Promise<string[]> {
  const { socket, ended } = await opened(port, '127.0.0.8')
  const statuses: string[] = []
  socket.on('data', (bytes) => {
    for (const [, found = ''] of String(bytes).matchAll(/HTTP\/1\.1 (\d+) /g)) {
      statuses.push(found)
      if (found === '100') socket.write('<a/>')
      else socket.end()
    }
  })
  const late = setTimeout(() => socket.destroy(), 5000)
  socket.write(expecting(method, path, host))
  await ended
  clearTimeout(late)
  return statuses
}

test('who waits for 100 (Continue) gets it from every listener, and is counted as busy once', async () => {
  let during = { open: 0, waiting: 0 }
  const plain = createServer((request, response) => {
    during = counts()
    request.resume().on('end', () => response.end('done'))
  })
  const counts = limitConnections(plain, { connectionsMax: 10, perPeer: 2, waitingMax: 10 }, () => {})
  const port = await listening(plain)
  const idle = await opened(port, '127.0.0.8')
  assert.equal(await expected(port, 'POST', '/'), ['100', '200'])
  assert.equal(during, { open: 2, waiting: 1 })
  idle.socket.destroy()

  const duis = createHttpServer(
    async () => ({ xml: '<answer/>' }),
    defaultHttpLimits,
    () => {},
  )
  assert.equal(await expected(await listening(duis), 'POST', '/api/v1/serviceS'), ['100', '200'])

  const metrics = createMetricsServer({ metrics: () => '', stats: () => ({}), notReady: () => undefined })
  assert.equal(await expected(await listening(metrics), 'GET', '/healthz', '127.0.0.1'), ['100', '200'])
})

test.run()

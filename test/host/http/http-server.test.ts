import type { Server } from 'node:http'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHttpServer, defaultHttpLimits } from '../../../host/http/http-server.ts'

const test = suite('http server')
const bodies: { endpoint: string; bytes: number; explain: boolean }[] = []
const faults: unknown[] = []
let server: Server
let port = 0

test.before(async () => {
  server = createHttpServer(
    async (endpoint, body, explain) => {
      bodies.push({ endpoint, bytes: body.length, explain })
      if (Buffer.from(body).toString() === 'fail') throw new Error('broken')
      return { xml: '<answer/>', headers: explain ? { 'smets1-explain': 'because' } : {} }
    },
    { ...defaultHttpLimits, bodyBytesMax: 1000 },
    (error) => faults.push(error),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
test.after(() => {
  server.closeAllConnections()
  server.close()
})

function send(
  method: string,
  path: string,
  body: string | Buffer,
  headers: { [name: string]: string } = { 'content-type': 'application/xml' },
) {
  return new Promise<{ status: number; type: string; body: string; headers: { [name: string]: unknown } }>(
    (resolve, reject) => {
      const outgoing = request({ port, method, path, headers, host: '127.0.0.1' }, (response) => {
        let text = ''
        response.on('data', (bytes) => {
          text += bytes
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            type: response.headers['content-type'] ?? '',
            body: text,
            headers: response.headers,
          }),
        )
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    },
  )
}

/** What is received on a connection that sends these texts, each once something has come; until it is closed or silent. */
function conversation(...texts: string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.write(texts.shift() ?? '')
    socket.on('data', (bytes) => {
      received += bytes
      const next = texts.shift()
      if (next !== undefined) socket.write(next)
      else if (/HTTP\/1\.1 [2-5]/.test(received)) socket.end()
    })
    socket.on('close', () => resolve(received))
  })
}

test('the three services answer 200 and XML', async () => {
  for (const endpoint of ['serviceD', 'serviceS', 'serviceT']) {
    const answer = await send('POST', `/api/v1/${endpoint}`, '<a/>')
    assert.equal([answer.status, answer.type, answer.body], [200, 'application/xml', '<answer/>'])
    assert.is(bodies.at(-1)!.endpoint, endpoint)
  }
  const parameters = await send('POST', '/api/v1/serviceS', '<a/>', {
    'content-type': 'application/xml; charset=utf-8',
    'smets1-explain': '1',
  })
  assert.is(parameters.headers['smets1-explain'], 'because')
})

test('any other request is answered with what to do instead', async () => {
  assert.is((await send('GET', '/', '')).status, 404)
  assert.is((await send('POST', '/api/v1/serviceX', '<a/>')).status, 404)
  const get = await send('GET', '/api/v1/serviceS', '')
  assert.equal([get.status, get.headers.allow], [405, 'POST'])
  const json = await send('POST', '/api/v1/serviceS', '{}', { 'content-type': 'application/json' })
  assert.is(json.status, 415)
  assert.match(json.body, /application\/xml/)
})

test('a body over the limit gets 413, whether its length is announced or not', async () => {
  const before = bodies.length
  assert.is((await send('POST', '/api/v1/serviceS', Buffer.alloc(1000, 32))).status, 200)
  assert.is((await send('POST', '/api/v1/serviceS', Buffer.alloc(1001, 32))).status, 413)
  const chunked = { 'content-type': 'application/xml', 'transfer-encoding': 'chunked' }
  const answer = await send('POST', '/api/v1/serviceS', Buffer.alloc(15000, 32), chunked)
  assert.is(answer.status, 413)
  assert.match(answer.body, /1000 bytes at most/)
  assert.is(bodies.length, before + 1)
})

test('a content coding is refused with the one that is taken', async () => {
  const xml = { 'content-type': 'application/xml' }
  const gzip = await send('POST', '/api/v1/serviceS', '<a/>', { ...xml, 'content-encoding': 'gzip' })
  assert.equal([gzip.status, gzip.headers['accept-encoding']], [415, 'identity'])
  assert.is((await send('POST', '/api/v1/serviceS', '<a/>', { ...xml, 'content-encoding': 'Identity' })).status, 200)
})

test('a request target may be absolute, as proxies send it; other forms and other paths are not found', async () => {
  for (const [target, status] of [
    ['http://bridge.example:8079/api/v1/serviceS', 200],
    ['HTTPS://bridge.example/api/v1/serviceS/', 200],
    ['http://bridge.example', 404],
    ['http://bridge.example/other/api/v1/serviceS', 404],
    ['/api/v1/../v1/serviceS', 404],
    ['*', 404],
    ['ftp://bridge.example/api/v1/serviceS', 404],
  ] as const)
    assert.is((await send('POST', target, '<a/>')).status, status, target)
})

test('a client that waits for 100 (Continue) gets it, or its refusal without sending the body', async () => {
  const head = (length: number) =>
    'POST /api/v1/serviceS HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-type: application/xml\r\n' +
    `content-length: ${length}\r\n\r\n`
  const good = await conversation(head(4), '<a/>')
  assert.match(good, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  const large = await conversation(head(5000))
  assert.match(large, /^HTTP\/1\.1 413 [\s\S]*connection: close/i)
})

test('a fault of ours is an HTTP error without its inside, and is logged', async () => {
  const answer = await send('POST', '/api/v1/serviceS', 'fail')
  assert.is(answer.status, 500)
  assert.not.match(answer.body, /broken/)
  assert.is(faults.length, 1)
})

test('a client that goes away in the middle is forgotten', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    'POST /api/v1/serviceS HTTP/1.1\r\nhost: a\r\ncontent-type: application/xml\r\ncontent-length: 500\r\n\r\n<a>',
  )
  const before = bodies.length
  socket.destroy()
  await send('POST', '/api/v1/serviceS', '<a/>')
  assert.is(bodies.length, before + 1, 'half a request is not answered')
})

test.run()

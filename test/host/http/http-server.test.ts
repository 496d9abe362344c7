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

test('a body over the limit is cut one byte after it, never gathered', async () => {
  const answer = await send('POST', '/api/v1/serviceS', Buffer.alloc(200000, 32))
  assert.is(answer.status, 200)
  assert.is(bodies.at(-1)!.bytes, 1001)
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

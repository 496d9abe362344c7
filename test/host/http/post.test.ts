import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPoster } from '../../../host/http/post.ts'

const test = suite('post')
const poster = createPoster()
const got: { body: string; type: string | undefined }[] = []
let server: Server
let url = ''

test.before(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes) => {
      body += bytes
    })
    request.on('end', () => {
      got.push({ body, type: request.headers['content-type'] })
      if (request.url === '/slow') return
      if (request.url === '/dies') response.destroy()
      else response.writeHead(Number(request.url!.slice(1))).end('x'.repeat(100000))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
test.after(() => {
  void poster.end()
  server.closeAllConnections()
  server.close()
})

const problem = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: Error) => error.message,
  )

test('the bytes arrive unchanged, and the status is returned', async () => {
  for (const status of [204, 200, 400, 413, 503]) {
    assert.is(await poster.post(`${url}/${status}`, '<a>\u00e9</a>', 2000), status)
    assert.equal(got.at(-1), { body: '<a>\u00e9</a>', type: 'application/xml' })
  }
})

test('a User that is slow, disconnects or is unreachable is reported', async () => {
  assert.match(await problem(poster.post(`${url}/slow`, '<a/>', 40)), /no answer within 40 ms/)
  assert.match(await problem(poster.post(`${url}/dies`, '<a/>', 2000)), /closed|reset/)
  assert.match(await problem(poster.post('http://127.0.0.1:1/', '<a/>', 2000)), /ECONNREFUSED/)
})

test('a User that closes an idle connection just as it is used gets the push on another at once', async () => {
  let requests = 0
  const closing = createTcpServer((socket) => {
    socket.on('error', () => {})
    let isUsed = false
    socket.on('data', (bytes) => {
      if (!String(bytes).includes('<a/>')) return
      // The second request on a connection finds it closed.
      if (isUsed) return void socket.resetAndDestroy()
      isUsed = true
      requests += 1
      socket.write('HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n')
    })
  })
  await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve))
  const at = `http://127.0.0.1:${(closing.address() as AddressInfo).port}/`
  for (let i = 0; i < 5; i++) assert.is(await poster.post(at, '<a/>', 2000), 204)
  assert.is(requests, 5)
  closing.close()
})

test.run()

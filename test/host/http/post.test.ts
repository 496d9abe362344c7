import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
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

test.run()

// When load is shed, and what callers get.

import { type AddressInfo, connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHttpServer, defaultHttpLimits } from '../../../host/http/http-server.ts'
import { createLoadGate } from '../../../host/http/load-gate.ts'

const test = suite('load gate')

test('admits by number, and counts what is turned away', () => {
  const gate = createLoadGate(2)
  assert.ok(gate.admits())
  const first = gate.enter()
  const second = gate.enter()
  assert.not.ok(gate.admits(), 'two are inside')
  second()
  second()
  assert.ok(gate.admits())
  first()
  assert.equal([gate.shed(), gate.inside()], [1, 0])
})

test('a request that is shed gets 503 and Retry-After, and the connection goes on', async () => {
  const finish: (() => void)[] = []
  const gate = createLoadGate(1)
  const server = createHttpServer(
    () => new Promise((resolve) => finish.push(() => resolve({ xml: '<answer/>' }))),
    defaultHttpLimits,
    () => {},
    { gate },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const request =
    'POST /api/v1/serviceS HTTP/1.1\r\nhost: a\r\ncontent-type: application/xml\r\ncontent-length: 4\r\n\r\n<a/>'
  const answerOn = (socket: ReturnType<typeof connect>) =>
    new Promise<string>((resolve) => {
      socket.once('data', (bytes) => resolve(String(bytes)))
      socket.write(request)
    })
  const [one, other] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  const first = answerOn(one)
  while (gate.inside() === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  const shed = await answerOn(other)
  assert.match(shed, /^HTTP\/1\.1 503 /)
  assert.match(shed, /\r\nretry-after: 1\r\n/i)
  finish.shift()?.()
  assert.match(await first, /^HTTP\/1\.1 200 /)
  const again = answerOn(other)
  while (gate.inside() === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  finish.shift()?.()
  assert.match(await again, /^HTTP\/1\.1 200 /)
  one.destroy()
  other.destroy()
  server.closeAllConnections()
  server.close()
})

test.run()

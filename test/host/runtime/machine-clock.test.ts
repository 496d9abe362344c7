// A virtual clock is told of every exchange with a User.

import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createHttpServer, defaultHttpLimits } from '../../../host/http/http-server.ts'
import { holdExchanges } from '../../../host/runtime/machine-clock.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'

const test = suite('machine clock')

/** A server whose clock counts what it is held by. */
async function heldServer(): Promise<{ server: Server; port: number; holds: { now: number; ever: number } }> {
  const holds = { now: 0, ever: 0 }
  const clock = {
    kind: 'virtual' as const,
    timing: systemTiming,
    hold<T>(work: Promise<T>): Promise<T> {
      holds.now += 1
      holds.ever += 1
      void work.finally(() => {
        holds.now -= 1
      })
      return work
    },
    answering() {},
  }
  const exchanges = holdExchanges(async () => ({ xml: '<answer/>' }), clock)
  const server = createHttpServer(exchanges.receive, defaultHttpLimits, () => {})
  exchanges.watch(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port, holds }
}

for (const expects of [false, true])
  test(`virtual time is held while a body ${expects ? 'waits for 100 (Continue)' : 'comes'}`, async () => {
    const { server, port, holds } = await heldServer()
    try {
      const socket = connect(port, '127.0.0.1')
      let received = ''
      const answered = new Promise<void>((resolve) =>
        socket.on('data', (bytes) => {
          received += bytes
          if (received.includes('<answer/>')) resolve()
        }),
      )
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      const opened = new Promise<void>((resolve) => server.once(expects ? 'checkContinue' : 'request', () => resolve()))
      const expect = expects ? 'expect: 100-continue\r\n' : ''
      socket.write(
        `POST /api/v1/serviceS HTTP/1.1\r\nhost: a\r\ncontent-type: application/xml\r\n${expect}content-length: 4\r\n\r\n`,
      )
      await opened
      assert.is(holds.now, 1, 'its body has not come')
      socket.write('<a/>')
      await answered
      assert.match(received, /smets1-clock: virtual /)
      socket.end()
      await closed
      await new Promise((resolve) => setImmediate(resolve))
      assert.is(holds.now, 0)
      assert.ok(holds.ever > 0)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

test.run()

// One User whose callback is down, slow or endless: what the others notice.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { createPoster } from '../../../host/http/post.ts'
import { createOutboxDisk, startDelivery } from '../../support/sim/delivery.ts'

const good = 'http://127.0.0.1:1/good'
const pushTimeoutMs = 5000

/** What becomes of a push to a bad User, and after how long. */
const bad = {
  down: { afterMs: 0, problem: 'connect ECONNREFUSED' },
  'slow beyond its time': { afterMs: pushTimeoutMs, problem: 'no answer within 5000 ms' },
  'answering with a failure after a while': { afterMs: 3000, problem: 503 },
} as const

for (const [what, { afterMs, problem }] of Object.entries(bad)) {
  for (const users of [1, 5, 20]) {
    const each = users > 5 ? 70 : 500
    test(`${users} that are ${what}, with ${each} responses each: another User gets its own at once`, async () => {
      const clock = createVirtualClock(1000)
      const sentMs = new Map<string, number>()
      let underWay = 0
      let most = 0
      const post = async (url: string, body: string) => {
        if (url === good) {
          sentMs.set(body, clock.nowMs())
          return 204
        }
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise<void>((resolve) => void clock.after(afterMs, resolve))
        underWay -= 1
        if (typeof problem === 'string') throw new Error(problem)
        return problem
      }
      const delivery = await startDelivery(createOutboxDisk(), clock, { post })
      for (let user = 0; user < users; user++) {
        for (let i = 0; i < each; i++) {
          const id = `bad-${user}-${i}`
          await delivery.keep(id, `http://127.0.0.1:1/${user}`, id)
          delivery.start(id)
        }
      }
      let longestMs = 0
      for (let i = 0; i < 200; i++) {
        const keptMs = clock.nowMs()
        await delivery.keep(`good-${i}`, good, `good-${i}`)
        delivery.start(`good-${i}`)
        await clock.pass(100)
        longestMs = Math.max(longestMs, (sentMs.get(`good-${i}`) ?? Number.POSITIVE_INFINITY) - keptMs)
      }
      assert.ok(longestMs <= 1, `${longestMs} ms`)
      // Once its first pushes have failed, a User that fails is asked with one at a time.
      most = 0
      await clock.pass(10_000)
      assert.ok(most <= users, `${most} under way`)
      await clock.run(delivery.stop())
    })
  }
}

test('a User that is back after it was down is sent what waits, many at once', async () => {
  const clock = createVirtualClock(1000)
  let isDown = true
  const taken = new Set<string>()
  let underWay = 0
  let most = 0
  const post = async (_url: string, body: string) => {
    if (isDown) throw new Error('connect ECONNREFUSED')
    underWay += 1
    most = Math.max(most, underWay)
    await new Promise<void>((resolve) => void clock.after(10, resolve))
    underWay -= 1
    taken.add(body)
    return 204
  }
  const delivery = await startDelivery(createOutboxDisk(), clock, { post })
  for (let i = 0; i < 200; i++) {
    await delivery.keep(`${i}`, good, `${i}`)
    delivery.start(`${i}`)
  }
  await clock.pass(3000)
  isDown = false
  await clock.pass(60_000)
  assert.is(taken.size, 200)
  assert.ok(most > 30, `${most} at once`)
  await clock.run(delivery.stop())
})

test('an answer without end costs one push its time, and no memory', async () => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200)
    const timer = setInterval(() => response.write(Buffer.alloc(65536)), 1)
    response.on('close', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const poster = createPoster()
  const startMs = performance.now()
  await poster.post(url, '<a/>', 1000).catch(() => {})
  assert.ok(performance.now() - startMs < 3000, `${performance.now() - startMs} ms`)
  await poster.end()
  server.closeAllConnections()
  server.close()
})

test.run()

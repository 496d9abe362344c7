import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { giveUpAfterMs } from '../../../host/delivery/age-limit.ts'
import { createDelivery } from '../../../host/delivery/delivery.ts'
import { createMemoryStore } from '../../../host/store/store.ts'

function bench(answers: (number | string)[]) {
  const clock = createVirtualClock(1000)
  const store = createMemoryStore(bridgeTables)
  const posts: { atMs: number; body: string }[] = []
  const post = async (_url: string, body: string) => {
    posts.push({ atMs: clock.nowMs(), body })
    const answer = answers[Math.min(posts.length, answers.length) - 1]!
    if (typeof answer === 'string') throw new Error(answer)
    return answer
  }
  const start = () =>
    createDelivery(
      store,
      post,
      clock,
      () => {},
      () => {},
    )
  return { clock, store, posts, start }
}

const url = 'http://127.0.0.1:8181/'

test('a response that is taken is gone', async () => {
  const { clock, posts, start } = bench([204])
  const delivery = start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(10)
  assert.is(posts.length, 1)
  assert.equal(delivery.pending(), [])
})

test('a User that is down or fails is tried again, later and later, with the same bytes', async () => {
  const { clock, posts, start } = bench(['connect ECONNREFUSED', 503, 'timed out', 429, 200])
  const delivery = start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(200000)
  assert.equal(
    posts.map((entry) => entry.atMs),
    [1000, 2000, 7000, 37000, 157000],
  )
  assert.ok(posts.every((entry) => entry.body === '<a/>'))
  assert.equal(delivery.pending(), [])
})

test('a refusal is stored and listed, not retried', async () => {
  const { clock, posts, start } = bench([413])
  const delivery = start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(giveUpAfterMs)
  assert.is(posts.length, 1)
  assert.equal(
    delivery.pending().map(({ id, state, lastProblem }) => ({ id, state, lastProblem })),
    [{ id: 'a', state: 'refused', lastProblem: 'HTTP 413' }],
  )
})

test('after a day it is given up, stored and listed', async () => {
  const { clock, posts, start } = bench(['connect ECONNREFUSED'])
  const delivery = start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(giveUpAfterMs * 2)
  const [left] = delivery.pending()
  assert.is(left?.state, 'given up')
  assert.is(left?.tries, posts.length)
})

test('what was not delivered before a stop is delivered after the next start', async () => {
  const { clock, posts, start } = bench([503, 204])
  const first = start()
  await first.keep('a', url, '<a/>')
  first.start('a')
  await clock.pass(500)
  await first.stop()
  await clock.pass(60000)
  assert.is(posts.length, 1)
  const second = start()
  second.resume()
  await clock.pass(10)
  assert.is(posts.length, 2)
  assert.equal(second.pending(), [])
})

test.run()

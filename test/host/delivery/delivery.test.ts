import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { giveUpAfterMs } from '../../../host/delivery/age-limit.ts'
import { createOutboxDisk, startDelivery, usualLimits } from '../../support/sim/delivery.ts'

function bench(answers: (number | string)[]) {
  const clock = createVirtualClock(1000)
  const disk = createOutboxDisk()
  const posts: { atMs: number; body: string }[] = []
  const post = async (_url: string, body: string) => {
    posts.push({ atMs: clock.nowMs(), body })
    const answer = answers[Math.min(posts.length, answers.length) - 1]!
    if (typeof answer === 'string') throw new Error(answer)
    return answer
  }
  let aheadMs = 0
  const timing = { ...clock, nowMs: () => clock.nowMs() + aheadMs }
  const start = () => startDelivery(disk, timing, { post })
  const setClock = (byMs: number) => {
    aheadMs += byMs
  }
  return { clock, disk, posts, start, setClock }
}

const url = 'http://127.0.0.1:8181/'

test('a response that is taken is gone', async () => {
  const { clock, posts, start } = bench([204])
  const delivery = await start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(10)
  assert.is(posts.length, 1)
  assert.equal(delivery.pending(), [])
})

test('a User that is down or fails is tried again, later and later, with the same bytes', async () => {
  const { clock, posts, start } = bench(['connect ECONNREFUSED', 503, 'timed out', 429, 200])
  const delivery = await start()
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

test('setting the clock by an hour, either way, changes no wait between tries', async () => {
  for (const stepMs of [-3_600_000, 3_600_000]) {
    const { clock, posts, start, setClock } = bench(['timed out', 503, 503, 200])
    const delivery = await start()
    await delivery.keep('a', url, '<a/>')
    delivery.start('a')
    await clock.pass(6500)
    setClock(stepMs)
    await clock.pass(100_000)
    assert.equal(
      posts.map((entry) => entry.atMs),
      [1000, 2000, 7000, 37000],
    )
  }
})

test('a refusal is stored and listed, not retried', async () => {
  const { clock, posts, start } = bench([413])
  const delivery = await start()
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
  const delivery = await start()
  await delivery.keep('a', url, '<a/>')
  delivery.start('a')
  await clock.pass(giveUpAfterMs * 1.5)
  const [left] = delivery.pending()
  assert.is(left?.state, 'given up')
  assert.is(left?.tries, posts.length)
  assert.is(left?.bytes, 0, 'its content is destroyed')
  assert.is(await delivery.retry('a'), false)
  await clock.pass(giveUpAfterMs)
  assert.equal(delivery.pending(), [])
})

test('beyond its bound a User loses its oldest responses, and another User none', async () => {
  const { clock, disk, posts } = bench(['connect ECONNREFUSED'])
  const limits = { ...usualLimits, countMax: 3, bytesMax: 100 }
  const post = async () => {
    throw new Error('connect ECONNREFUSED')
  }
  const delivery = await startDelivery(disk, clock, { post }, limits)
  for (const id of ['a:1', 'a:2', 'b:1', 'a:3', 'a:4', 'a:5']) {
    await delivery.keep(id, url, '<a/>')
    delivery.start(id)
    await clock.pass(10)
  }
  assert.equal(delivery.givenUp, ['a:1', 'a:2'])
  await delivery.keep('a:6', url, 'x'.repeat(95))
  assert.equal(delivery.givenUp, ['a:1', 'a:2', 'a:3', 'a:4'])
  const waiting = delivery.pending().filter(({ state }) => state === 'waiting')
  assert.equal(
    waiting.map(({ id }) => id),
    ['b:1', 'a:5', 'a:6'],
  )
  assert.is(posts.length, 0)
})

test('a refused response is sent again when it is asked for, to the address that its User has then', async () => {
  const { clock, disk } = bench([])
  const sent: string[] = []
  let address = 'http://127.0.0.1:1/'
  const post = async (to: string) => {
    sent.push(to)
    return sent.length === 1 ? { status: 308, location: 'http://127.0.0.1:2/' } : sent.length === 2 ? 404 : 200
  }
  const delivery = await startDelivery(disk, clock, { post, addressOf: () => address })
  await delivery.keep('a:1', url, '<a/>')
  delivery.start('a:1')
  await clock.pass(10)
  assert.match(delivery.pending()[0]?.lastProblem ?? '', /HTTP 308, redirected to http:\/\/127\.0\.0\.1:2\//)
  address = 'http://127.0.0.1:3/'
  await clock.pass(2000)
  assert.is(delivery.pending()[0]?.state, 'refused')
  assert.is(await delivery.retry('a:1'), true)
  await clock.pass(10)
  assert.equal(sent, ['http://127.0.0.1:1/', 'http://127.0.0.1:3/', 'http://127.0.0.1:3/'])
  assert.equal(delivery.pending(), [])
  assert.is(await delivery.discard('a:1'), false)
})

test('after a step of the clock by more than a day nothing is given up by age until an operator confirms it', async () => {
  const { clock, disk } = bench([])
  const post = async () => 503
  const delivery = await startDelivery(disk, clock, { post })
  await delivery.keep('a:1', url, '<a/>')
  delivery.start('a:1')
  await delivery.age.save()
  await delivery.stop()
  clock.set(clock.nowMs() + 3 * giveUpAfterMs)
  const next = await startDelivery(disk, clock, { post })
  next.resume()
  await clock.pass(120_000)
  assert.is(next.pending()[0]?.state, 'waiting')
  assert.ok(next.age.jumpMs() >= 3 * giveUpAfterMs)
  next.age.confirm()
  await clock.pass(120_000)
  assert.equal(next.pending(), [])
})

test('what was not delivered before a stop is delivered after the next start', async () => {
  const { clock, posts, start } = bench([503, 204])
  const first = await start()
  await first.keep('a', url, '<a/>')
  first.start('a')
  await clock.pass(500)
  await first.stop()
  await clock.pass(60000)
  assert.is(posts.length, 1)
  const second = await start()
  second.resume()
  await clock.pass(10)
  assert.is(posts.length, 2)
  assert.equal(second.pending(), [])
})

test.run()

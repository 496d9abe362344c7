// Unmodified Node-RED nodes of DCC Boxed, by what is known of them: the send node stores its message once Java has
// validated the acknowledgement, and a response that comes earlier loses it; the receive node answers once a process of
// its own has validated the response, 2 to 5 s of one of two processors each.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { UserAnswer } from '../../../emulation/bench-callbacks.ts'
import { exportParties } from '../../../emulation/bench-parties.ts'
import { createRandom } from '../../../emulation/random.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { pushTermsOf } from '../../../host/access/user-details.ts'
import { parseResponse } from '../../../host/duis/read-response.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { createOutboxDisk, startDelivery } from '../../support/sim/delivery.ts'

const requestIdIn = (xml: string) => {
  const parsed = parseResponse(Buffer.from(xml))
  return parsed.ok ? (parsed.response.requestId?.text ?? '') : ''
}

/** The nodes: messages kept, messages lost, and how often each response came. */
function createNodes(clock: { nowMs(): number; after(ms: number, call: () => void): unknown }, seed: number) {
  const random = createRandom(seed)
  const storedAtMs = new Map<string, number>()
  const kept = new Set<string>()
  const came = new Map<string, number>()
  const processorFreeMs = [0, 0]
  const answer: UserAnswer = ({ xml }) => {
    const id = requestIdIn(xml)
    came.set(id, (came.get(id) ?? 0) + 1)
    if ((storedAtMs.get(id) ?? Number.POSITIVE_INFINITY) <= clock.nowMs()) kept.add(id)
    const next = processorFreeMs.indexOf(Math.min(...processorFreeMs))
    const doneMs = Math.max(processorFreeMs[next] ?? 0, clock.nowMs()) + 2_000 + random.below(3_000)
    processorFreeMs[next] = doneMs
    return new Promise((resolve) => clock.after(doneMs - clock.nowMs(), () => resolve(204)))
  }
  return {
    answer,
    /** A warm signer validates an acknowledgement within some 100 ms to 1.5 s. */
    acknowledged: (id: string) => void storedAtMs.set(id, clock.nowMs() + 100 + random.below(1_400)),
    kept,
    came,
  }
}

async function fortyReads(user: { [name: string]: unknown }) {
  const parties = exportParties()
  Object.assign(parties.users[0]!, user)
  const b = await createBench({ days: 3, parties })
  const nodes = createNodes(b.clock, 7)
  b.usersAnswer(nodes.answer)
  for (let i = 0; i < 40; i++) {
    const { code, xml } = await b.post(b.sign(b.request()))
    assert.is(code, 'I99')
    nodes.acknowledged(requestIdIn(xml))
  }
  await b.clock.pass(400_000)
  return {
    kept: nodes.kept.size,
    answered: nodes.came.size,
    most: Math.max(...nodes.came.values()),
    pending: b.bridge().delivery.pending().length,
  }
}

test('40 reads: every message is kept, every response comes once', async () => {
  assert.equal(await fortyReads({ mode: 'boxed' }), { kept: 40, answered: 40, most: 1, pending: 0 })
})

test('without the delay messages are lost, without the longer time responses come again', async () => {
  assert.is((await fortyReads({ mode: 'boxed', pushDelayMs: 0 })).kept < 40, true)
  assert.is((await fortyReads({ mode: 'boxed', pushTimeoutMs: 3_000 })).most > 1, true)
})

test('a response waits for its time also over a restart; others pass it', async () => {
  const clock = createVirtualClock(1_000)
  const disk = createOutboxDisk()
  const posts: [string, number][] = []
  const post = async (_url: string, body: string) => {
    posts.push([body, clock.nowMs()])
    return 204
  }
  const start = () => startDelivery(disk, clock, { post })
  const first = await start()
  await first.keep('a', 'http://127.0.0.1:1/', 'a', { notBeforeMs: 3_000 })
  await first.keep('b', 'http://127.0.0.1:1/', 'b')
  first.start('a')
  first.start('b')
  await clock.pass(500)
  assert.equal(posts, [['b', 1_000]])
  await first.stop()
  const second = await start()
  second.resume()
  await clock.pass(5_000)
  assert.equal(posts, [
    ['b', 1_000],
    ['a', 3_000],
  ])
})

test('one slow address does not hold up another; each has its own number of pushes', async () => {
  const clock = createVirtualClock(1_000)
  const posts: string[] = []
  const post = (url: string, body: string): Promise<number> => {
    posts.push(body)
    return new Promise((resolve) => clock.after(url.endsWith('slow') ? 10_000 : 10, () => resolve(204)))
  }
  const terms = (url: string) => pushTermsOf(url.endsWith('slow') ? { mode: 'boxed' } : {})
  const delivery = await startDelivery(createOutboxDisk(), clock, { post, termsOf: terms })
  for (let i = 0; i < 5; i++) {
    await delivery.keep(`s${i}`, 'http://127.0.0.1:1/slow', `s${i}`)
    delivery.start(`s${i}`)
  }
  await delivery.keep('q', 'http://127.0.0.1:1/quick', 'q')
  delivery.start('q')
  assert.equal(posts, ['s0', 's1', 'q'])
  await clock.pass(60_000)
  assert.equal(posts, ['s0', 's1', 'q', 's2', 's3', 's4'])
})

test('fields of the User: defaults by mode, checked, from CSV as text', () => {
  assert.equal(pushTermsOf({}), { pushDelayMs: 0, pushTimeoutMs: 5_000, pushesAtOnce: 64 })
  assert.equal(pushTermsOf({ mode: 'boxed' }), { pushDelayMs: 2_000, pushTimeoutMs: 30_000, pushesAtOnce: 2 })
  const read = (fields: object) => {
    const parties = exportParties()
    Object.assign(parties.users[0]!, fields)
    return checkRegistry(parties)
  }
  const good = read({ pushDelayMs: '500', pushTimeoutMs: 60_000, pushesAtOnce: 1 })
  assert.ok(good.ok)
  if (good.ok)
    assert.equal(pushTermsOf(good.registry.users[0]!), { pushDelayMs: 500, pushTimeoutMs: 60_000, pushesAtOnce: 1 })
  for (const fields of [
    { pushDelayMs: -1 },
    { pushTimeoutMs: 5 },
    { pushesAtOnce: 0 },
    { pushDelayMs: '2s' },
    { pushesAtOnce: 1.5 },
  ]) {
    const bad = read(fields)
    assert.is(bad.ok || bad.problems.length, 1, JSON.stringify(fields))
    if (!bad.ok) assert.match(bad.problems[0]!, `users[0].${Object.keys(fields)[0]}`)
  }
})

test.run()

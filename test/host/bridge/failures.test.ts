import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { readConfig } from '../../../host/config/config.ts'
import { addEvent, noTimes, noTotals } from '../../../host/metrics/event-totals.ts'
import { prometheusText } from '../../../host/metrics/prometheus.ts'
import { statsOf, textOfStats } from '../../../host/metrics/statistics.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'
import { gauges } from '../../support/bench/gauges.ts'

const failures: [string, string, (b: Bench) => void][] = [
  ['absent', 'E20', (b) => b.line.unplug()],
  ['silent', 'E20', (b) => b.meter.off()],
  ['dies in its answer', 'E21', (b) => void b.clock.after(20, () => b.meter.off())],
  [
    'answers malformed',
    'E20',
    (b) => {
      b.meter.off()
      b.line.attach({ received: () => b.line.send(b.random.bytes(300)) })
    },
  ],
]
for (const [name, code, spoil] of failures) {
  test(`a meter that is ${name}: ${code} within the target response time, and the next request is served`, async () => {
    const b = await createBench({ days: 300 })
    spoil(b)
    const startMs = b.clock.nowMs()
    const wide = { period: { startMs: midnight - 290 * dayMs, endMs: midnight } }
    assert.is((await b.ask('supplier', name === 'dies in its answer' ? wide : {})).code, 'I99')
    assert.is(b.callbacks[0]!.response.code, code)
    assert.ok(b.callbacks[0]!.atMs - startMs <= 16000 + 100, `${b.callbacks[0]!.atMs - startMs} ms`)
    assert.ok(b.verify(b.callbacks[0]!.xml).ok)
    assert.ok(b.answers[0]!.detail.length > 10)
  })
}

test('a key that is not the meter’s: E21, and log, record, totals and response name the key', async () => {
  const b = await createBench({ dcoKey: new Uint8Array(32) })
  await b.ask()
  assert.is(b.callbacks[0]!.response.code, 'E21')
  const says = /answers 2 wakes and none of 4 asks.*the DCO's key is not the meter's.*Provision the meter again/
  assert.match(b.callbacks[0]!.explanation!, says)
  for (const events of [b.trail, b.log]) {
    const answered = events.find(({ event }) => event === 'answered') as unknown as { fault: string; detail: string }
    assert.is(answered.fault, 'wrong key')
    assert.match(answered.detail, says)
  }
  const totals = noTotals()
  for (const event of b.trail) addEvent(totals, event)
  assert.equal(totals.failures, { 'wrong key': 1 })
  assert.match(textOfStats(statsOf(totals)), /reads failed +wrong key 1\n/)
})

test('a bridge that does not explain keeps the reason to its log and its record', async () => {
  const b = await createBench({ dcoKey: new Uint8Array(32), config: { explain: false } })
  await b.ask()
  assert.is(b.callbacks[0]!.explanation, undefined)
  assert.match(b.answers[0]!.detail, /key/)
})

test('corrupted frames and late answers are in the totals', async () => {
  const b = await createBench()
  const send = b.line.send
  // Each frame of the meter comes twice, and once without its beginning.
  b.line.send = (bytes) => {
    for (const one of [bytes, bytes, bytes.subarray(3)]) send(one)
  }
  await b.ask()
  assert.is(b.callbacks[0]!.response.code, 'I0')
  const totals = noTotals()
  for (const event of b.trail) addEvent(totals, event)
  assert.match(textOfStats(statsOf(totals)), /line +1 asks; [1-9] frames damaged, [1-9] refused, 0 not opened\n/)
  const metrics = prometheusText(totals, noTimes(), gauges)
  assert.match(metrics, /^smets1_frames_dropped_total [1-9]$/m)
  assert.match(metrics, /^smets1_frames_refused_total [1-9]$/m)
})

test('killed before the answer: the next start answers, once', async () => {
  const b = await createBench()
  const acknowledged = await b.post(b.sign(b.request()))
  assert.is(acknowledged.code, 'I99')
  await b.kill()
  await b.answered()
  await b.clock.pass(20000)
  assert.equal(
    b.callbacks.map(({ response }) => response.code),
    ['I0'],
  )
})

test('killed at any moment of an answer: one final answer, never two different ones', async () => {
  for (let afterMs = 0; afterMs < 60; afterMs += 3) {
    const b = await createBench({ days: 2 })
    await b.post(b.sign(b.request()))
    await b.clock.pass(afterMs)
    await b.kill()
    await b.answered()
    await b.clock.pass(20000)
    assert.is(new Set(b.callbacks.map(({ xml }) => xml)).size, 1, `killed after ${afterMs} ms`)
    assert.is(b.callbacks[0]!.response.code, 'I0')
  }
})

test('killed for longer than the target response time: the final response says so', async () => {
  const b = await createBench()
  const signed = b.sign(b.request())
  await b.store.put('accepted', `90-B3-D5-1F-30-01-00-00:${esme}:1001`, {
    body: Buffer.from(signed),
    receivedMs: b.clock.nowMs() - 60000,
  })
  await b.kill()
  await b.answered()
  assert.is(b.callbacks[0]!.response.code, 'E21')
  assert.is(b.bridge().total.wakeUps, 0)
})

test('accepted, killed, and no longer allowed at the next start: the final answer is the refusal', async () => {
  const parties = testParties()
  parties.registrations[0]!.from = '2026-11-22'
  const b = await createBench({ parties })
  const signed = b.sign(b.request())
  const id = `90-B3-D5-1F-30-01-00-00:${esme}:1001`
  await b.store.put('accepted', id, { body: Buffer.from(signed), receivedMs: b.clock.nowMs() })
  await b.kill()
  await b.answered()
  assert.equal(
    b.callbacks.map(({ response }) => response.code),
    ['E4'],
  )
  assert.is(b.store.get('accepted', id), undefined)
  assert.is(b.store.get('accepted', id), undefined)
  assert.is(b.bridge().total.wakeUps, 0)
})

test('a callback that is down gets the same bytes when it is back, also after a restart', async () => {
  const b = await createBench()
  const sent: string[] = []
  b.usersAnswer(() => 'connect ECONNREFUSED')
  await b.ask()
  const [kept] = b.bridge().delivery.pending()
  assert.is(kept!.state, 'waiting')
  b.usersAnswer(() => 204)
  await b.kill()
  await b.clock.pass(1000)
  sent.push(...b.callbacks.map(({ xml }) => xml))
  assert.is(Buffer.byteLength(sent[0]!), kept!.bytes)
  assert.equal(b.bridge().delivery.pending(), [])
})

test('response codes can be set otherwise', async () => {
  const { codes } = readConfig('', {}, {})
  const other = await createBench({ config: { codes: { ...codes, replayed: 'E52' } } })
  const first = other.sign(other.request())
  await other.post(first)
  assert.is((await other.post(first)).code, 'E52')
  await other.answered()
})

test.run()

// The S1SP keeps the clocks of its meters: a lost clock is set in the session in which the meter reports it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme } from '../../../emulation/bench-parties.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { readConfig } from '../../../host/config/config.ts'
import { formatDateTime } from '../../../host/duis/date-time.ts'
import type { Conversation } from '../../../host/wan/conversation.ts'
import { readClock } from '../../../host/wan/meter-clock.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { encodeAnswer } from '../../../protocol/messages.ts'
import { type Bench, createBench } from '../../support/bench/checked-bench.ts'

/** Power fails for a minute; the board's own clock shows this when it is back. */
function restart(b: Bench, showsMs: number): void {
  b.meter.off()
  b.clock.set(b.clock.nowMs() + 60_000)
  b.meter.showClock(showsMs)
  b.meter.on()
}

/** Lives until then, as the meter does: it looks at its clock more often than once in a half-hour. */
function liveUntil(b: Bench, untilMs: number): void {
  while (b.clock.nowMs() < untilMs) {
    b.clock.set(Math.min(untilMs, b.clock.nowMs() + 60_000))
    b.meter.count(0, 1)
    b.meter.meter().step()
  }
}

const eventsOf = (b: Bench, name: string) =>
  b.log.filter(({ event }) => event === name).map(({ event: _, ...fields }) => fields)

const day = (daysBack: number) => ({
  period: { startMs: midnight - daysBack * dayMs, endMs: midnight - (daysBack - 1) * dayMs },
})

/** Loses what is sent to the meter while `lost` says so of its number in the conversation, from 1. */
function loseAsks(b: Bench, lost: (frame: number) => boolean): void {
  let sent = 0
  let frames = 0
  Object.defineProperty(b.line, 'faults', {
    configurable: true,
    get() {
      const isToMeter = b.line.bytes.toDevice > sent
      sent = b.line.bytes.toDevice
      frames += isToMeter ? 1 : 0
      return isToMeter && lost(frames) ? { loss: 1 } : {}
    },
  })
}

test('a meter that has lost the time gets it in its next session, and records half-hours again', async () => {
  const b = await createBench({ days: 3 })
  restart(b, 0)
  liveUntil(b, midnight + 65 * 60_000)
  assert.is((await b.ask('mdr')).code, 'I99')
  const answer = b.callbacks.find(({ url }) => url.endsWith('/mdr'))
  assert.is(answer!.response.entries!.length, 49)
  assert.equal(eventsOf(b, 'clock set'), [{ device: esme, aheadMs: undefined, driftPpm: 0 }])
  assert.equal(
    b.trail.filter(({ event }) => event === 'clock set'),
    [{ event: 'clock set', device: esme, driftPpm: 0 }],
  )
  const { usage } = b.answers[0]!
  assert.is(usage.asks, 5, 'clock, set clock, clock, the read, the acknowledgement')
  liveUntil(b, midnight + 6 * halfHourMs + 60_000)
  await b.ask('supplier', { period: { startMs: midnight, endMs: midnight + 6 * halfHourMs } })
  const entries = b.callbacks.at(-1)!.response.entries!
  assert.equal(
    entries.slice(-3).map(({ stampMs }) => formatDateTime(stampMs)),
    [4, 5, 6].map((count) => formatDateTime(midnight + count * halfHourMs)),
  )
  assert.is(b.answers[1]!.usage.asks, 2, 'the read, and the acknowledgement of the outage, which has a time now')
  await b.ask('supplier', day(2))
  assert.is(b.answers[2]!.usage.asks, 1)
})

test('the alert is acknowledged only when the clock is set; it is delivered once', async () => {
  const b = await createBench({ days: 3 })
  restart(b, 0)
  // Wake; then the clock is asked for and never heard.
  let until = Number.POSITIVE_INFINITY
  loseAsks(b, (frame) => frame > 1 && b.clock.nowMs() < until)
  await b.ask('supplier')
  assert.is(eventsOf(b, 'clock set').length, 0)
  assert.is(eventsOf(b, 'clock not set').length, 1)
  until = b.clock.nowMs()
  await b.clock.pass(60_000)
  await b.ask('supplier', day(2))
  assert.is(eventsOf(b, 'clock set').length, 1)
  await b.ask('supplier', day(3))
  await b.ask('supplier', { serviceReferenceVariant: '4.1.1' })
  assert.is(b.answers.at(-1)!.usage.asks, 1)
  const told = b.callbacks.flatMap(({ response }) => (response.alert ? [response.alert.description] : []))
  assert.is(told.filter((text) => text === 'The clock does not show the time').length, 1)
})

test('off: the meter stays without the time, and its alert is acknowledged', async () => {
  const b = await createBench({ days: 3, config: { setClock: 'off' } })
  restart(b, 0)
  await b.ask('supplier')
  assert.is(b.answers[0]!.usage.asks, 2, 'the read, and the acknowledgement')
  await b.ask('supplier', day(2))
  assert.is(b.answers[1]!.usage.asks, 1)
  assert.is(eventsOf(b, 'clock set').length, 0)
})

test('a clock that is wrong is left alone unless a limit is set; with one it is looked at once a day', async () => {
  const left = await createBench({ days: 3 })
  restart(left, left.clock.nowMs() + 360_000)
  await left.ask('supplier')
  assert.is(eventsOf(left, 'clock set').length, 0)

  const b = await createBench({ days: 3, config: { setClock: 60 } })
  await b.ask('supplier', day(2))
  assert.is(b.answers[0]!.usage.asks, 2, 'clock, the read')
  await b.ask('supplier', day(3))
  assert.is(b.answers[1]!.usage.asks, 1)
  restart(b, b.clock.nowMs() + 360_000)
  liveUntil(b, midnight + dayMs + 600_000)
  await b.ask('supplier', { period: { startMs: midnight, endMs: midnight + dayMs } })
  const [{ aheadMs }] = eventsOf(b, 'clock set') as [{ aheadMs: number }]
  assert.ok(Math.abs(aheadMs - 300_000) < 2000, `${aheadMs}`)
  assert.equal(
    eventsOf(b, 'cache emptied').map(({ why }) => why),
    ['its clock was set'],
  )
  assert.is(b.trail.filter((event) => event.event === 'clock set' && event.aheadMs === aheadMs).length, 1)
  liveUntil(b, midnight + 2 * dayMs + 600_000)
  await b.ask('supplier', { period: { startMs: midnight + dayMs, endMs: midnight + 2 * dayMs } })
  assert.is(eventsOf(b, 'clock set').length, 1, 'right now, and left alone')
})

test('a clock that is days behind is left alone, and logged, unless that is confirmed', async () => {
  for (const confirmClock of [false, true]) {
    const b = await createBench({ days: 3, config: { setClock: 60, confirmClock } })
    restart(b, b.clock.nowMs() - 3 * dayMs)
    await b.ask('supplier')
    assert.is(eventsOf(b, 'clock set').length, confirmClock ? 1 : 0)
    if (confirmClock) continue
    const [{ problem }] = eventsOf(b, 'clock not set') as [{ problem: string }]
    assert.match(problem, /its clock is 3\.0 days behind this machine's; .* needs confirmation/)
  }
})

test('the setting, from flag, environment or file', () => {
  assert.is(readConfig('', {}, {}).setClock, 'lost')
  assert.is(readConfig('', { SMETS1_SET_CLOCK: '30' }, {}).setClock, 30)
  assert.is(readConfig('', {}, { setClock: 'off' }).setClock, 'off')
  for (const wrong of ['soon', '1', '90000', '-5', true]) {
    assert.throws(() => readConfig('', {}, { setClock: wrong }), /setClock must be off, lost, or from how many seconds/)
  }
})

test('setting this machine’s clock while a meter’s clock is read does not make that one seem wrong', async () => {
  const clock = createVirtualClock(midnight)
  let aheadMs = 0
  const timing = { ...clock, nowMs: () => clock.nowMs() + aheadMs }
  const conversation: Conversation = {
    eui: esme,
    send: async () => 1,
    async receive() {
      await clock.pass(50)
      aheadMs = 3_600_000
      const fields = { utcMs: timing.nowMs(), status: 0, lastSetMs: 0, driftPpm: 0 }
      await clock.pass(50)
      return { ask: 1, block: 0, last: true, message: encodeAnswer('readClock', fields) }
    },
    progressed() {},
    async silent() {},
  }
  assert.equal(await readClock(conversation, timing), { aheadMs: 0, driftPpm: 0 })
})

test.run()

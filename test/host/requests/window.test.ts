// Traffic for settlement that waits for its window: told, recorded, listed, over a restart, and answered in it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { testParties } from '../../../emulation/bench-parties.ts'
import { defaultScheduleSettings } from '../../../host/schedule/settings.ts'
import { parseWindow } from '../../../host/schedule/windows.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const hourMs = 2 * halfHourMs
const window = parseWindow('07:00-20:00')!
const schedule = {
  ...defaultScheduleSettings,
  settlementWindow: 'all' as const,
  windows: { default: window, MDR: window },
}

test('an MDR waits, a supplier does not unless it is for settlement; all is told', async () => {
  const b = await createBench({ days: 3, config: { schedule } })
  await b.post(b.sign(b.request('supplier')))
  await b.post(b.sign(b.request('supplier', { forSettlement: true })))
  await b.post(b.sign(b.request('mdr'), 'mdr'))
  await b.clock.pass(hourMs)
  assert.is(b.callbacks.length, 1)
  const waiting = b.trail.filter(({ event }) => event === 'waiting') as { user: string; until: string; why: string }[]
  assert.equal(
    waiting.map(({ user, why }) => [user, why]),
    [
      ['90-B3-D5-1F-30-01-00-00', 'its window'],
      ['90-B3-D5-1F-30-01-00-09', 'its window'],
    ],
  )
  assert.is(b.log.filter(({ event }) => event === 'waiting').length, 2)
  for (const { until } of waiting) {
    const atMs = Date.parse(until)
    assert.ok(atMs >= midnight + 7 * hourMs && atMs < midnight + 20 * hourMs, until)
  }
  const stored = [...b.store.range('accepted', '', '\uffff')].map(({ value }) => value.windowMs)
  assert.equal(stored.sort(), waiting.map(({ until }) => Date.parse(until)).sort())
  // Killed meanwhile: they wait on.
  await b.kill()
  await b.clock.pass(5 * hourMs)
  assert.is(b.callbacks.length, 1)
  await b.clock.pass(14 * hourMs)
  assert.is(b.callbacks.length, 3)
  for (const { response, atMs } of b.callbacks.slice(1)) {
    assert.is(response.code, 'I0')
    assert.ok(waiting.some(({ until }) => atMs >= Date.parse(until) && atMs < Date.parse(until) + 60_000))
  }
  assert.equal([...b.store.range('accepted', '', '\uffff')], [])
})

test('in the window it does not wait; the 24 hours run from when it was asked', async () => {
  const b = await createBench({ days: 3, config: { schedule } })
  await b.clock.pass(8 * hourMs)
  await b.ask('mdr')
  assert.is(b.callbacks[0]!.response.code, 'I0')
  await b.clock.pass(13 * hourMs)
  const countedFromMs = b.clock.nowMs()
  await b.post(b.sign(b.request('mdr'), 'mdr'))
  const { due } = b.trail.filter(({ event }) => event === 'accepted').at(-1) as { due: string }
  assert.ok(Math.abs(Date.parse(due) - countedFromMs - dayMs) < 1000)
  await b.clock.pass(24 * hourMs)
  assert.is(b.callbacks.length, 2)
})

test('a registration that ended meanwhile is refused when the window begins', async () => {
  const b = await createBench({ days: 3, config: { schedule } })
  await b.post(b.sign(b.request('mdr'), 'mdr'))
  const parties = testParties()
  parties.registrations = parties.registrations.filter(({ role }) => role !== 'MDR')
  b.setParties(parties)
  await b.clock.pass(20 * hourMs)
  assert.is(b.callbacks[0]!.response.code, 'E4')
})

test.run()

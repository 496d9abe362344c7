// Who goes first on a line, and how many sessions a cohort may have, through the whole bridge.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { defaultScheduleSettings } from '../../../host/schedule/settings.ts'
import { createScheduleBench, dailyRead, meterNumber, today } from '../../support/bench/schedule-bench.ts'

const hourMs = 3_600_000

test('on-demand requests go before those for settlement, and both before schedules', async () => {
  const others = [1, 2, 3, 4].map(meterNumber)
  const parties = testParties()
  for (const [i, meter] of others.entries()) {
    // The default line, and its URL: one line, whatever it is called.
    parties.devices.push({ ...meter, status: 'Commissioned', line: i % 2 ? 'default' : 'sim:' })
    for (const [role, mpid] of [
      ['IS', 'SUPA'],
      ['MDR', 'MDRA'],
    ]) {
      parties.registrations.push({ mpan: meter.importMpan, role, mpid, from: '2020-01-01' })
    }
  }
  // One session every 5 seconds on the line; an answer on demand has 16 seconds.
  const schedule = { ...defaultScheduleSettings, lineRate: 12 }
  const b = await createScheduleBench({
    days: 2,
    parties,
    moreMeters: others.map(({ eui }) => eui),
    config: { schedule },
  })
  const dueMs = midnight + hourMs
  for (const { eui } of others) {
    await b.create('other-user', dailyRead({ deviceEui: eui, startDay: today, endDay: today, executionTimeMs: hourMs }))
  }
  await b.liveUntil(dueMs + 1000)
  assert.is(b.results().length, 1, 'the first schedule is on the line at once')
  const to = (eui: string, name: 'mdr' | 'supplier') => b.sign(b.request(name).replace(`:${esme}:`, `:${eui}:`), name)
  // The MDR asks first, then the supplier, for meters whose schedules wait, and for one of which nobody asked.
  assert.is((await b.post(to(others[2]!.eui, 'mdr'))).code, 'I99')
  assert.is((await b.post(to(others[3]!.eui, 'supplier'))).code, 'I99')
  assert.is((await b.post(b.sign(b.request('supplier')))).code, 'I99')
  await b.clock.pass(60_000)
  const order = b.callbacks.map(
    ({ response, url }) => `${url.split('/').at(-1)} ${response.responseId!.originator.slice(-2)}`,
  )
  const waited = order.slice(1)
  const place = (text: string) => waited.indexOf(text)
  assert.ok(place('supplier 04') < place('mdr 03') && place('supplier A0') < place('mdr 03'), order.join(', '))
  assert.ok(place('mdr 03') < place('other-user 02'), order.join(', '))
  assert.is(order.length, 7)
  // Each meter was read once: who asked for the same half-hours shared the read.
  assert.is(b.bridge().total.sessions, 5)
})

test('rates apply per cohort: sessions are spaced, whichever User asks', async () => {
  const others = Array.from({ length: 6 }, (_, i) => meterNumber(i + 1))
  const parties = testParties()
  others.forEach((meter, i) => {
    const row = { ...meter, status: 'Commissioned', line: 'default', cohort: i < 4 ? 'Itron' : 'Elster' }
    parties.devices.push(row)
  })
  const schedule = { ...defaultScheduleSettings, cohortRates: { Itron: 2 } }
  const b = await createScheduleBench({
    days: 2,
    parties,
    moreMeters: others.map(({ eui }) => eui),
    config: { schedule },
  })
  for (const { eui } of others) {
    await b.create('other-user', dailyRead({ deviceEui: eui, startDay: today, endDay: today, executionTimeMs: hourMs }))
  }
  await b.liveUntil(midnight + hourMs + 2 * 60_000)
  const cohort = (eui: string) => (others.findIndex((one) => one.eui === eui) < 4 ? 'Itron' : 'Elster')
  const times = (name: string) =>
    b
      .results()
      .filter(({ response }) => cohort(response.responseId!.originator) === name)
      .map(({ atMs }) => Math.round((atMs - midnight - hourMs) / 1000))
  assert.equal(times('Itron'), [0, 30, 60, 90])
  assert.equal(times('Elster'), [0, 0])
})

test.run()

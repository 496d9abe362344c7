// Schedules through the whole bridge, on a virtual clock.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight, whOf } from '../../../emulation/bench.ts'
import { esme, testParties } from '../../../emulation/bench-parties.ts'
import { type Frequency, frequencies } from '../../../host/duis/non-device-fields.ts'
import { performanceRows } from '../../../host/metrics/performance-measures.ts'
import { defaultScheduleSettings } from '../../../host/schedule/settings.ts'
import { parseWindow } from '../../../host/schedule/windows.ts'
import { stampOfHalfHour } from '../../../protocol/half-hour.ts'
import { createScheduleBench, dailyRead, dayMs, meterNumber, today } from '../../support/bench/schedule-bench.ts'

const hourMs = 3_600_000

/** Half-hours of a UTC day, as every meter of a bench has lived it. */
function entriesOf(day: number) {
  return Array.from({ length: 49 }, (_, i) => {
    const halfHour = day * 48 - 1 + i
    return { stampMs: stampOfHalfHour(halfHour), wh: whOf(halfHour) }
  })
}

test('a week of daily schedules of many meters, two Users each: each run once, in its window, with the right day', async () => {
  const before = process.cpuUsage()
  const others = Array.from({ length: 11 }, (_, i) => meterNumber(i + 1))
  const parties = testParties()
  for (const meter of others) {
    parties.devices.push({ ...meter, status: 'Commissioned', line: 'default' })
    parties.registrations.push({ mpan: meter.importMpan, role: 'IS', mpid: 'SUPA', from: '2020-01-01' })
    parties.registrations.push({ mpan: meter.importMpan, role: 'MDR', mpid: 'MDRA', from: '2020-01-01' })
  }
  const schedule = { ...defaultScheduleSettings, windows: { default: parseWindow('6h')!, MDR: parseWindow('13h')! } }
  const b = await createScheduleBench({
    days: 2,
    parties,
    moreMeters: others.map(({ eui }) => eui),
    config: { schedule },
  })
  const euis = [esme, ...others.map(({ eui }) => eui)]
  const owners = new Map<number, { name: string; eui: string }>()
  for (const eui of euis) {
    for (const name of ['supplier', 'mdr'] as const) {
      owners.set(await b.create(name, dailyRead({ deviceEui: eui, endDay: today + 7 })), { name, eui })
    }
  }
  await b.liveUntil(midnight + 8 * dayMs)
  assert.is(b.results().length, 7 * 24)
  assert.is(b.callbacks.length, 7 * 24, 'no alerts')
  const seen = new Set<string>()
  for (const { response, url, atMs, xml } of b.results()) {
    const owner = owners.get(Number(response.scheduleId))!
    const day = Math.floor(atMs / dayMs)
    assert.ok(url.endsWith(owner.name))
    assert.equal(response.entries, entriesOf(day - 1))
    assert.is(response.kind, 'SMETS1ResponseMessage')
    assert.is(response.requestId, undefined)
    assert.is(response.responseId!.originator, owner.eui)
    const hour = (atMs % dayMs) / hourMs
    assert.ok(owner.name === 'mdr' ? hour >= 7 && hour < 20 : hour >= 0 && hour < 6, `${owner.name} at ${hour}`)
    seen.add(`${response.scheduleId} ${day}`)
    if (seen.size % 40 === 1) assert.ok(b.verify(xml).ok)
  }
  assert.is(seen.size, 7 * 24)
  // The second to ask each day is served by the cache.
  assert.is(b.bridge().total.sessions, 7 * 12)
  assert.is(b.schedules().length, 0, 'they have ended')
  await b.bridge().stop()
  const rows = performanceRows(b.store, '2026-11-22', '2026-12-01').filter(({ kind }) => kind === 'scheduled')
  assert.equal(
    rows.map(({ srv, settlement, answers, within, failed }) => [srv, settlement, answers, within, failed]),
    [
      ['4.8.1', false, 84, 84, 0],
      ['4.8.1', true, 84, 84, 0],
    ],
  )
  // Processor time, so that a busy machine fails nothing.
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 10_000_000, `${(user + system) / 1000} ms`)
})

test('killed at any moment, a run has one answer and no day is forgotten', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const b = await createScheduleBench({ days: 2, seed })
    await b.create('supplier', dailyRead({ endDay: today + 3 }))
    await b.create('other-user', dailyRead({ endDay: today + 3, executionTimeMs: 2 * hourMs }))
    for (let day = 1; day <= 3; day++) {
      // Killed a few milliseconds into the run, at a moment that the seed chooses, and once more soon after.
      const at = (hour: number, ms: number) => b.liveUntil(midnight + day * dayMs + hour * hourMs + ms)
      await at(2, (seed * 3) % 37)
      await b.kill()
      await at(2, ((seed * 3) % 37) + seed)
      await b.kill()
      await at(20, 0)
    }
    await b.liveUntil(midnight + 5 * dayMs)
    const runs = b.results().map(({ response, atMs }) => `${response.scheduleId} ${Math.floor(atMs / dayMs) - today}`)
    // A response that was posted just before a kill is posted again: the same one, with the same ResponseID.
    const ids = new Set(b.results().map(({ response }) => response.responseId!.text))
    assert.equal([...new Set(runs)].sort(), ['1 1', '1 2', '1 3', '2 1', '2 2', '2 3'], `seed ${seed}`)
    assert.is(ids.size, 6, `seed ${seed}`)
    assert.is(b.schedules().length, 0)
  }
})

test('killed between any two writes of a run, the run still has one answer', async () => {
  let died = 0
  for (let count = 0; count < 24; count++) {
    const b = await createScheduleBench({ days: 2 })
    await b.create('other-user', dailyRead({ startDay: today, endDay: today, executionTimeMs: hourMs }))
    await b.liveUntil(midnight + hourMs - 60_000)
    b.dieAfterWrites(count)
    await b.clock.pass(120_000)
    if (b.results().length === 0) died += 1
    const answers = b.answers.length
    const isKept = [...b.store.range('outbox', '', '\uffff')].length > 0
    await b.kill()
    await b.clock.pass(hourMs)
    if (isKept) assert.is(b.answers.length, answers, `after ${count} writes: what is answered is not carried out again`)
    const ids = b.results().map(({ response }) => response.responseId!.text)
    assert.is(new Set(ids).size, 1, `after ${count} writes: ${ids}`)
    assert.equal(b.results()[0]!.response.entries, entriesOf(today - 1))
    assert.is(b.schedules().length, 0, `after ${count} writes`)
    assert.is(b.alerts().length, 0, `after ${count} writes`)
  }
  assert.ok(died >= 4 && died < 24, `${died}`)
})

test('every frequency runs on its days, and asks for the days before', async () => {
  const b = await createScheduleBench({ days: 1 })
  const dates: { [frequency in Frequency]: string[] } = {
    Daily: [],
    Weekly: ['2026-11-30', '2026-12-07'],
    Monthly: ['2026-11-30', '2026-12-30', '2027-01-30', '2027-02-28'],
    Quarterly: ['2026-11-30', '2027-02-28'],
    'Half-Yearly': ['2026-11-30', '2027-05-30'],
    Yearly: ['2026-11-30', '2027-11-30'],
  }
  const startDay = Date.parse('2026-11-30T00:00Z') / dayMs
  const ids = new Map<number, Frequency>()
  for (const frequency of frequencies) {
    if (frequency !== 'Daily') ids.set(await b.create('other-user', dailyRead({ frequency, startDay })), frequency)
  }
  // The meter is off for most of the year: what it has no record of is left out, and the run succeeds all the same.
  for (const [when] of [...new Set(Object.values(dates).flat())].sort().map((date) => [Date.parse(`${date}T00:00Z`)])) {
    b.clock.set(Math.max(b.clock.nowMs(), when! - 1000))
    for (const meter of b.meters) meter.meter().step()
    await b.clock.pass(7 * hourMs)
  }
  const ran: { [frequency: string]: string[] } = { Daily: [] }
  for (const { response, atMs } of b.results()) {
    const frequency = ids.get(Number(response.scheduleId))!
    ran[frequency] = [...(ran[frequency] ?? []), new Date(atMs).toISOString().slice(0, 10)]
  }
  for (const frequency of frequencies) {
    assert.equal(ran[frequency]!.slice(0, dates[frequency].length), dates[frequency], frequency)
  }
})

test('a meter that does not answer is retried until the target response time, then its User gets the failure', async () => {
  const b = await createScheduleBench({ days: 2 })
  const id = await b.create('supplier', dailyRead({ endDay: today + 2, executionTimeMs: hourMs }))
  b.meter.off()
  await b.clock.pass(dayMs + 12 * hourMs)
  assert.is(b.callbacks.length, 0)
  const tries = () => b.log.filter(({ event }) => event === 'scheduled request failed').length
  assert.ok(tries() >= 12, `${tries()}`)
  await b.clock.pass(13 * hourMs)
  const [alert, ...more] = b.alerts()
  assert.is(more.length, 0)
  assert.is(alert!.kind, 'CommandFailure')
  assert.is(alert!.code, 'N13')
  assert.is(alert!.scheduleId, id)
  assert.is(alert!.deviceEui, esme)
  assert.match(alert!.commandRequestId!, /^90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A0:\d+$/)
  const { xml, atMs } = b.callbacks[0]!
  assert.ok(Math.abs(atMs - (midnight + 2 * dayMs + hourMs)) < 5000, new Date(atMs).toISOString())
  assert.ok(b.verify(xml).ok)
  // It comes back during the second run's day.
  b.meter.on()
  await b.clock.pass(3 * hourMs)
  assert.is(b.results().length, 1)
  assert.is(b.schedules().length, 0)
})

test('a run that failed succeeds as soon as the meter answers again', async () => {
  const b = await createScheduleBench({ days: 2 })
  await b.create('supplier', dailyRead({ endDay: today + 1, executionTimeMs: hourMs }))
  b.line.unplug()
  await b.liveUntil(midnight + dayMs + 3 * hourMs)
  assert.is(b.callbacks.length, 0)
  b.line.plug()
  await b.liveUntil(midnight + dayMs + 5 * hourMs)
  assert.equal(b.results()[0]!.response.entries, entriesOf(today))
})

test('missed runs are executed within 24 hours; older ones are reported once', async () => {
  const b = await createScheduleBench({ days: 2 })
  const id = await b.create('other-user', dailyRead({ executionTimeMs: hourMs }))
  await b.bridge().stop()
  b.clock.set(midnight + 4 * dayMs + 23 * hourMs)
  for (const meter of b.meters) meter.meter().step()
  await b.kill()
  await b.clock.pass(hourMs / 2)
  assert.is(b.results().length, 1, 'the run of the fourth day')
  assert.equal(
    b.alerts().map(({ kind, scheduleId }) => [kind, scheduleId]),
    [['CommandFailure', id]],
  )
  assert.match(
    JSON.stringify(b.log.filter(({ event }) => event === 'scheduled request given up')),
    /3 runs were missed/,
  )
  await b.clock.pass(3 * hourMs)
  assert.is(b.results().length, 2, 'the run of the fifth day')
})

test('without catching up, nothing that was due before the start runs', async () => {
  const schedule = { ...defaultScheduleSettings, catchUpHours: 0 }
  const b = await createScheduleBench({ days: 2, config: { schedule } })
  await b.create('other-user', dailyRead({ executionTimeMs: hourMs }))
  await b.bridge().stop()
  b.clock.set(midnight + dayMs + 2 * hourMs)
  await b.kill()
  await b.clock.pass(hourMs)
  assert.is(b.results().length, 0)
  assert.is(b.alerts().length, 1)
})

test('a deleted schedule does not run, not even the run that is under way', async () => {
  const b = await createScheduleBench({ days: 2 })
  const id = await b.create('supplier', dailyRead({ executionTimeMs: hourMs }))
  await b.liveUntil(midnight + dayMs + hourMs - 1)
  // On the line, not answered yet.
  await b.clock.pass(5)
  assert.is((await b.askDcc('supplier', { variant: '5.3', subject: { scheduleId: id } })).code, 'I99')
  await b.liveUntil(midnight + 3 * dayMs)
  assert.is(b.callbacks.length, 0)
})

test.run()

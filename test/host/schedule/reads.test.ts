// Every read that can be scheduled, by schedule, through the whole bridge; and what a changed registry means for it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, exportMpan, exportParties, mpan, testParties } from '../../../emulation/bench-parties.ts'
import { createRandom } from '../../../emulation/random.ts'
import { srvRow, srvTable } from '../../../host/catalogue/srv-table.ts'
import type { ScheduleDetails } from '../../../host/duis/non-device-fields.ts'
import { testIdentities } from '../../../host/pki/test-pki.ts'
import { createScheduleBench, dailyRead, dayMs, today } from '../../support/bench/schedule-bench.ts'

const othersOf = (halfHour: number) => [1, 2, 3].map((channel) => createRandom(halfHour * 4 + channel).below(90))

/** The day before, every day, of any variant. */
function scheduleOf(variant: string): ScheduleDetails {
  const row = srvRow(variant)!
  const { period, ...fields } = dailyRead()
  const read = { serviceReference: row.reference, variant, readName: `DSP${row.bodyName}` }
  return { ...fields, ...read, ...(row.entriesMax !== undefined && { period: period! }) }
}

const schedulable = srvTable.filter((row) => row.schedulable && row.onSmets1).map((row) => row.variant)

test('4.2, 4.6.1, 4.8.1, 4.8.2 and 4.8.3 run by schedule, and are on record', async () => {
  assert.equal(schedulable, ['4.2', '4.6.1', '4.8.1', '4.8.2', '4.8.3'])
  const b = await createScheduleBench({ days: 3, parties: exportParties(), othersOf })
  const ids = new Map<string, number>()
  for (const variant of schedulable) ids.set(variant, await b.create('supplier', scheduleOf(variant)))
  await b.liveUntil(midnight + 2 * dayMs)
  assert.equal(b.alerts(), [])
  for (const [variant, id] of ids) {
    const { response, xml } = b.results().find((one) => Number(one.response.scheduleId) === id)!
    assert.is(response.kind, 'SMETS1ResponseMessage')
    assert.is(response.code, 'I0')
    assert.match(xml, `<sr:DSPScheduleID>${id}</sr:DSPScheduleID>`)
    assert.match(xml, `<sr:ServiceReferenceVariant>${variant}</sr:ServiceReferenceVariant>`)
    assert.ok(b.verify(xml).ok, variant)
    const told = b.trail.filter((event) => 'scheduleId' in event && event.scheduleId === id)
    assert.equal(
      told.map(({ event }) => event),
      ['accepted', 'answered'],
    )
    const delivered = b.trail.filter((event) => event.event === 'delivered')
    const { requestId } = told[0] as { requestId: string }
    assert.is(delivered.filter((event) => 'requestId' in event && event.requestId === requestId).length, 1, variant)
  }
  const servedBy = (variant: string) =>
    b.trail.flatMap((event) => (event.event === 'answered' && event.srv === variant ? (event.served ?? []) : []))
  assert.equal(
    servedBy('4.8.3').map(({ channel, what }) => [channel, what]),
    [
      ['active-export', '49m'],
      ['reactive-export', '49m'],
    ],
  )
})

test('a new supplier: the schedule of the one before goes, and so does what is stored', async () => {
  const b = await createScheduleBench({ days: 3, parties: exportParties(), othersOf })
  await b.create('mdr', scheduleOf('4.8.1'))
  await b.create('supplier', scheduleOf('4.8.3'))
  await b.ask('supplier')
  const before = exportParties()
  const after = exportParties()
  for (const [of, role] of [
    [mpan, 'IS'],
    [exportMpan, 'ES'],
  ]) {
    const old = after.registrations.find((row) => row.mpan === of && row.role === role)!
    Object.assign(old, { to: '2026-11-21' })
    after.registrations.push({ mpan: of, role, mpid: 'SUPB', from: '2026-11-22' })
  }
  const known = b.setParties(before)
  b.setParties(after)
  b.bridge().partiesChanged(known)
  await b.clock.pass(1000)
  assert.equal(
    b.schedules().map(({ owner }) => owner),
    [testIdentities.mdr.eui],
  )
  assert.is(b.log.filter(({ event, device }) => event === 'cache emptied' && device === esme).length, 1)
  const sessions = b.bridge().total.sessions
  await b.ask('mdr')
  assert.is(b.bridge().total.sessions, sessions + 1, 'the meter is asked again')
})

test('a new supplier by a date that was known before: nothing stored is left from its first day on', async () => {
  const parties = exportParties()
  const old = parties.registrations.find((row) => row.mpan === mpan && row.role === 'IS')!
  Object.assign(old, { to: '2026-11-22' })
  parties.registrations.push({ mpan, role: 'IS', mpid: 'SUPB', from: '2026-11-23' })
  const b = await createScheduleBench({ days: 3, parties, othersOf })
  const emptied = () => b.log.filter(({ event, device }) => event === 'cache emptied' && device === esme).length
  await b.ask('mdr')
  await b.ask('mdr')
  assert.is(b.bridge().total.sessions, 1, 'the second is served from the cache')
  b.clock.set(Date.UTC(2026, 10, 23))
  assert.is(emptied(), 0)
  await Promise.all([b.ask('mdr'), b.ask('mdr')])
  assert.is(emptied(), 1)
  assert.is(b.bridge().total.sessions, 2, 'the meter is asked again, once for both')
})

test('a registry with the same parties costs nothing', async () => {
  const b = await createScheduleBench({ days: 3 })
  await b.create('mdr', dailyRead({ startDay: today + 1 }))
  await b.ask('supplier')
  b.bridge().partiesChanged(b.setParties(testParties()))
  await b.clock.pass(1000)
  assert.is(b.schedules().length, 1)
  assert.is(b.log.filter(({ event }) => event === 'cache emptied').length, 0)
})

test.run()

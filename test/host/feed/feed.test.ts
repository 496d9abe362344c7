// Registration messages: each is applied once, in whatever order they come, and is answered with what it changed.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mpanOf } from '../../../host/access/mpan.ts'
import { fileChange, lastRows } from '../../../host/access/registry-file-change.ts'
import { createRegistry } from '../../../host/access/registry-rows.ts'
import { registryTables, storedRows, writePlan } from '../../../host/access/registry-store.ts'
import { createFeed } from '../../../host/feed/feed.ts'
import { type FeedStore, feedTables } from '../../../host/feed/feed-store.ts'
import { defaultFeedPolicy, type FeedPolicy } from '../../../host/feed/judge.ts'
import type { Appointment, FeedAnswer, RegistrationMessage } from '../../../host/feed/message.ts'
import { createMemoryStore } from '../../../host/store/store.ts'

const nowMs = Date.UTC(2026, 10, 30, 12)
const mpan = (n: number) => mpanOf(`12345678901${n}`)
const exportMpan = mpanOf('200000000000')
const eui = '00-DB-12-34-56-78-90-A0'

async function bench(policy: Partial<FeedPolicy> = {}) {
  const store: FeedStore = createMemoryStore({ ...registryTables, ...feedTables })
  const data = {
    users: [],
    devices: Array.from({ length: 10 }, (_, n) => ({
      eui: `00-DB-12-34-56-78-90-A${n}`,
      status: 'Commissioned',
      line: 'default',
      importMpan: mpan(n),
      ...(n === 0 && { exportMpan }),
    })),
    registrations: [
      { mpan: mpan(0), role: 'IS', mpid: 'SUPA', from: '2020-01-01' },
      { mpan: mpan(0), role: 'MDR', mpid: 'MDRA', from: '2020-01-01' },
    ],
  }
  const checked = fileChange(data, storedRows(store), lastRows(store))
  assert.ok(checked.ok)
  const { plan, note: last } = checked.change
  await writePlan(store, plan, { from: 'registry.json', day: '2026-11-30', last })
  const feed = createFeed({ store, policy: { ...defaultFeedPolicy, ...policy }, nowMs: () => nowMs })
  const registry = createRegistry([], storedRows(store))
  return {
    store,
    feed,
    async send(message: unknown): Promise<FeedAnswer> {
      const [answer] = await feed.apply([message])
      assert.ok(answer)
      return answer
    },
    holders: (of = mpan(0), role: 'IS' | 'MDR' = 'MDR') =>
      registry.registrations(of, role).map(({ mpid, from, until }) => `${mpid} ${from} ${until ?? ''}`.trim()),
  }
}

let eventIds = 0

function message(more: Partial<RegistrationMessage> & { appointments?: Partial<Appointment>[] } = {}) {
  eventIds += 1
  const { appointments = [{}], ...rest } = more
  const value: RegistrationMessage = {
    eventId: `event-${eventIds}`,
    eventType: 'SecuredActive',
    eventStatus: 'New',
    eventDate: '2026-11-30T10:00:00Z',
    version: 1,
    data: {
      registrationId: 'r1',
      appointments: appointments.map((one) => ({
        mpxn: mpan(0),
        marketRole: 'MDR',
        mpid: 'MDRB',
        effectiveFromDate: '2026-12-10',
        ...one,
      })),
    },
    ...rest,
  }
  return value
}

test('a new appointment ends the one before; the answer says who holds the role from when', async () => {
  const { send, holders, store } = await bench()
  const answer = await send(message({ correlationId: 'c-1' }))
  assert.equal(
    [answer.outcome, answer.correlationId, answer.late, answer.schedulesChecked, answer.cachesEmptied],
    ['Accepted', 'c-1', undefined, [eui], []],
  )
  assert.equal(answer.rights, [
    { mpxn: mpan(0), marketRole: 'MDR', mpid: 'MDRA', from: '2020-01-01', to: '2026-12-09' },
    { mpxn: mpan(0), marketRole: 'MDR', mpid: 'MDRB', from: '2026-12-10' },
  ])
  assert.equal(holders(), ['MDRA 2020-01-01 2026-12-09', 'MDRB 2026-12-10'])
  assert.is(store.get('feedRows', `${mpan(0)} MDR 2026-12-10`), 'r1')
})

test('late, and of a supplier: the cache is emptied', async () => {
  const { send } = await bench()
  const change = { marketRole: 'IS', mpid: 'supb', effectiveFromDate: '2026-11-28' } as const
  const answer = await send(message({ appointments: [change] }))
  assert.equal([answer.outcome, answer.late, answer.cachesEmptied], ['Accepted', true, [eui]])
})

test('corrected, cancelled, sent twice, generated again with new times, out of order', async () => {
  const { send, holders } = await bench()
  const first = message()
  const corrected = message({
    version: 2,
    eventStatus: 'Corrected',
    appointments: [{ effectiveFromDate: '2026-12-12' }],
  })
  const cancelled = message({ version: 3, eventStatus: 'Cancelled' })
  assert.is((await send(corrected)).outcome, 'Accepted')
  const late = await send(first)
  assert.equal([late.outcome, late.reason], ['Ignored', `superseded: version 2 came by message ${corrected.eventId}`])
  assert.equal(holders(), ['MDRA 2020-01-01 2026-12-11', 'MDRB 2026-12-12'])
  const again = await send(corrected)
  assert.equal([again.outcome, again.repeated], ['Accepted', true])
  const generated = await send({ ...corrected, eventId: 'x-1', eventDate: '2026-12-01T00:00:00Z' })
  assert.equal([generated.outcome, generated.repeated], ['Ignored', true])
  const reused = await send({ ...corrected, eventDate: '2026-12-01T00:00:00Z' })
  assert.equal([reused.outcome, reused.code], ['Rejected', 'EventIdReused'])
  const differs = await send(message({ version: 2, appointments: [{ mpid: 'MDRC' }] }))
  assert.equal([differs.outcome, differs.code], ['Rejected', 'VersionReused'])
  assert.is((await send(cancelled)).outcome, 'Accepted')
  assert.equal(holders(), ['MDRA 2020-01-01'])
})

test('what it replaced comes back when it is cancelled', async () => {
  const { send, holders } = await bench()
  const other = message({ data: { ...message().data, registrationId: 'r0' } })
  await send(other)
  await send(message({ appointments: [{ mpid: 'MDRC' }] }))
  assert.equal(holders().at(-1), 'MDRC 2026-12-10')
  await send(message({ version: 2, appointments: [{ mpid: 'MDRD' }], eventStatus: 'Corrected' }))
  assert.equal(holders().at(-1), 'MDRD 2026-12-10')
  await send(message({ version: 3, eventStatus: 'Cancelled', appointments: [] }))
  assert.equal(holders().at(-1), 'MDRB 2026-12-10')
})

const wrong: [Partial<Appointment>, string][] = [
  [{ mpxn: mpanOf('999999999999') }, 'MpanUnknown'],
  [{ mpxn: '1234567890127' }, 'MpanCheckDigit'],
  [{ effectiveFromDate: '2026-12-29' }, 'DateTooFar'],
  [{ effectiveFromDate: '2026-11-24' }, 'DateTooOld'],
  [{ effectiveFromDate: '2026-12-32' }, 'Dates'],
  [{ effectiveToDate: '2026-12-09' }, 'Dates'],
  [{ marketRole: 'ES' }, 'RoleAndMpan'],
]

for (const [appointment, code] of wrong) {
  test(`rejected, and nothing is changed: ${code}`, async () => {
    const { send, holders } = await bench()
    const answer = await send(message({ appointments: [{ mpxn: mpan(1) }, appointment] }))
    assert.equal([answer.outcome, answer.code], ['Rejected', code], answer.reason)
    assert.match(answer.reason ?? '', 'appointments[1]')
    assert.equal([holders(), holders(mpan(1))], [['MDRA 2020-01-01'], []])
  })
}

test('28 days ahead and 5 back are accepted', async () => {
  const { send } = await bench()
  for (const [index, effectiveFromDate] of ['2026-12-28', '2026-11-25'].entries()) {
    const data = { ...message({ appointments: [{ effectiveFromDate }] }).data, registrationId: `r${index}` }
    assert.is((await send(message({ data }))).outcome, 'Accepted', effectiveFromDate)
  }
})

test('an MDR of a linked export MPAN, where rights on export follow the import MPAN', async () => {
  const { send } = await bench({ exportFollowsImport: true })
  assert.is((await send(message({ appointments: [{ mpxn: exportMpan }] }))).code, 'ExportFollowsImport')
  const { send: other } = await bench()
  assert.is((await other(message({ appointments: [{ mpxn: exportMpan }] }))).outcome, 'Accepted')
})

test('a message that moves many MPANs waits; it is applied when released, and rejected when dropped', async () => {
  const { send, feed, holders } = await bench({ mpansMax: 2 })
  const many = message({ appointments: [{}, { mpxn: mpan(1) }, { mpxn: mpan(2) }] })
  assert.is((await send(many)).outcome, 'Waiting')
  assert.is((await send(many)).outcome, 'Waiting')
  assert.equal(
    feed.waiting().map(({ eventId, mpans }) => [eventId, mpans]),
    [[many.eventId, 3]],
  )
  assert.equal(holders(), ['MDRA 2020-01-01'])
  assert.is((await feed.release(many.eventId)).outcome, 'Accepted')
  assert.equal(holders(mpan(2)), ['MDRB 2026-12-10'])
  assert.equal([feed.waiting(), (await send(many)).outcome], [[], 'Accepted'])
  const other = message({ version: 2, appointments: many.data.appointments.map((one) => ({ ...one, mpid: 'MDRX' })) })
  await send(other)
  assert.is((await feed.drop(other.eventId)).code, 'Dropped')
  assert.equal([feed.waiting(), (await send(other)).code], [[], 'Dropped'])
  await feed.release(other.eventId).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, 'no message'),
  )
})

test('what is no message is rejected with what is wrong', async () => {
  const { send } = await bench()
  for (const value of [null, 7, [], {}, { ...message(), version: 0 }, { ...message(), eventId: '../x' }]) {
    const answer = await send(value)
    assert.equal([answer.outcome, answer.code], ['Rejected', 'Format'])
    assert.ok((answer.reason ?? '').length > 5)
  }
})

test('any order, with any repeats, ends as the last version says', () =>
  fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([0, 1, 2, 3, 0, 1, 2, 3, 4, 5], { minLength: 10, maxLength: 10 }),
      fc.integer({ min: 1, max: 10 }),
      async (order, atOnce) => {
        const b = await bench()
        const versions = ['2026-12-01', '2026-12-05', '2026-12-09', '2026-12-13', '2026-12-17', '2026-12-21']
        const messages = versions.map((effectiveFromDate, index) =>
          message({ version: index + 1, appointments: [{ effectiveFromDate }, { mpxn: mpan(1 + (index % 3)) }] }),
        )
        const sent = order.map((index) => messages[index])
        for (let at = 0; at < sent.length; at += atOnce) await b.feed.apply(sent.slice(at, at + atOnce))
        assert.equal(b.holders(), ['MDRA 2020-01-01 2026-12-20', 'MDRB 2026-12-21'])
        assert.equal(
          [1, 2, 3].map((n) => b.holders(mpan(n)).length),
          [0, 0, 1],
        )
      },
    ),
    { numRuns: 60 },
  ))

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../../emulation/bench.ts'
import { esme, mpan } from '../../../emulation/bench-parties.ts'
import { periodsOf, settlementDayBounds } from '../../../host/access/settlement-day.ts'
import type { AuditEvent, AuditRecord } from '../../../host/audit/audit-record.ts'
import { completeness } from '../../../host/audit/day-completeness.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import { readBack } from '../../support/bench/audit-bench.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const at = (text: string) => Date.parse(text)
const question = { mpan, channels: ['active-import'], first: '2026-11-21', last: '2026-11-21' }
const supplier = '90-B3-D5-1F-30-01-00-00'
const mdr = '90-B3-D5-1F-30-01-00-09'

const asRecords = (events: { event: AuditEvent; atMs: number }[]): AuditRecord[] =>
  readBack(events.map(({ event, atMs }) => ({ event, timeMs: atMs })))

interface Read {
  n: number
  user?: string
  mpan?: string
  channel?: string
  fromMs: number
  what: string
  dueMs?: number
  deliveredMs?: number
}

/** A request, its answer and its delivery. */
function read({
  n,
  user = supplier,
  channel = 'active-import',
  fromMs,
  what,
  dueMs = midnight,
  deliveredMs,
  ...more
}: Read) {
  const of = { requestId: `${user}:${esme}:${n}`, user, device: esme, srv: '4.8.1' }
  const days = { first: '', last: '' }
  const due = new Date(dueMs).toISOString()
  const accepted = {
    event: 'accepted',
    ...of,
    code: 'I99',
    role: 'IS',
    mpan: more.mpan ?? mpan,
    registrations: [],
    days,
    due,
  }
  const served = [{ channel, from: new Date(fromMs).toISOString(), what }]
  const answered = { event: 'answered', ...of, code: 'I0', tookMs: 1, late: false, served, bytes: 1, sha256: '' }
  const events: { event: AuditEvent; atMs: number }[] = [
    { event: accepted as AuditEvent, atMs: midnight - 2000 },
    { event: answered as AuditEvent, atMs: midnight - 1000 },
  ]
  if (deliveredMs !== undefined) {
    events.push({ event: { event: 'delivered', requestId: of.requestId, tries: 1 }, atMs: deliveredMs })
  }
  return events
}

test('a bench: the supplier read from the meter, the MDR from the cache; the day before was not requested', async () => {
  const b = await createBench()
  await b.ask('supplier')
  await b.ask('mdr')
  const records = asRecords(b.trail.map((event) => ({ event, atMs: b.clock.nowMs() })))
  const [before, day] = await completeness(records, { ...question, first: '2026-11-20' })
  // The half-hour stamped at the beginning of the window.
  assert.equal([before!.counts.missing, before!.counts.meter, before!.complete], [47, 1, false])
  assert.equal([day!.counts.meter, day!.complete], [48, true])
  const [own] = await completeness(records, { ...question, user: mdr })
  assert.equal([own!.counts.cache, own!.complete], [48, true])
  const [nobody] = await completeness(records, { ...question, user: '90-B3-D5-1F-30-02-00-00' })
  assert.is(nobody!.counts.missing, 48)
})

test('a settlement day in summer is 23:00Z to 23:00Z: a UTC day covers all but an hour of it', async () => {
  const records = asRecords(read({ n: 1, fromMs: at('2026-07-01T00:00Z'), what: '48m', deliveredMs: midnight }))
  const reports = await completeness(records, { ...question, first: '2026-07-01', last: '2026-07-02' })
  assert.equal(
    reports.map(({ counts }) => [counts.meter, counts.missing]),
    [
      [46, 2],
      [2, 46],
    ],
  )
  assert.equal(reports[0]!.periods.slice(0, 3), ['missing', 'missing', 'meter'])
  assert.equal(reports[1]!.periods.slice(0, 3), ['meter', 'meter', 'missing'])
})

test('46 and 50 periods when clocks change', async () => {
  for (const [day, periods] of [
    ['2026-03-29', 46],
    ['2026-10-25', 50],
  ] as const) {
    const { startMs } = settlementDayBounds(day)
    const records = asRecords(read({ n: 1, fromMs: startMs, what: `${periods}c`, deliveredMs: midnight }))
    const [report] = await completeness(records, { ...question, first: day, last: day })
    assert.equal([report!.periods.length, report!.counts.cache, report!.complete], [periods, periods, true])
    const short = asRecords(read({ n: 1, fromMs: startMs, what: '45c', deliveredMs: midnight }))
    assert.not.ok((await completeness(short, { ...question, first: day, last: day }))[0]!.complete)
  }
})

test('late, not taken, not recorded, another MPAN, another channel', async () => {
  const fromMs = at('2026-11-21T00:00Z')
  const later = (periods: number) => fromMs + periods * halfHourMs
  const records = asRecords([
    ...read({ n: 1, fromMs, what: '10m', deliveredMs: midnight }),
    ...read({ n: 2, fromMs: later(10), what: '10m', deliveredMs: midnight + 1 }),
    ...read({ n: 3, fromMs: later(20), what: '10m' }),
    ...read({ n: 4, fromMs: later(30), what: '5n', deliveredMs: midnight }),
    ...read({ n: 5, fromMs: later(35), what: '5s', deliveredMs: midnight }),
    ...read({ n: 6, fromMs: later(40), what: '8m', deliveredMs: midnight, mpan: '2000000000006' }),
    ...read({ n: 7, fromMs, what: '48m', deliveredMs: midnight, channel: 'reactive-import' }),
  ])
  const [active, reactive] = await completeness(records, question)
  assert.equal(
    [0, 10, 20, 30, 35, 40].map((i) => active!.periods[i]),
    ['meter', 'late', 'not taken', 'not recorded', 'shared', 'missing'],
  )
  assert.equal(active!.counts, {
    meter: 10,
    shared: 5,
    cache: 0,
    late: 10,
    'not taken': 10,
    'not recorded': 5,
    missing: 8,
  })
  assert.equal([reactive!.channel, reactive!.complete], ['reactive-import', true])
})

test('an answer made again after a crash counts as it was sent; a better one wins', async () => {
  const fromMs = at('2026-11-21T00:00Z')
  const [accepted, first] = read({ n: 1, fromMs, what: '48n' })
  const [, second, delivered] = read({ n: 1, fromMs, what: '48m', deliveredMs: midnight })
  const [again] = await completeness(asRecords([accepted!, first!, second!, delivered!]), question)
  assert.is(again!.counts.meter, 48)
  const both = [
    ...read({ n: 1, fromMs, what: '48c', deliveredMs: midnight }),
    ...read({ n: 2, fromMs, what: '20n4m', deliveredMs: midnight }),
  ]
  const [best] = await completeness(asRecords(both), question)
  assert.equal([best!.counts.cache, best!.counts.meter, best!.counts['not recorded']], [44, 4, 0])
})

test('any reads of any days: each period has one status, and each half-hour read in time was received', async () => {
  const day = fc
    .integer({ min: 0, max: 700 })
    .map((n) => new Date(at('2025-06-01') + n * dayMs).toISOString().slice(0, 10))
  const reads = fc.array(
    fc.record({ start: fc.integer({ min: -100, max: 100 }), count: fc.integer({ min: 1, max: 120 }) }),
    { maxLength: 4 },
  )
  await fc.assert(
    fc.asyncProperty(day, reads, async (first, list) => {
      const { startMs } = settlementDayBounds(first)
      const events = list.flatMap(({ start, count }, n) =>
        read({ n, fromMs: startMs + start * halfHourMs, what: `${count}m`, deliveredMs: midnight }),
      )
      const [report] = await completeness(asRecords(events), { ...question, first, last: first })
      assert.is(report!.periods.length, periodsOf(first))
      for (const [i, status] of report!.periods.entries()) {
        const covered = list.some(({ start, count }) => start <= i && i < start + count)
        assert.is(status, covered ? 'meter' : 'missing')
      }
    }),
    { numRuns: 200 },
  )
})

test('too many days, and invalid days', async () => {
  const failing = async (first: string, last: string, words: RegExp) => {
    const problem = await completeness([], { ...question, first, last }).then(
      () => '',
      (error: Error) => error.message,
    )
    assert.match(problem, words)
  }
  await failing('2020-01-01', '2026-01-01', /more than 500/)
  await failing('2026-02-30', '2026-03-02', /no date/)
  assert.equal(await completeness([], { ...question, first: '2026-01-02', last: '2026-01-01' }), [])
})

test('an answer that a crash took and a failure replaced counts for nothing', async () => {
  const startMs = settlementDayBounds('2026-11-21').startMs
  const [accepted, answered, delivered] = read({ n: 1, fromMs: startMs, what: '48m', deliveredMs: midnight - 100 })
  const { served: _, ...failed } = answered!.event as AuditEvent & { event: 'answered' }
  const again = { event: { ...failed, code: 'E20' }, atMs: midnight - 500 }
  const [day] = await completeness(asRecords([accepted!, answered!, again, delivered!]), question)
  assert.is(day!.counts.missing, 48)
  assert.not.ok(day!.complete)
})

test.run()

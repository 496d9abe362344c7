// What a request targets: the entry at the edge of a closed window, daily reads at a change of agent, and who gets them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Allowed, decide, defaultAccessPolicy, explain } from '../../../host/access/access-control.ts'
import { type ChangeOfAgentRead, targetsOf } from '../../../host/access/targets.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import {
  at,
  esme,
  nowMs,
  readImportProfile,
  registryWith,
  row,
  users,
  type Who,
} from '../../support/bench/access-bench.ts'

const closed = { windowEnds: 'closed', changeOfAgentRead: 'both' } as const
const dailyRead = srvRow('4.6.1')!
const window = (from: string, to: string) => ({ startMs: at(from), endMs: at(to) })

test('a closed day in winter: 49 half-hours of two days, or 48 of one', () => {
  const day = window('2026-01-10T00:00Z', '2026-01-11T00:00Z')
  const first = at('2026-01-10T00:00Z') / halfHourMs
  assert.equal(targetsOf(readImportProfile, day, nowMs, {}, closed), [
    { days: { first: '2026-01-09', last: '2026-01-10' }, entries: { first: first - 1, count: 49 } },
    { days: { first: '2026-01-10', last: '2026-01-10' }, entries: { first, count: 48 }, leftOut: 'first' },
  ])
  assert.equal(targetsOf(readImportProfile, day, nowMs, { stamps: 'start' }, closed), [
    { days: { first: '2026-01-10', last: '2026-01-11' }, entries: { first, count: 49 } },
    { days: { first: '2026-01-10', last: '2026-01-10' }, entries: { first, count: 48 }, leftOut: 'last' },
  ])
  const halfOpen = { ...closed, windowEnds: 'half-open' } as const
  assert.equal(targetsOf(readImportProfile, day, nowMs, {}, halfOpen), [
    { days: { first: '2026-01-10', last: '2026-01-10' }, entries: { first, count: 48 } },
  ])
})

test('a UTC day in summer lies in two Settlement Days, a Settlement Day in one', () => {
  const days = (from: string, to: string) =>
    targetsOf(readImportProfile, window(from, to), nowMs, {}, closed).map((one) => [one.days.first, one.days.last])
  assert.equal(days('2026-06-10T00:00Z', '2026-06-11T00:00Z'), [
    ['2026-06-10', '2026-06-11'],
    ['2026-06-10', '2026-06-11'],
  ])
  assert.equal(days('2026-06-09T23:00Z', '2026-06-10T23:00Z'), [
    ['2026-06-09', '2026-06-10'],
    ['2026-06-10', '2026-06-10'],
  ])
})

test('a window without entries, and one of any length, have a first and a last day', () => {
  const days = (from: number, to: number) =>
    targetsOf(readImportProfile, { startMs: from, endMs: to }, nowMs, {}, closed)[0]
  const empty = days(at('2026-06-10T00:01Z'), at('2026-06-10T00:29Z'))
  assert.equal(empty, { days: { first: '2026-06-10', last: '2026-06-10' }, entries: { first: 0, count: 0 } })
  const all = days(at('0001-01-01T00:00Z') - 14 * 3_600_000, at('9999-12-31T23:30Z') + 14 * 3_600_000)
  assert.equal(all.days, { first: '0001-01-01', last: '9999-12-31' })
  const daily = targetsOf(
    dailyRead,
    { startMs: at('0001-01-01T00:00Z') - 14 * 3_600_000, endMs: at('9999-12-31T23:30Z') + 14 * 3_600_000 },
    nowMs,
    {},
    closed,
  )[0]
  assert.equal(daily.days, { first: '0001-01-01', last: '9999-12-31' })
})

// The day on which the new MDR begins, and when that is in UTC.
const changes = [
  ['2026-01-15', '2026-01-15T00:00Z'],
  ['2026-03-29', '2026-03-29T00:00Z'],
  ['2026-03-30', '2026-03-29T23:00Z'],
  ['2026-07-01', '2026-06-30T23:00Z'],
  ['2026-10-26', '2026-10-26T00:00Z'],
] as const

for (const [efd, beginsAt] of changes) {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', efd)])
  const changeMs = at(beginsAt)
  const ask = (who: Who, startMs: number, endMs: number, variant = '4.8.1', read: ChangeOfAgentRead = 'both') => {
    const policy = { ...defaultAccessPolicy, changeOfAgentRead: read }
    const request = { requestId: requestIdOf(users[who], esme, 1n), period: { startMs, endMs } }
    return decide(request, nowMs, registry, srvRow(variant)!, policy)
  }
  const allowed = (...of: Parameters<typeof ask>): Allowed => {
    const decision = ask(...of)
    if (!decision.allowed) throw new Error(explain(decision))
    return decision
  }

  test(`EFD ${efd}: the incoming MDR gets its first day without the entry stamped at its beginning`, () => {
    const incoming = allowed('mdrB', changeMs, changeMs + dayMs)
    assert.equal(incoming.entries, { first: changeMs / halfHourMs, count: 48 })
    assert.is(incoming.leftOut, 'first')
    assert.match(explain(incoming), 'the first entry of the window belongs to another day: left out')
    const outgoing = allowed('mdrA', changeMs - dayMs, changeMs)
    assert.equal(outgoing.entries, { first: (changeMs - dayMs) / halfHourMs - 1, count: 49 })
    assert.is(outgoing.leftOut, undefined)
    // The one entry alone is the outgoing MDR's.
    assert.ok(ask('mdrA', changeMs, changeMs).allowed)
    assert.not.ok(ask('mdrB', changeMs, changeMs).allowed)
    assert.not.ok(ask('mdrB', changeMs - halfHourMs, changeMs + dayMs).allowed)
    assert.not.ok(ask('mdrA', changeMs, changeMs + halfHourMs).allowed)
  })

  test(`EFD ${efd}: the daily read of 00:00 UTC on it is for both, or as set`, () => {
    const midnightMs = at(`${efd}T00:00Z`)
    const reads = ['both', 'incoming', 'outgoing'] as const
    for (const read of reads) {
      assert.is(ask('mdrB', midnightMs, midnightMs, '4.6.1', read).allowed, read !== 'outgoing', `${read}, incoming`)
      assert.is(ask('mdrA', midnightMs, midnightMs, '4.6.1', read).allowed, read !== 'incoming', `${read}, outgoing`)
      const incoming = allowed('mdrB', midnightMs, midnightMs + dayMs, '4.6.1', read)
      assert.is(incoming.leftOut, read === 'outgoing' ? 'first' : undefined, read)
      assert.is(incoming.entries?.count, read === 'outgoing' ? 1 : 2)
      const outgoing = allowed('mdrA', midnightMs - dayMs, midnightMs, '4.6.1', read)
      assert.is(outgoing.leftOut, read === 'incoming' ? 'last' : undefined, read)
      assert.is(outgoing.entries?.count, read === 'incoming' ? 1 : 2)
      assert.not.ok(ask('mdrA', midnightMs - dayMs, midnightMs + dayMs, '4.6.1', read).allowed)
      assert.not.ok(ask('mdrB', midnightMs - dayMs, midnightMs + dayMs, '4.6.1', read).allowed)
    }
  })
}

test.run()

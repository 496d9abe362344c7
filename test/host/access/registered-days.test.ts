import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decide, explain } from '../../../host/access/access-control.ts'
import { srvRow } from '../../../host/catalogue/srv-table.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'
import {
  at,
  esme,
  lastWeek,
  nowMs,
  readImportProfile,
  refusal,
  registryWith,
  request,
  row,
  users,
  type Who,
} from '../../support/bench/access-bench.ts'

// The day on which the new MDR begins, and when that is in UTC.
const changes = [
  ['2026-01-15', '2026-01-15T00:00Z'],
  ['2026-03-29', '2026-03-29T00:00Z'],
  ['2026-03-30', '2026-03-29T23:00Z'],
  ['2026-07-01', '2026-06-30T23:00Z'],
  ['2026-10-25', '2026-10-24T23:00Z'],
  ['2026-10-26', '2026-10-26T00:00Z'],
] as const

for (const [efd, beginsAt] of changes) {
  test(`a change of MDR on Settlement Day ${efd} takes effect at ${beginsAt}, to the half-hour`, () => {
    const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', efd)])
    const changeMs = at(beginsAt)
    const ask = (who: Who, startMs: number, endMs: number) =>
      decide(
        { requestId: requestIdOf(users[who], esme, 1n), period: { startMs, endMs } },
        nowMs,
        registry,
        readImportProfile,
      )
    assert.ok(ask('mdrA', changeMs - 3 * dayMs, changeMs).allowed)
    assert.ok(ask('mdrB', changeMs, changeMs + 3 * dayMs).allowed)
    const outgoing = ask('mdrA', changeMs - dayMs, changeMs + halfHourMs)
    assert.not.ok(outgoing.allowed)
    if (!outgoing.allowed) {
      assert.is(outgoing.day, efd)
      assert.is(outgoing.record?.mpid, 'MDRB')
      assert.is(
        explain(outgoing),
        `refused with E4, rule "registration": on Settlement Day ${efd} the MDR of import MPAN 1234567890126 is MDRB ` +
          `(registered from ${efd}), asked by mdrA (90-B3-D5-1F-30-01-00-09) as MDR MDRA`,
      )
    }
    const incoming = ask('mdrB', changeMs - halfHourMs, changeMs + dayMs)
    assert.not.ok(incoming.allowed)
    if (!incoming.allowed) assert.is(incoming.record?.mpid, 'MDRA')
  })
}

test('what counts is the day asked for, not the day of asking', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-11-20')])
  for (const askedAt of ['2026-11-01T00:00Z', '2026-11-22T00:00Z', '2027-05-01T00:00Z']) {
    const before = request('mdrA', '2026-11-18T00:00Z', '2026-11-20T00:00Z')
    assert.ok(decide(before, at(askedAt), registry, readImportProfile).allowed)
    assert.not.ok(
      decide({ ...before, requestId: requestIdOf(users.mdrB, esme, 1n) }, at(askedAt), registry, readImportProfile)
        .allowed,
    )
  }
})

test('a request without a period targets the day on which it is asked', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-07-01')])
  const { requestId } = request('mdrB', ...lastWeek)
  const readRegisters = srvRow('4.1.1')!
  assert.ok(decide({ requestId }, at('2026-06-30T23:00Z'), registry, readRegisters).allowed)
  assert.not.ok(decide({ requestId }, at('2026-06-30T22:59Z'), registry, readRegisters).allowed)
})

test('a window without half-hours is no way round: the day of its start decides', () => {
  const registry = registryWith([row('MDR', 'MDRA', '2024-01-01'), row('MDR', 'MDRB', '2026-07-01')])
  const empty = request('mdrB', '2026-05-01T00:00Z', '2026-05-01T00:10Z')
  assert.is(refusal(empty, nowMs, registry, readImportProfile).day, '2026-05-01')
  const reversed = request('mdrB', '2026-05-01T00:00Z', '2026-04-01T00:00Z')
  assert.is(refusal(reversed, nowMs, registry, readImportProfile).day, '2026-05-01')
})

test('gaps: the first day without a record decides; records that meet are one', () => {
  const gap = registryWith([
    row('MDR', 'MDRA', '2026-11-01', '2026-11-10'),
    row('MDR', 'MDRA', '2026-11-11', '2026-11-15'),
    row('MDR', 'MDRA', '2026-11-18'),
  ])
  const met = decide(request('mdrA', '2026-11-05T00:00Z', '2026-11-16T00:00Z'), nowMs, gap, readImportProfile)
  assert.ok(met.allowed && met.records.length === 2)
  assert.match(explain(met), 'from 2026-11-01 to 2026-11-10 and from 2026-11-11 to 2026-11-15')
  const across = refusal(request('mdrA', '2026-11-05T00:00Z', '2026-11-20T00:00Z'), nowMs, gap, readImportProfile)
  assert.is(across.day, '2026-11-16')
  assert.is(across.record, undefined)
  assert.ok(decide(request('mdrA', '2026-11-18T00:00Z', '2026-11-20T00:00Z'), nowMs, gap, readImportProfile).allowed)
})

test('another party in between decides, although the same one holds both ends', () => {
  const registry = registryWith([
    row('IS', 'SUPA', '2020-01-01', '2026-11-10'),
    row('IS', 'SUPX', '2026-11-11', '2026-11-12'),
    row('IS', 'SUPA', '2026-11-13'),
  ])
  const decision = refusal(
    request('supplier', '2026-11-01T00:00Z', '2026-11-20T00:00Z'),
    nowMs,
    registry,
    readImportProfile,
  )
  assert.equal([decision.day, decision.record?.mpid], ['2026-11-11', 'SUPX'])
  assert.match(explain(decision), 'SUPX (registered from 2026-11-11 to 2026-11-12)')
})

test.run()

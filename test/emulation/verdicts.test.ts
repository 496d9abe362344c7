// The verdicts of `smets1/testing`: right answers pass, and each kind of wrong one is named.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { expectRefused, expectSettlementDay, startBench } from '../../emulation/testing.ts'

/** The half-hours of the settlement day of the October change, each with its number. */
const october = () =>
  Array.from({ length: 50 }, (_, i) => ({ stampMs: Date.parse('2026-10-24T23:30Z') + i * 1_800_000, wh: i }))

test('a day of 50 periods, in any order, with stamps of either kind', () => {
  assert.is(expectSettlementDay(october().reverse(), '2026-10-25', { wh: 1225 })[49], 49)
  const starts = october().map(({ stampMs, wh }) => ({ at: new Date(stampMs - 1_800_000), wh }))
  assert.is(expectSettlementDay(starts, '2026-10-25', { stamps: 'start' }).length, 50)
  assert.is(expectSettlementDay(october().slice(2), '2026-10-25', { missing: [1, 2] })[0], null)
})

test('each fault is named', () => {
  const wrong = (halfHours: Parameters<typeof expectSettlementDay>[0], expected = {}) => {
    try {
      expectSettlementDay(halfHours, '2026-10-25', expected)
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`
    }
    return 'nothing'
  }
  assert.match(
    wrong(october().slice(0, 48)),
    /^VerdictError: settlement day 2026-10-25 \(50 periods\): missing periods: 49, 50$/,
  )
  assert.match(wrong([...october(), ...october().slice(3, 4)]), /period 4 is there twice/)
  assert.match(
    wrong([...october(), { stampMs: Date.parse('2026-10-24T23:00Z'), wh: 1 }]),
    /other days: 2026-10-24T23:00/,
  )
  assert.is(wrong([...october(), { stampMs: Date.parse('2026-10-24T23:00Z'), wh: 1 }], { others: true }), 'nothing')
  assert.match(wrong(october(), { missing: [7] }), /periods that nobody can have: 7/)
  assert.match(wrong(october(), { wh: 1 }), /1225 Wh, not 1/)
  assert.match(wrong([{ stampMs: Date.parse('2026-10-25T01:10Z'), wh: 1 }]), /ends no half-hour/)
  assert.match(wrong([{ stampMs: Date.parse('2026-10-25T01:00Z'), wh: 1.5 }]), /period 4 has 1\.5 Wh/)
  assert.throws(() => expectSettlementDay([], 'today'), /a settlement day is a date/)
})

test('of a bench: a day that the MDR reads, and a request that it may not send', async () => {
  await using bench = await startBench({ at: '2026-10-26T06:00Z', days: 4 })
  const { entries } = await bench.read('4.8.1', { as: 'mdr', from: '2026-10-24T23:30Z', to: '2026-10-26' })
  assert.is(expectSettlementDay(entries, '2026-10-25').length, 50)
  const refused = await bench.read('4.8.2', { as: 'mdr' })
  expectRefused(refused)
  expectRefused(refused, refused.code, 'E1')
  assert.throws(() => expectRefused(refused, 'E99'), /E99 was expected, not E/)
  const read = await bench.read('4.1.1', { as: 'mdr' })
  assert.throws(() => expectRefused(read, 'E5'), /E5 was expected, and the request was accepted with I99, then I0/)
  assert.throws(() => expectRefused({ code: 'E5', entries: [1] }), /brought 1 values/)
})

test.run()

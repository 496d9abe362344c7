// Read windows as the DCC's reference test data set has them (release 4.5.0, GBCS; SMETS2 evidence, the best there is for a
// DUIS request to a SMETS1 meter): closed at both ends, by either convention of stamps.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { midnight } from '../../emulation/bench.ts'
import { exportParties } from '../../emulation/bench-parties.ts'
import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { createBench } from '../support/bench/checked-bench.ts'

const nineThirty = 19 * halfHourMs

/** Variant, use case, start and end before the last midnight, and entries of the response. */
const windows = [
  ['4.8.3', 'ECS22a', 2 * dayMs - nineThirty, dayMs - nineThirty, 49],
  ['4.8.1', 'ECS22b', 2 * dayMs, dayMs, 49],
  ['4.8.2', 'ECS22c', 2 * dayMs, dayMs, 49],
  ['4.6.1', 'ECS21a', 2 * dayMs, 0, 3],
] as const

for (const stamps of ['end', 'start'] as const) {
  for (const [variant, useCase, from, to, count] of windows) {
    test(`${useCase}, ${variant}, stamps at the ${stamps}: ${count} entries, the first and the last at the window's ends`, async () => {
      const parties = exportParties()
      Object.assign(parties.devices[0]!, { stamps })
      const b = await createBench({ days: 5, parties, othersOf: () => [1, 2, 3] })
      const period = { startMs: midnight - from, endMs: midnight - to }
      await b.ask('supplier', { serviceReferenceVariant: variant, period })
      const { code, entries, dailyReads } = b.callbacks[0]!.response
      const found = (dailyReads ?? entries)!.map(({ stampMs }) => stampMs)
      assert.equal([code, found.length, found[0], found.at(-1)], ['I0', count, period.startMs, period.endMs])
    })
  }
}

test('13 months: of 19,057 entries the newest 19,056', async () => {
  const b = await createBench({ days: 398 })
  await b.ask('other-user', { period: { startMs: midnight - 397 * dayMs, endMs: midnight } })
  const { entries } = b.callbacks[0]!.response
  assert.equal(
    [entries!.length, entries![0]!.stampMs, entries!.at(-1)!.stampMs],
    [19_056, midnight - 397 * dayMs + halfHourMs, midnight],
  )
})

test('the edge of another party’s day is left out, and the answer is I0: first with stamps at the end, last at the start', async () => {
  for (const stamps of ['end', 'start'] as const) {
    const parties = exportParties()
    Object.assign(parties.devices[0]!, { stamps })
    // One MDR for one Settlement Day; another before and after it.
    const row = parties.registrations.find(({ role }) => role === 'MDR')!
    Object.assign(row, { from: '2026-11-20', to: '2026-11-20' })
    parties.registrations.push({ ...row, mpid: 'MDRX', from: '2026-01-01', to: '2026-11-19' })
    parties.registrations.push({ ...row, mpid: 'MDRX', from: '2026-11-21', to: '2026-12-31' })
    const b = await createBench({ days: 5, parties })
    const period = { startMs: midnight - 2 * dayMs, endMs: midnight - dayMs }
    assert.is((await b.ask('mdr', { period })).code, 'I99')
    const { code, entries } = b.callbacks[0]!.response
    const found = entries!.map(({ stampMs }) => stampMs)
    const expected =
      stamps === 'end' ? [period.startMs + halfHourMs, period.endMs] : [period.startMs, period.endMs - halfHourMs]
    assert.equal([code, found.length, found[0], found.at(-1)], ['I0', 48, ...expected], stamps)
  }
})

test.run()

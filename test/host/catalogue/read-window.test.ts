// Which entries a read window selects: the reference test data set's windows, and the rule against a simple model.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  halfHoursInside,
  halfHoursInWindow,
  midnightsInWindow,
  stampOf,
  windowEnds,
} from '../../../host/catalogue/read-window.ts'
import { dayMs, halfHourMs, halfHourOf, startOfHalfHour } from '../../../protocol/half-hour.ts'

const window = (from: string, to: string) => ({ startMs: Date.parse(from), endMs: Date.parse(to) })
const iso = (ms: number) => new Date(ms).toISOString()
const conventions = ['end', 'start'] as const

test('midnight to midnight is 49 entries by either convention, 48 when half-open', () => {
  for (const day of ['2024-02-29', '2025-12-31', '2026-03-29', '2026-10-25', '2026-11-21']) {
    const startMs = Date.parse(`${day}T00:00:00Z`)
    const period = { startMs, endMs: startMs + dayMs }
    for (const stamps of conventions) {
      const { first, count } = halfHoursInWindow(period, 'closed', stamps)
      assert.equal([count, stampOf(first, stamps), stampOf(first + 48, stamps)], [49, startMs, startMs + dayMs])
      const open = halfHoursInWindow(period, 'half-open', stamps)
      assert.equal(open, { first: halfHourOf(startMs), count: 48 }, stamps)
      assert.equal(halfHoursInside(period), open)
    }
  }
})

test('a window takes exactly the entries whose stamps lie in it', () => {
  const ms = fc.integer({ min: 86_400_000, max: 4_102_444_800_000 })
  const length = fc.integer({ min: -3 * 3_600_000, max: 3 * 86_400_000 })
  const aligned = fc.boolean()
  fc.assert(
    fc.property(ms, length, aligned, fc.constantFrom(...windowEnds), fc.constantFrom(...conventions), (...given) => {
      const [at, long, isAligned, ends, stamps] = given
      const startMs = isAligned ? Math.floor(at / halfHourMs) * halfHourMs : at
      const endMs = startMs + (isAligned ? Math.floor(long / halfHourMs) * halfHourMs : long)
      const isIn = (stampMs: number) => {
        if (ends === 'closed') return startMs <= stampMs && stampMs <= endMs
        return stamps === 'end' ? startMs < stampMs && stampMs <= endMs : startMs <= stampMs && stampMs < endMs
      }
      const found = halfHoursInWindow({ startMs, endMs }, ends, stamps)
      const expected: number[] = []
      const near = halfHourOf(startMs) - 3
      for (let one = near; one <= Math.max(near, halfHourOf(endMs)) + 3; one++)
        if (isIn(stampOf(one, stamps))) expected.push(one)
      assert.equal(
        Array.from({ length: found.count }, (_, i) => found.first + i),
        expected,
      )
      for (let one = near; one <= halfHourOf(endMs) + 3; one++) {
        const inside = halfHoursInside({ startMs, endMs })
        const isInside = startOfHalfHour(one) >= startMs && startOfHalfHour(one + 1) <= endMs
        assert.is(one >= inside.first && one < inside.first + inside.count, isInside)
      }
    }),
    { numRuns: 300 },
  )
})

test('midnights: three over two days, one on a midnight, none within a day', () => {
  const days = (from: string, to: string, ends: 'closed' | 'half-open' = 'closed') => {
    const { first, count } = midnightsInWindow(window(from, to), ends)
    return Array.from({ length: count }, (_, i) => iso((first + i) * dayMs).slice(0, 10))
  }
  assert.equal(days('2014-12-09T00:00Z', '2014-12-11T00:00Z'), ['2014-12-09', '2014-12-10', '2014-12-11'])
  assert.equal(days('2014-12-09T00:00Z', '2014-12-11T00:00Z', 'half-open'), ['2014-12-10', '2014-12-11'])
  assert.equal(days('2014-12-09T00:00Z', '2014-12-09T00:00Z'), ['2014-12-09'])
  assert.equal(days('2014-12-09T00:00:00.001Z', '2014-12-09T23:59Z'), [])
  assert.equal(days('2014-12-11T00:00Z', '2014-12-09T00:00Z'), [])
})

test.run()

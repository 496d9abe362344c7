import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  dayOfHalfHour,
  firstHalfHourOfDay,
  halfHourMs,
  halfHourOf,
  halfHoursInWindow,
  stampOfHalfHour,
  startOfHalfHour,
} from '../protocol/half-hour.ts'

const iso = (ms: number) => new Date(ms).toISOString()

test('a half-hour begins on the hour or half past and is stamped with its end', () => {
  const halfHour = halfHourOf(Date.parse('2026-11-21T10:44:59.999Z'))
  assert.is(iso(startOfHalfHour(halfHour)), '2026-11-21T10:30:00.000Z')
  assert.is(iso(stampOfHalfHour(halfHour)), '2026-11-21T11:00:00.000Z')
})

test('midnight to midnight is the 48 half-hours of one day, stamped 00:30 to 24:00', () => {
  for (const day of ['2024-02-29', '2025-12-31', '2026-03-29', '2026-10-25', '2026-11-21']) {
    const startMs = Date.parse(`${day}T00:00:00Z`)
    const { first, count } = halfHoursInWindow(startMs, startMs + 48 * halfHourMs)
    assert.is(count, 48)
    assert.is(first, firstHalfHourOfDay(dayOfHalfHour(first)))
    assert.is(iso(stampOfHalfHour(first)), `${day}T00:30:00.000Z`)
    assert.is(stampOfHalfHour(first + 47), startMs + 48 * halfHourMs)
  }
})

test('a window takes exactly the half-hours with start < stamp <= end', () => {
  const ms = fc.integer({ min: 0, max: 4102444800000 })
  fc.assert(
    fc.property(ms, fc.integer({ min: -200000000, max: 200000000 }), (startMs, length) => {
      const endMs = Math.max(0, startMs + length)
      const { first, count } = halfHoursInWindow(startMs, endMs)
      const inside = (halfHour: number) => stampOfHalfHour(halfHour) > startMs && stampOfHalfHour(halfHour) <= endMs
      if (count === 0) assert.not.ok(inside(halfHourOf(startMs)))
      else {
        assert.ok(inside(first) && inside(first + count - 1))
        assert.not.ok(inside(first - 1) || inside(first + count))
      }
    }),
  )
})

test.run()

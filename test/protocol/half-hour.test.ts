import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  dateOfDay,
  dayMs,
  dayOfDate,
  halfHourOf,
  localAheadMs,
  stampOfHalfHour,
  startOfHalfHour,
  weekdayOfDay,
} from '../../protocol/half-hour.ts'

const iso = (ms: number) => new Date(ms).toISOString()

test('a half-hour begins on the hour or half past and is stamped with its end', () => {
  const halfHour = halfHourOf(Date.parse('2026-11-21T10:44:59.999Z'))
  assert.is(iso(startOfHalfHour(halfHour)), '2026-11-21T10:30:00.000Z')
  assert.is(iso(stampOfHalfHour(halfHour)), '2026-11-21T11:00:00.000Z')
})

test('days and dates, both ways, for every day from 1970 to 2149', () => {
  for (let day = 0; day <= 65535; day++) {
    const date = new Date(day * dayMs)
    const { year, month, day: ofMonth } = dateOfDay(day)
    assert.is(Date.UTC(year, month - 1, ofMonth), day * dayMs)
    assert.is(dayOfDate(year, month, ofMonth), day)
    assert.is(weekdayOfDay(day), date.getUTCDay())
  }
})

test('British local time agrees with the time zone database', () => {
  const hourOf = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hour: '2-digit', hourCycle: 'h23' })
  for (let atMs = Date.UTC(2020, 0, 1); atMs < Date.UTC(2032, 0, 1); atMs += 6 * 3600000 + 1800000) {
    const local = new Date(atMs + localAheadMs(atMs))
    assert.is(Number(hourOf.format(atMs)), local.getUTCHours(), new Date(atMs).toISOString())
  }
  for (const [iso, ahead] of [
    ['2026-03-29T00:59:59.999Z', 0],
    ['2026-03-29T01:00:00.000Z', 3600000],
    ['2026-10-25T00:59:59.999Z', 3600000],
    ['2026-10-25T01:00:00.000Z', 0],
  ] as const) {
    assert.is(localAheadMs(Date.parse(iso)), ahead, iso)
  }
})

test.run()

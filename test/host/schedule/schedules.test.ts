import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Frequency, frequencies } from '../../../host/duis/non-device-fields.ts'
import { formatUtcDate, formatUtcTime, parseUtcDate, parseUtcTime } from '../../../host/duis/utc-date.ts'
import { isForward, lastDay, nextRunDay, periodOfRun } from '../../../host/schedule/schedules.ts'
import { dayMs } from '../../../protocol/half-hour.ts'

const day = (text: string) => Date.parse(`${text}T00:00Z`) / dayMs
const months: { [frequency: string]: number } = { Monthly: 1, Quarterly: 3, 'Half-Yearly': 6, Yearly: 12 }

/** The first `count` run days as text. */
function runs(frequency: Frequency, start: string, count: number, end?: string): string[] {
  const schedule = { frequency, startDay: day(start), ...(end && { endDay: day(end) }) }
  const found: string[] = []
  let next = nextRunDay(schedule, 0)
  for (; next !== undefined && found.length < count; next = nextRunDay(schedule, next + 1))
    found.push(formatUtcDate(next))
  return found
}

test('each frequency, by its first runs', () => {
  assert.equal(runs('Daily', '2028-02-28', 3), ['2028-02-28', '2028-02-29', '2028-03-01'])
  assert.equal(runs('Weekly', '2026-12-28', 3), ['2026-12-28', '2027-01-04', '2027-01-11'])
  assert.equal(runs('Monthly', '2027-01-31', 4), ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30'])
  assert.equal(runs('Quarterly', '2027-11-30', 4), ['2027-11-30', '2028-02-29', '2028-05-30', '2028-08-30'])
  assert.equal(runs('Half-Yearly', '2026-08-31', 3), ['2026-08-31', '2027-02-28', '2027-08-31'])
  assert.equal(runs('Yearly', '2028-02-29', 5), ['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29'])
})

test('the end date is a day on which it still runs', () => {
  assert.equal(runs('Weekly', '2026-12-01', 9, '2026-12-15'), ['2026-12-01', '2026-12-08', '2026-12-15'])
  assert.equal(runs('Weekly', '2026-12-01', 9, '2026-12-14'), ['2026-12-01', '2026-12-08'])
  assert.equal(runs('Daily', '2026-12-01', 9, '2026-12-01'), ['2026-12-01'])
})

test('nothing runs after the last day that can be written', () => {
  const schedule = { frequency: 'Yearly', startDay: day('2026-12-01') } as const
  assert.is(nextRunDay(schedule, day('9999-12-01')), day('9999-12-01'))
  assert.is(nextRunDay(schedule, day('9999-12-02')), undefined)
  assert.is(formatUtcDate(lastDay), '9999-12-31')
})

const anyDay = fc.integer({ min: day('1970-01-01'), max: day('2199-12-31') })

test('whatever the frequency, start and day: the next run is the first one on or after that day', () => {
  fc.assert(
    fc.property(fc.constantFrom(...frequencies), anyDay, anyDay, (frequency, startDay, fromDay) => {
      const schedule = { frequency, startDay }
      const found = nextRunDay(schedule, fromDay)!
      assert.ok(found >= fromDay && found >= startDay)
      // It is a run: at the right distance from the start.
      const [start, run] = [new Date(startDay * dayMs), new Date(found * dayMs)]
      const every = months[frequency]
      if (every === undefined) assert.is((found - startDay) % (frequency === 'Daily' ? 1 : 7), 0)
      else {
        const apart = (run.getUTCFullYear() - start.getUTCFullYear()) * 12 + run.getUTCMonth() - start.getUTCMonth()
        assert.is(apart % every, 0)
        const lastOfMonth = new Date(Date.UTC(run.getUTCFullYear(), run.getUTCMonth() + 1, 0)).getUTCDate()
        assert.is(run.getUTCDate(), Math.min(start.getUTCDate(), lastOfMonth))
      }
      // And there is none before it: the one after the day before is the same, or that day itself.
      if (found > Math.max(fromDay, startDay)) assert.is(nextRunDay(schedule, found - 1), found)
      const longest = { Daily: 1, Weekly: 7, Monthly: 31, Quarterly: 92, 'Half-Yearly': 184, Yearly: 366 }[frequency]
      assert.ok(found - Math.max(fromDay, startDay) < longest)
    }),
    { seed: 51, numRuns: 2000 },
  )
})

test('runs follow each other without a gap and without a repeat, whatever day they are asked for', () => {
  fc.assert(
    fc.property(fc.constantFrom(...frequencies), anyDay, fc.nat(3000), (frequency, startDay, later) => {
      const schedule = { frequency, startDay }
      const direct = nextRunDay(schedule, startDay + later)
      let step = nextRunDay(schedule, 0)!
      assert.is(step, startDay)
      while (step < startDay + later) {
        const next = nextRunDay(schedule, step + 1)!
        assert.ok(next > step)
        step = next
      }
      assert.is(step, direct)
    }),
    { seed: 52, numRuns: 200 },
  )
})

test('a period is reckoned in UTC from the day of the run; clock changes do not move it', () => {
  const period = { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 }
  for (const date of ['2027-03-28', '2027-03-29', '2027-10-31', '2027-11-01', '2028-02-29']) {
    const { startMs, endMs } = periodOfRun({ period }, day(date))!
    assert.is(endMs, Date.parse(`${date}T00:00Z`))
    assert.is(endMs - startMs, dayMs)
  }
  const wide = { startDays: -400, startTimeMs: 1_800_000, endDays: -1, endTimeMs: dayMs - 1000 }
  assert.equal(periodOfRun({ period: wide }, day('2028-01-01')), {
    startMs: Date.parse('2026-11-27T00:30Z'),
    endMs: Date.parse('2027-12-31T23:59:59Z'),
  })
  assert.is(periodOfRun({}, 0), undefined)
  assert.ok(isForward(period))
  assert.not.ok(isForward({ ...period, startDays: 0 }))
  assert.not.ok(isForward({ startDays: 0, startTimeMs: 1, endDays: -1, endTimeMs: 2 }))
})

test('dates and times round-trip, and malformed ones are refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: day('0001-01-01'), max: lastDay }), fc.nat(dayMs - 1), (date, timeMs) => {
      assert.is(parseUtcDate(formatUtcDate(date)), date)
      assert.is(parseUtcDate(`${formatUtcDate(date)}Z`), date)
      assert.is(parseUtcTime(formatUtcTime(timeMs)), timeMs)
    }),
    { seed: 53 },
  )
  assert.is(parseUtcTime('00:00:00.00Z'), 0)
  assert.is(parseUtcTime('01:30:00'), 5_400_000)
  for (const text of [
    '2026-02-29',
    '2026-12-01+01:00',
    '26-12-01',
    '2026-12-01T00:00:00Z',
    '',
    '0000-01-01',
    ' 2026-12-01',
  ]) {
    assert.is(parseUtcDate(text), undefined, text)
  }
  for (const text of ['24:00:00Z', '23:60:00Z', '01:00', '01:00:00+01:00', '1:00:00Z', '']) {
    assert.is(parseUtcTime(text), undefined, text)
  }
})

test.run()

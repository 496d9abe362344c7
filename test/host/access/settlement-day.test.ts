import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  dayAfter,
  dayBefore,
  isDate,
  periodsOf,
  settlementDayBounds,
  settlementDayOf,
} from '../../../host/access/settlement-day.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'

const at = (text: string) => Date.parse(text)
const london = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Europe/London',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})

test('every day from 2000 to 2040 begins at local midnight, as Intl has it', () => {
  let day = '2000-01-01'
  let endMs = settlementDayBounds(day).startMs
  let short = 0
  let long = 0
  while (day <= '2040-12-31') {
    const bounds = settlementDayBounds(day)
    assert.is(bounds.startMs, endMs, `${day} begins where the day before ends`)
    endMs = bounds.endMs
    assert.is(london.format(bounds.startMs), `${day}, 00:00`)
    assert.is(settlementDayOf(bounds.startMs), day)
    assert.is(settlementDayOf(bounds.endMs - 1), day)
    assert.is(periodsOf(day), (bounds.endMs - bounds.startMs) / halfHourMs)
    if (periodsOf(day) === 46) short += 1
    else if (periodsOf(day) === 50) long += 1
    else assert.is(periodsOf(day), 48, day)
    assert.is(dayBefore(dayAfter(day)), day)
    day = dayAfter(day)
  }
  assert.equal([short, long], [41, 41])
})

test('every half-hour around the clock changes lies in the local day that Intl gives', () => {
  for (let year = 2000; year <= 2040; year++) {
    for (const month of ['03', '10']) {
      const fromMs = at(`${year}-${month}-24T00:00Z`)
      for (let ms = fromMs; ms < fromMs + 9 * dayMs; ms += halfHourMs) {
        assert.is(settlementDayOf(ms), london.format(ms).slice(0, 10))
      }
    }
  }
})

test('46, 48 and 50 periods', () => {
  assert.is(periodsOf('2026-03-29'), 46)
  assert.is(periodsOf('2026-10-25'), 50)
  assert.is(periodsOf('2026-06-01'), 48)
  assert.equal(settlementDayBounds('2026-03-29'), { startMs: at('2026-03-29T00:00Z'), endMs: at('2026-03-29T23:00Z') })
  assert.equal(settlementDayBounds('2026-10-25'), { startMs: at('2026-10-24T23:00Z'), endMs: at('2026-10-26T00:00Z') })
})

test('dates', () => {
  for (const good of ['2026-02-28', '2024-02-29', '1996-01-01']) assert.ok(isDate(good), good)
  const bad = ['2026-02-29', '2026-13-01', '2026-00-10', '2026-1-1', '2026-01-01T00:00Z', '', 'today', '+010000-01']
  for (const one of bad) assert.not.ok(isDate(one), one)
  assert.throws(() => settlementDayBounds('2026-02-30'), /no date/)
  assert.is(dayAfter('2026-12-31'), '2027-01-01')
  assert.is(dayBefore('2024-03-01'), '2024-02-29')
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  dayAfter,
  dayBefore,
  isDate,
  periodsOf,
  settlementDayBounds,
  settlementDayOf,
  settlementDayRange,
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

test('a UTC day touches one Settlement Day in winter and two in summer', () => {
  assert.equal(settlementDayRange(at('2026-01-10T00:00Z'), at('2026-01-11T00:00Z')), {
    first: '2026-01-10',
    last: '2026-01-10',
  })
  assert.equal(settlementDayRange(at('2026-06-10T00:00Z'), at('2026-06-11T00:00Z')), {
    first: '2026-06-10',
    last: '2026-06-11',
  })
  assert.equal(settlementDayRange(at('2026-06-09T23:00Z'), at('2026-06-10T23:00Z')), {
    first: '2026-06-10',
    last: '2026-06-10',
  })
})

test('the half-hour that ends at local midnight belongs to the day before', () => {
  assert.equal(settlementDayRange(at('2026-06-10T22:30Z'), at('2026-06-10T23:00Z')), {
    first: '2026-06-10',
    last: '2026-06-10',
  })
  assert.equal(settlementDayRange(at('2026-06-10T22:30Z'), at('2026-06-10T23:29Z')), {
    first: '2026-06-10',
    last: '2026-06-10',
  })
  assert.equal(settlementDayRange(at('2026-06-10T22:30Z'), at('2026-06-10T23:30Z')), {
    first: '2026-06-10',
    last: '2026-06-11',
  })
})

test('empty and reversed windows touch no day; one of any length has a first and a last', () => {
  assert.equal(settlementDayRange(at('2026-06-10T00:00Z'), at('2026-06-10T00:29Z')), undefined)
  assert.equal(settlementDayRange(at('2026-06-10T00:00Z'), at('2026-06-09T00:00Z')), undefined)
  assert.is(settlementDayRange(at('2026-06-10T00:00Z'), at('2026-06-09T00:00Z')), undefined)
  const range = settlementDayRange(at('0001-01-01T00:00Z') - 14 * 3600000, at('9999-12-31T23:30Z') + 14 * 3600000)
  assert.equal(range, { first: '0001-01-01', last: '9999-12-31' })
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

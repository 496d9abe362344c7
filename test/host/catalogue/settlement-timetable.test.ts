// Working days, bank holidays, and the dates of settlement runs.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bankHolidays, isWorkingDay, runDate, runsOf } from '../../../host/catalogue/settlement-timetable.ts'

// As published by the government for England and Wales.
const published: { [year: string]: string[] } = {
  2022: ['01-03', '04-15', '04-18', '05-02', '06-02', '06-03', '08-29', '09-19', '12-26', '12-27'],
  2023: ['01-02', '04-07', '04-10', '05-01', '05-08', '05-29', '08-28', '12-25', '12-26'],
  2024: ['01-01', '03-29', '04-01', '05-06', '05-27', '08-26', '12-25', '12-26'],
  2025: ['01-01', '04-18', '04-21', '05-05', '05-26', '08-25', '12-25', '12-26'],
  2026: ['01-01', '04-03', '04-06', '05-04', '05-25', '08-31', '12-25', '12-28'],
  2027: ['01-01', '03-26', '03-29', '05-03', '05-31', '08-30', '12-27', '12-28'],
}

test('bank holidays of England and Wales, those proclaimed apart included', () => {
  for (const [year, days] of Object.entries(published)) {
    assert.equal(
      bankHolidays(Number(year)),
      days.map((day) => `${year}-${day}`),
      year,
    )
  }
})

test('working days are neither weekends nor bank holidays', () => {
  assert.ok(isWorkingDay('2026-11-23'))
  assert.not.ok(isWorkingDay('2026-11-22'))
  assert.not.ok(isWorkingDay('2026-12-28'))
})

test('runs count working days over Christmas, and months by the calendar', () => {
  assert.is(runDate('2026-12-23', { name: 'SF', workingDays: 4 }), '2026-12-31')
  assert.is(runDate('2026-11-22', { name: 'SF', workingDays: 7 }), '2026-12-01')
  assert.is(runDate('2026-10-31', { name: 'RF', months: 4 }), '2027-02-28')
})

test('the timetable is dated: from Settlement Day 2 July 2027 another one holds', () => {
  const names = (day: string) => runsOf('dated', day).map(({ name }) => name)
  assert.equal(names('2027-07-01'), ['SF', 'R1', 'R2', 'R3', 'RF'])
  assert.equal(names('2027-07-02'), ['II', 'SF', 'R1', 'RF', 'DF'])
  assert.equal(
    runsOf('assessment', '2026-11-22').map(({ date }) => date),
    ['2026-12-01', '2027-03-22'],
  )
})

test.run()

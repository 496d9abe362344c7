// A file is judged as a whole before anything is taken.

import { existsSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { loadOf, shiftToYesterday } from '../../../hardware/load/load-profile.ts'
import { describeReport } from '../../../hardware/load/load-report.ts'
import { assertReadings, at, counts, dayValues, listOf, read, refused, rowsFrom } from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(144)
const file = (...lines: string[]) => `${lines.join('\n')}\n`
const rows = (list = values, first = from) =>
  rowsFrom(first, list, (start, _end, kwh) => `${start.toISOString()},${kwh}`)

test('minutes are summed; hours, days and other lengths are refused, hours unless forced', async () => {
  for (const minutes of [1, 5, 10, 15]) {
    const parts = 30 / minutes
    const list = values.slice(0, 60)
    const text = list.flatMap((wh, i) =>
      Array.from({ length: parts }, (_, part) => {
        const start = new Date((at(from) + i) * 1800000 + part * minutes * 60000)
        return `${start.toISOString()},${(wh / parts / 1000).toFixed(6)}`
      }),
    )
    assertReadings(await read(file('timestamp,kWh', ...text)), from, list, `${minutes} minutes`)
    // A half-hour of which a part is missing is no half-hour.
    const { report } = await read(file('timestamp,kWh', ...text.filter((_, i) => i !== parts + 1)))
    assert.is(report.readings, 59)
    assert.is(report.leftOut[0]?.reason, minutes === 30 ? undefined : 'incomplete')
  }
  const hourly = file(
    'timestamp,kWh',
    ...Array.from({ length: 72 }, (_, i) => `${new Date(Date.parse(from) + i * 3600000).toISOString()},0.4`),
  )
  const error = await refused(hourly)
  assert.is(error.code, 'interval')
  assert.match(error.message, 'an hour')
  assert.match(error.message, 'line 2: ')
  const halved = await read(hourly, { force: true })
  assertReadings(halved, from, new Array(144).fill(200))
  assert.match(describeReport(halved.report).join('\n'), /halved .*not measured/)
  const ends = file(
    'start,end,kWh',
    ...Array.from(
      { length: 24 },
      (_, i) => `${[i, i + 1].map((hour) => new Date(Date.parse(from) + hour * 3600000).toISOString()).join(',')},0.4`,
    ),
  )
  assert.is((await refused(ends)).code, 'interval')
  const columns = Array.from({ length: 24 }, (_, i) => `${String(i).padStart(2, '0')}:00`)
  assert.is((await refused(file(`Date,${columns}`, `2026-11-26,${columns.map(() => '0.4')}`))).code, 'interval')
  for (const stamp of [(date: Date) => date.toISOString(), (date: Date) => date.toISOString().slice(0, 10)]) {
    const daily = Array.from({ length: 30 }, (_, i) => `${stamp(new Date(Date.parse(from) + i * 86400000))},9.5`)
    for (const force of [false, true]) {
      const daysError = await refused(file('timestamp,kWh', ...daily), { force })
      assert.is(daysError.code, 'interval')
      assert.match(daysError.message, 'a day')
    }
  }
  assert.is(
    (
      await refused(
        file(
          'timestamp,kWh',
          ...Array.from({ length: 40 }, (_, i) => `${new Date(Date.parse(from) + i * 7 * 60000).toISOString()},0.1`),
        ),
      )
    ).code,
    'interval',
  )
})

test('hours within a file of half-hours are left out', async () => {
  const hours = Array.from(
    { length: 24 },
    (_, i) => `${new Date(Date.parse('2026-11-29T00:00Z') + i * 3600000).toISOString()},0.9`,
  )
  const text = file('timestamp,kWh', ...rows(), ...hours)
  assert.is((await refused(text)).code, 'misfit')
  const { report } = await read(text, { force: true })
  assert.is(report.leftOut.find(({ reason }) => reason === 'other-length')?.count, 24)
})

test('a few per cent may not fit; more is refused with the reasons and rows, and --force takes the rest', async () => {
  const spoilt = (count: number, spoil: (row: string) => string) =>
    file('timestamp,kWh', ...rows().map((row, i) => (i % 12 === 5 && i < count * 12 ? spoil(row) : row)))
  const kinds: [string, (row: string) => string][] = [
    ['off-grid', (row) => row.replace(':30:00', ':37:00').replace(':00:00', ':07:00')],
    ['stamp', (row) => row.replace('2026', '20x6')],
    ['not-a-number', (row) => row.replace(/,.*/, ',twelve')],
    ['negative', (row) => row.replace(',', ',-')],
    ['absurd', (row) => row.replace(/,.*/, ',186227')],
    ['columns', (row) => `${row},,7`],
  ]
  for (const [reason, spoil] of kinds) {
    const few = await read(spoilt(3, spoil))
    assert.equal(counts(few), { [reason]: 3 }, reason)
    assert.is(few.report.readings, 141, reason)
    const error = await refused(spoilt(12, spoil))
    assert.is(error.code, 'misfit', reason)
    assert.match(error.message, '12 of 144')
    assert.match(error.message, /line 7: .*line 19: .*--force/)
    assert.equal(counts(await read(spoilt(12, spoil), { force: true })), { [reason]: 12 }, reason)
  }
})

test('values that no connection can carry are left out and told, with their energy', async () => {
  const { report } = await read(
    file('timestamp,kWh', ...rows(), '2026-11-29T00:00:00Z,186227', '2026-11-29T00:30:00Z,34.5'),
  )
  assert.is(report.readings, 145)
  assert.equal(
    report.leftOut.map(({ reason, count, wh }) => [reason, count, wh]),
    [['absurd', 1, 186227000]],
  )
  assert.match(describeReport(report).join('\n'), /no connection can carry, left out, a gap: 1, 186227\.000 kWh/)
  const quarter = Array.from(
    { length: 96 },
    (_, i) => `${new Date(Date.parse(from) + i * 900000).toISOString()},${i === 10 ? 20 : 1}`,
  )
  assert.equal(
    (await read(file('timestamp,kWh', ...quarter))).report.leftOut.map(({ reason }) => reason),
    ['absurd', 'incomplete'],
  )
})

test('a wrong year does not make a gap of years', async () => {
  const { report } = await read(file('timestamp,kWh', '2062-11-26T00:00:00Z,1', ...rows(), '2006-11-26T00:00:00Z,1'))
  assert.is(report.leftOut.find(({ reason }) => reason === 'far-apart')?.count, 2)
  assert.is(report.gaps.halfHours, 0)
})

test('doubled half-hours, gaps and rows out of order', async () => {
  const list = rows()
  const text = file(
    'timestamp,kWh',
    ...list.slice(0, 50),
    ...list.slice(60, 70),
    ...list.slice(50, 60),
    ...list.slice(71),
    list[3] ?? '',
    `${list[4]?.split(',')[0]},9`,
  )
  const imported = await read(text)
  assert.equal(counts(imported), { doubled: 1, 'doubled-different': 1 })
  assert.is(imported.report.outOfOrder, 12)
  assert.is(imported.report.gaps.halfHours, 1)
  assert.is(imported.report.gaps.first[0]?.halfHour, at(from) + 70)
  assertReadings(
    imported,
    from,
    values.map((wh, i) => (i === 70 ? undefined : wh)),
  )
  // 47 a day: the gap of every day is told.
  const everyDay = await read(file('timestamp,kWh', ...list.filter((_, i) => i % 48 !== 20)))
  assert.is(everyDay.report.gaps.stretches, 3)
  assert.equal(counts(everyDay), {})
})

test('limits', async () => {
  assert.is((await refused('x'.repeat(101), { maxBytes: 100 })).code, 'too-large')
  assert.is((await refused(file(...rows(values.slice(0, 4))), { maxValues: 3 })).code, 'too-large')
  assert.is((await read(file(...rows(values.slice(0, 4))), { maxValues: 4 })).report.readings, 4)
})

const real = process.env.SMETS1_LCL
if (real !== undefined && existsSync(real)) {
  test('the trial’s own file', async () => {
    const imported = await read(readFileSync(real))
    const { report } = imported
    assert.is(report.values, 17458)
    assert.is(report.readings, 17445)
    assert.is(report.wh, 3645714)
    assert.is(report.fileWh, 3648631)
    assert.equal(counts(imported), { 'no-value': 1, doubled: 12 })
    assert.is(report.gaps.halfHours, 2)
  })
}

test('the load of a profile, and old readings shifted to end yesterday', async () => {
  const { profile } = await read(file('timestamp,kWh', ...rows(values.slice(0, 140), '2012-10-17T13:00Z')))
  const load = loadOf(profile)
  const first = at('2012-10-17T13:00Z')
  assert.equal([first - 1, first, first + 139, first + 140].map(load), [undefined, values[0], values[139], undefined])
  const today = 20000
  const shifted = shiftToYesterday(profile, today)
  assert.ok(shifted !== undefined)
  assert.is(shifted.profile.halfHours.at(-1), today * 48 - 1)
  assert.is(shifted.cut, 140 - 22 - 96)
  assert.is((shifted.profile.halfHours[0] ?? 0) - first, shifted.days * 48)
  assert.is(shifted.profile.wh.length, shifted.profile.halfHours.length)
  const hour = await read(file(...rows([1000], '2012-10-17T13:00Z')))
  assert.is(shiftToYesterday(hour.profile, today), undefined)
  assert.equal(listOf(hour), ['2012-10-17T13:00Z 1000'])
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertReadings, clockText, dayValues, listOf, read, refused, rowsFrom } from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(96)
const file = (...lines: string[]) => `${lines.join('\n')}\n`

const dayRows = (days: [string, (number | undefined)[]][], separator = ',') =>
  days.map(([date, day]) =>
    [date, ...day.map((wh) => (wh === undefined ? '' : (wh / 1000).toFixed(3)))].join(separator),
  )
const names = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, i) => of(i + 1)).join(',')
const london = { zone: 'Europe/London' }

test('a row a day: 48 columns by time, by number, by position; a meter before the date, a total behind', async () => {
  const day = dayValues(48)
  const times = names(48, (n) => clockText(new Date((n - 1) * 1800000)).slice(11))
  const rows = dayRows([
    ['2026-11-26', day],
    ['2026-11-27', day],
  ])
  const expected = [...day, ...day]
  const mpan = rows.map((row) => `1234567890126,${row}`)
  assertReadings(await read(file(`MPAN,Date,${times}`, ...mpan)), from, expected, 'by time')
  assertReadings(await read(file(`Date,${names(48, (n) => `HH${n}`)}`, ...rows)), from, expected, 'HH')
  assertReadings(await read(file(`Settlement Date,${names(50, (n) => `SP${n}`)}`, ...rows)), from, expected, 'SP')
  assertReadings(await read(file(`Date,${names(48, (n) => `slot ${n - 1}`)}`, ...rows)), from, expected, 'slot')
  assertReadings(await read(file(`Date,${names(48, (n) => `x${n}y`)}`, ...rows)), from, expected, 'by position')
  assertReadings(await read(file(...rows)), from, expected, 'no header')
  assertReadings(await read(file(...mpan)), from, expected, 'no header, with an MPAN')
  const total = rows.map((row) => `${row},${(expected.reduce((sum, wh) => sum + wh, 0) / 2000).toFixed(3)}`)
  assertReadings(await read(file(`Date,${names(48, (n) => `HH${n}`)},Total`, ...total)), from, expected, 'total')
  assertReadings(await read(file(...total)), from, expected, 'total, no header')
  const ends = names(48, (n) => clockText(new Date(n * 1800000)).slice(11))
  assertReadings(await read(file(`Date,${ends}`, ...rows)), from, expected, 'columns named after the end')
})

test('days of 46 and 50 half-hours are local days', async () => {
  const [march, october] = [dayValues(46), [...dayValues(48), 700, 710]]
  const spring = dayRows([
    ['2026-03-28', dayValues(48)],
    ['2026-03-29', march],
    ['2026-03-30', dayValues(48)],
  ])
  const autumn = dayRows([
    ['2026-10-24', dayValues(48)],
    ['2026-10-25', october],
    ['2026-10-26', dayValues(48)],
  ])
  const ofSpring = [...dayValues(48), ...march, ...dayValues(48)]
  const ofAutumn = [...dayValues(48), ...october, ...dayValues(48)]
  for (const header of ['', `Date,${names(50, (n) => `HH${n}`)}`, `Date,${names(50, (n) => `SP${n}`)}`]) {
    const [one, two] = [
      file(...(header === '' ? [] : [header]), ...spring),
      file(...(header === '' ? [] : [header]), ...autumn),
    ]
    assertReadings(await read(one, london), '2026-03-28T00:00Z', ofSpring, header)
    assertReadings(await read(two, london), '2026-10-23T23:00Z', ofAutumn, header)
    for (const text of [one, two]) {
      const error = await refused(text)
      assert.is(error.code, 'zone')
      assert.match(error.message, '--zone Europe/London')
    }
  }
  // Columns named after times: the clock skips 01:00 and 01:30, and the row has nothing or 0 there.
  const times = names(48, (n) => clockText(new Date((n - 1) * 1800000)).slice(11))
  const skipped: (number | undefined)[] = dayValues(48)
  skipped[2] = undefined
  skipped[3] = 0
  const byClock = file(`Date,${times}`, ...dayRows([['2026-03-29', skipped]]))
  assertReadings(
    await read(byClock, london),
    '2026-03-29T00:00Z',
    dayValues(48).filter((_, i) => i !== 2 && i !== 3),
  )
  const moved = file(`Date,${times}`, ...spring)
  assertReadings(await read(moved, london), '2026-03-28T00:00Z', ofSpring, '46 values under times')
  const long = file(`Date,${times}`, ...autumn)
  assertReadings(await read(long, london), '2026-10-23T23:00Z', ofAutumn, '50 values under times')
})

test('days in summer: local with --zone, else UTC; Settlement Periods need to know', async () => {
  const rows = dayRows([
    ['2026-07-01', dayValues(48)],
    ['2026-07-02', dayValues(48)],
  ])
  assertReadings(await read(file(...rows), london), '2026-06-30T23:00Z', dayValues(96))
  assertReadings(await read(file(...rows)), '2026-07-01T00:00Z', dayValues(96))
  const settlement = file(`Settlement Date,${names(48, (n) => `SP${n}`)}`, ...rows)
  assertReadings(await read(settlement, london), '2026-06-30T23:00Z', dayValues(96))
  assert.is((await refused(settlement)).code, 'zone')
})

test('date and period; date and time', async () => {
  for (const header of ['Date,Settlement Period,kWh', 'Settlement Date,SP,Consumption (kWh)', 'Date,Sett Period,kWh']) {
    const rows = values.map((wh, i) => `${i < 48 ? '2026-11-26' : '2026-11-27'},${(i % 48) + 1},${wh / 1000}`)
    assertReadings(await read(file(header, ...rows)), from, values)
    const october = [...dayValues(48), 700, 710]
    const long = file(header, ...october.map((wh, i) => `25/10/2026,${i + 1},${wh / 1000}`))
    assertReadings(await read(long, london), '2026-10-24T23:00Z', october)
    assert.is((await refused(long)).code, 'zone')
    const short = file(header, ...dayValues(46).map((wh, i) => `29/03/2026,${i + 1},${wh / 1000}`))
    assertReadings(await read(short, london), '2026-03-29T00:00Z', dayValues(46))
    assert.is((await refused(short)).code, 'zone')
  }
  const split = rowsFrom(from, values, (start, _end, kwh) => `${clockText(start).replace(' ', ',')},${kwh}`)
  assertReadings(await read(file('Date,Time,Consumption (kWh)', ...split)), from, values)
  assertReadings(await read(file(...split)), from, values, 'no header')
  const ranges = rowsFrom(from, values, (start, end, kwh) =>
    [clockText(start).slice(0, 10), clockText(start).slice(11), clockText(end).slice(11), kwh].join(','),
  )
  assertReadings(await read(file('DATE,START TIME,END TIME,USAGE (kWh)', ...ranges)), from, values)
})

test('import and export in one file', async () => {
  const rows = rowsFrom(from, values, (start, _end, kwh) => `${clockText(start)},${kwh},0.050`)
  const text = file('timestamp,Import (kWh),Export (kWh)', ...rows)
  assertReadings(await read(text), from, values)
  assertReadings(
    await read(text, { direction: 'export' }),
    from,
    values.map(() => 50),
  )
  assert.match(
    (
      await refused(
        file('timestamp,Export (kWh)', ...rowsFrom(from, values, (start, _e, kwh) => `${clockText(start)},${kwh}`)),
      )
    ).message,
    /--load-export/,
  )
  const codes = ['AI', 'RI', 'AE'].flatMap((code) =>
    dayRows([['2026-11-26', dayValues(48)]]).map((row) => `123,${code},${row}`),
  )
  const flow = file(`MPAN,Measurement Quantity,Date,${names(48, (n) => `HH${n}`)}`, ...codes)
  assertReadings(await read(flow), from, dayValues(48))
  assert.equal(listOf(await read(flow, { direction: 'export' })).length, 48)
})

test.run()

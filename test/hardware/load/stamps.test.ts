import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeText } from '../../../hardware/load/decode-text.ts'
import { readStamp } from '../../../hardware/load/stamp-text.ts'
import { instantsOf, timeZone } from '../../../hardware/load/time-zone.ts'
import {
  assertReadings,
  at,
  clockText,
  counts,
  dayValues,
  read,
  refused,
  rowsFrom,
} from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(96)
const file = (...lines: string[]) => `${lines.join('\n')}\n`
const london = { zone: 'Europe/London' }
const stamped = (stamp: (start: Date) => string, list = values, first = from) =>
  rowsFrom(first, list, (start, _end, kwh) => `${stamp(start)},${kwh}`)

const dmy = (date: Date, separator = '/') => {
  const [year, month, day] = date.toISOString().slice(0, 10).split('-')
  return [day, month, year].join(separator)
}
const mdy = (date: Date) => dmy(date).replace(/(\d+)\/(\d+)/, '$2/$1')
const hm = (date: Date) => date.toISOString().slice(11, 16)
const month = (date: Date) => date.toLocaleString('en-GB', { month: 'short', timeZone: 'UTC' })
const twelve = (date: Date, after = '') => {
  const hour = date.getUTCHours()
  return `${((hour + 11) % 12) + 1}${hm(date).slice(2)}${after} ${hour < 12 ? 'AM' : 'PM'}`
}

test('every form of stamp', async () => {
  const forms: { [name: string]: (date: Date) => string } = {
    Z: (date) => date.toISOString(),
    '+01:00': (date) => `${clockText(date, 60).replace(' ', 'T')}:00+01:00`,
    '+0100': (date) => `${clockText(date, 60).replace(' ', 'T')}:00+0100`,
    '+00 (PostgreSQL)': (date) => `${clockText(date)}:00+00`,
    '-05:30': (date) => `${clockText(date, -330)}:00 -05:30`,
    ' UTC': (date) => `${clockText(date)}:00 UTC`,
    ' +0000 UTC': (date) => `${clockText(date)}:00 +0000 UTC`,
    'epoch seconds': (date) => String(date.getTime() / 1000),
    'epoch milliseconds': (date) => String(date.getTime()),
    'ISO without a zone': (date) => clockText(date).replace(' ', 'T'),
    'seven decimals': (date) => `${clockText(date)}:00.0000000`,
    'DD/MM/YYYY': (date) => `${dmy(date)} ${hm(date)}`,
    'D/M/YYYY H:MM': (date) => `${dmy(date)} ${hm(date)}`.replace(/\b0(\d)(?=[/:])/g, '$1'),
    'DD-MM-YYYY': (date) => `${dmy(date, '-')} ${hm(date)}:00`,
    'DD.MM.YYYY': (date) => `${dmy(date, '.')} ${hm(date)}`,
    'DD/MM/YY': (date) => `${dmy(date).replace('2026', '26')} ${hm(date)}`,
    'YYYY/MM/DD': (date) => clockText(date).replaceAll('-', '/'),
    'DD-Mon-YYYY': (date) => `${date.getUTCDate()}-${month(date)}-2026 ${hm(date)}`,
    'DD Month YYYY': (date) => `Thu ${date.getUTCDate()} ${month(date)}ember 2026 ${hm(date)}`,
    'Mon DD YYYY': (date) => `"${month(date)} ${date.getUTCDate()}, 2026 ${twelve(date)}"`,
    'month first': (date) => `${mdy(date)} ${hm(date)}`,
    'month first, AM and PM': (date) => `${mdy(date)} ${twelve(date)}`,
    'day first, AM and PM': (date) => `${dmy(date)} ${twelve(date, ':00')}`,
    YYYYMMDDHHMM: (date) => clockText(date).replace(/\D/g, ''),
    YYYYMMDDTHHMMSSZ: (date) => `${clockText(date).slice(0, 10)}T${hm(date)}00Z`.replace(/[-:]/g, ''),
    'Excel serial days': (date) => (date.getTime() / 86400000 + 25569).toFixed(6),
    'Excel serial days, five decimals': (date) => String(Number((date.getTime() / 86400000 + 25569).toFixed(5))),
    'midnight as a bare date': (date) => `${dmy(date)} ${hm(date)}`.replace(' 00:00', ''),
    '24:00 for midnight': (date) =>
      hm(date) === '00:00' ? `${clockText(new Date(date.getTime() - 86400000)).slice(0, 10)} 24:00` : clockText(date),
  }
  for (const [name, form] of Object.entries(forms)) {
    assertReadings(await read(file('timestamp,kWh', ...stamped(form))), from, values, name)
    assertReadings(await read(file(...stamped(form))), from, values, `${name}, no header`)
  }
})

test('text that is no stamp', () => {
  const wrong = ['2024-06-30 24:30', '2024-13-01 00:00', '31/02/2024 00:00', '13/13/2024 00:00', '1999-12-31 00:00']
  for (const text of [...wrong, '2100-01-01 00:00', '12', '0.5', 'yesterday', '', '13:00 PM', 'x'.repeat(5000)]) {
    assert.is(readStamp(text), undefined, text)
  }
})

test('day and month: by a date that has one reading, by the days that follow one another, or refused', async () => {
  // 1 to 12 December: no date with a day above 12. Month first, the days would be months apart.
  const early = dayValues(12 * 48)
  const december = '2026-12-01T00:00Z'
  assertReadings(
    await read(file('timestamp,kWh', ...stamped((date) => `${dmy(date)} ${hm(date)}`, early, december))),
    december,
    early,
  )
  const american = await read(file('timestamp,kWh', ...stamped((date) => `${mdy(date)} ${hm(date)}`, early, december)))
  assertReadings(american, december, early)
  assert.ok(american.report.isMonthFirst)
  // One day that may be 5 November or 11 May.
  const one = await refused(
    file('timestamp,kWh', ...stamped((date) => `${dmy(date)} ${hm(date)}`, dayValues(48), '2026-11-05T00:00Z')),
  )
  assert.is(one.code, 'misfit')
  assert.match(one.message, 'YYYY-MM-DD')
  assertReadings(
    await read(file(...stamped((date) => `${dmy(date)} ${hm(date)}`, dayValues(48), '2026-11-11T00:00Z'))),
    '2026-11-11T00:00Z',
    dayValues(48),
  )
  // Only the last rows of a long file tell that the month is first.
  const long = dayValues(20 * 48)
  assertReadings(
    await read(file('timestamp,kWh', ...stamped((date) => `${mdy(date)} ${hm(date)}`, long, december))),
    december,
    long,
  )
  const mixed = stamped((date) => `${(date.getUTCDate() === 26 ? mdy : dmy)(date)} ${hm(date)}`)
  assert.match((await refused(file('timestamp,kWh', ...mixed))).message, /line 2: .*; line 50|line 50: .*; line 2/)
})

test('the clock of London over both changes, at start and end, in either order', async () => {
  const cases = [
    { first: '2026-10-24T00:00Z', change: Date.parse('2026-10-25T01:00Z'), before: 60, after: 0 },
    { first: '2026-03-28T00:00Z', change: Date.parse('2026-03-29T01:00Z'), before: 0, after: 60 },
  ]
  const list = dayValues(144)
  for (const { first, change, before, after } of cases) {
    const wall = (date: Date) => clockText(date, date.getTime() < change ? before : after)
    const starts = stamped(wall, list, first)
    const ends = rowsFrom(first, list, (_start, end, kwh) => `${wall(end)},${kwh}`)
    // The end by the clock of the start: 02:00 for the end of 01:30 before clocks go back.
    const startClock = rowsFrom(first, list, (start, _end, kwh) => {
      const ahead = start.getTime() < change ? before : after
      return `${clockText(start, ahead + 30)},${kwh}`
    })
    for (const rows of [starts, [...starts].reverse()]) {
      assertReadings(await read(file('timestamp,kWh', ...rows), london), first, list)
      const error = await refused(file('timestamp,kWh', ...rows))
      assert.is(error.code, 'zone')
      assert.match(error.message, '--zone Europe/London')
    }
    for (const rows of [ends, startClock, [...startClock].reverse()]) {
      assertReadings(await read(file('timestamp,kWh', ...rows), { ...london, stamps: 'end' }), first, list)
      assert.is((await refused(file('timestamp,kWh', ...rows), { stamps: 'end' })).code, 'zone')
    }
    const quarters = list.flatMap((wh) => [wh / 2, wh / 2])
    const fine = quarters.map((wh, i) => `${wall(new Date(Date.parse(first) + i * 900000))},${wh / 1000}`)
    assertReadings(await read(file('timestamp,kWh', ...fine), london), first, list, 'quarter-hours')
    assert.is((await refused(file('timestamp,kWh', ...fine))).code, 'zone')
  }
  // UTC that happens to miss that hour is read when it is said to be UTC.
  const gap = stamped(clockText, list, '2026-03-28T00:00Z').filter((row) => !/2026-03-29 01:/.test(row))
  assert.is((await refused(file('timestamp,kWh', ...gap))).code, 'zone')
  const utc = await read(file('timestamp,kWh', ...gap), { zone: 'UTC' })
  assert.is(utc.report.gaps.halfHours, 2)
})

test('a zone of the stamp goes before --zone; zones that are none are refused', async () => {
  const rows = stamped((date) => date.toISOString(), values, '2026-07-01T00:00Z')
  assertReadings(await read(file('timestamp,kWh', ...rows), london), '2026-07-01T00:00Z', values)
  const bare = stamped(clockText, values, '2026-07-01T00:00Z')
  assertReadings(await read(file('timestamp,kWh', ...bare), london), '2026-06-30T23:00Z', values)
  assertReadings(await read(file('timestamp,kWh', ...bare), { zone: '+10:00' }), '2026-06-30T14:00Z', values)
  assertReadings(await read(file('timestamp (UTC),kWh', ...bare), london), '2026-07-01T00:00Z', values)
  assert.is((await refused(file('timestamp (local time),kWh', ...bare))).code, 'zone')
  assert.match((await refused(file(...bare), { zone: 'Europe/Londn' })).message, 'Europe/Londn')
  const zone = timeZone('Europe/London')
  assert.ok(zone !== undefined)
  assert.equal(instantsOf(zone, Date.parse('2026-03-29T01:30Z')), [])
  assert.is(instantsOf(zone, Date.parse('2026-10-25T01:30Z')).length, 2)
})

test('every form of text: encodings, line ends, separators, lines before and behind', async () => {
  const rows = stamped(clockText)
  const plain = ['timestamp,kWh', ...rows]
  const texts: { [name: string]: string } = {
    CRLF: plain.join('\r\n'),
    CR: plain.join('\r'),
    'sep=;': ['sep=;', ...plain].join('\r\n').replaceAll(',', ';').replaceAll('.', ','),
    'sep=|': ['sep=|', ...plain].join('\n').replaceAll(',', '|'),
    tabs: file(...plain).replaceAll(',', '\t'),
    'trailing separators': file(...plain.map((row) => `${row},,`)),
    quoted: file(
      ...plain.map((row) =>
        row
          .split(',')
          .map((cell) => `"${cell}"`)
          .join(','),
      ),
    ),
    'blanks and blank lines': file(...plain.map((row) => ` ${row.replace(',', ' , ')} \n`)),
    titles: file('Consumption report', 'Meter,1234567890126', 'Unit,kWh', '', ...plain),
    comments: file('# made by hand', '#timestamp,kWh', ...rows.slice(0, 50), '# half of it', ...rows.slice(50)),
    'the header again': file(...plain.slice(0, 49), ...['timestamp,kWh', ...plain.slice(49)]),
    'a total without a name': file(...plain, `,${values.reduce((sum, wh) => sum + wh, 0) / 1000}`),
    total: file(...plain, `Total,${values.reduce((sum, wh) => sum + wh, 0) / 1000}`),
    'newest first': file('timestamp,kWh', ...[...rows].reverse()),
    'columns in another order': file(
      'kWh,quality,timestamp',
      ...rows.map((row) => row.split(',').reverse().join(',A,')),
    ),
  }
  for (const [name, text] of Object.entries(texts)) {
    const imported = await read(text)
    assertReadings(imported, from, values, name)
    assert.is(imported.report.outOfOrder, 0, name)
    assert.equal(counts(imported), {}, name)
  }
  const accented = file(
    'Début;Fin;Énergie (kWh)',
    ...rowsFrom(from, values, (start, end, kwh) => [clockText(start), clockText(end), kwh.replace('.', ',')].join(';')),
  )
  const utf16 = (swap: boolean) => {
    const bytes = Buffer.from(accented, 'utf16le')
    return new Uint8Array(swap ? bytes.swap16() : bytes)
  }
  const bom = (bytes: Uint8Array, ...mark: number[]) => new Uint8Array([...mark, ...bytes])
  const encodings: { [name: string]: Uint8Array } = {
    'UTF-8': new TextEncoder().encode(accented),
    'UTF-8 with a mark': bom(new TextEncoder().encode(accented), 0xef, 0xbb, 0xbf),
    'UTF-16LE with a mark': bom(utf16(false), 0xff, 0xfe),
    'UTF-16BE with a mark': bom(utf16(true), 0xfe, 0xff),
    'UTF-16LE without': utf16(false),
    'UTF-16BE without': utf16(true),
    'windows-1252': new Uint8Array(Buffer.from(accented, 'latin1')),
  }
  for (const [name, bytes] of Object.entries(encodings)) assertReadings(await read(bytes), from, values, name)
  assert.is(decodeText(new Uint8Array([0x80, 0x31])), '€1')
  assert.is(decodeText(new Uint8Array()), '')
})

test('numbers: thousands, decimal commas, units behind them', async () => {
  const wh = [1234567, 234500, 500, 0]
  const stamps = wh.map((_, i) => clockText(new Date((at(from) + i) * 1800000)))
  const rows = (numbers: string[]) => numbers.map((number, i) => `${stamps[i]};${number}`)
  const options = { maxKwh: 16000 }
  for (const numbers of [
    ['1,234.567', '234.5', '0.5', '0'],
    ['1.234,567', '234,5', '0,5', '0'],
    ['1 234,567', '234,500', '0,5', '0'],
    ['1234.567 kWh', '234.5kWh', '500 Wh', '0 kWh'],
  ]) {
    assertReadings(await read(file('timestamp;kWh', ...rows(numbers)), options), from, wh, numbers.join(' '))
  }
  // In a file with commas between cells, "1,234" is a thousand or not.
  const open = stamps.map((stamp) => `${stamp},"1,234"`)
  assert.is((await refused(file('timestamp,kWh', ...open))).code, 'unit')
  assertReadings(
    await read(file('timestamp,kWh', ...open, `2026-11-26 02:00,"0,5"`)),
    from,
    [1234, 1234, 1234, 1234, 500],
  )
})

test.run()

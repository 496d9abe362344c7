// The energy of a file is what was taken and what was left out, in every layout.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importLoad } from '../../../hardware/load/load-file.ts'
import { describeReport } from '../../../hardware/load/load-report.ts'
import { at, clockText, dayValues, read, rowsFrom } from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(144)
const file = (...lines: string[]) => `${lines.join('\n')}\n`
const bytes = (text: string) => new TextEncoder().encode(text)
const rows = (list = values, first = from) =>
  rowsFrom(first, list, (start, _end, kwh) => `${start.toISOString()},${kwh}`)

test('whole Wh never drift from the file', async () => {
  const micro = fc.array(fc.integer({ min: 0, max: 34_500_000 }), { minLength: 1, maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(micro, async (list) => {
      const text = list.map(
        (value, i) => `${new Date((at(from) + i) * 1800000).toISOString()},${(value / 1e6).toFixed(6)}`,
      )
      // Values that only rise are refused; that is tested elsewhere.
      const { profile } = await read(text.join('\n'), { force: true })
      let exactMilliWh = 0
      let wh = 0
      for (const [i, value] of list.entries()) {
        exactMilliWh += value
        wh += profile.wh[i] ?? 0
        assert.ok(Math.abs(wh * 1000 - exactMilliWh) <= 501, `${wh} Wh for ${exactMilliWh} mWh`)
      }
    }),
    { seed: 1, numRuns: 30 },
  )
})

/** Layouts that a property can be held for: rows of cells for half-hours, each with kWh as text. */
const layouts: { [name: string]: (cells: { start: Date; end: Date; kwh: string }[]) => string } = {
  columns: (cells) => file('timestamp,kWh', ...cells.map(({ start, kwh }) => `${start.toISOString()},${kwh}`)),
  semicolons: (cells) =>
    file('timestamp;kWh', ...cells.map(({ start, kwh }) => `${clockText(start)};${kwh.replace('.', ',')}`)),
  Octopus: (cells) =>
    file(
      'Consumption (kwh), Start, End',
      ...cells.map(({ start, end, kwh }) => `${kwh}, ${start.toISOString()}, ${end.toISOString()}`),
    ),
  n3rgy: (cells) =>
    file('timestamp (UTC),energyConsumption (kWh)', ...cells.map(({ end, kwh }) => `${clockText(end)},${kwh}`)),
  Glowmarkt: (cells) => file('Timestamp,kWh,Pence', ...cells.map(({ start, kwh }) => `${clockText(start)},${kwh},1`)),
  'Low Carbon London': (cells) =>
    file(
      'LCLid,stdorToU,DateTime,KWH/hh (per half hour) ',
      ...cells.map(({ start, kwh }) => `MAC1,Std,${clockText(start)}:00,${kwh}`),
    ),
  periods: (cells) =>
    file(
      'Date,Settlement Period,kWh',
      ...cells.map(
        ({ start, kwh }) => `${clockText(start).slice(0, 10)},${((start.getTime() / 1800000) % 48) + 1},${kwh}`,
      ),
    ),
  'date and time': (cells) =>
    file(
      'Date,Time,Consumption (kWh)',
      ...cells.map(({ start, kwh }) => `${clockText(start).replace(' ', ',')},${kwh}`),
    ),
  JSON: (cells) =>
    JSON.stringify({
      results: cells.map(({ start, end, kwh }) => ({ consumption: kwh, interval_start: start, interval_end: end })),
    }),
  'rows a day': (cells) => {
    const days = new Map<string, string[]>()
    for (const { start, kwh } of cells) {
      const date = start.toISOString().slice(0, 10)
      const day = days.get(date) ?? new Array<string>(48).fill('')
      day[(start.getTime() / 1800000) % 48] = kwh
      days.set(date, day)
    }
    return file(
      `Date,${Array.from({ length: 48 }, (_, i) => `HH${i + 1}`)}`,
      ...[...days].map(([date, day]) => [date, ...day].join(',')),
    )
  },
}

test('in every layout, what is taken and what is left out adds up to the file, whatever is wrong with it', async () => {
  const cell = fc.oneof(
    { weight: 30, arbitrary: fc.integer({ min: 0, max: 34500 }).map((wh) => (wh / 1000).toFixed(3)) },
    { weight: 2, arbitrary: fc.constantFrom('', 'Null', 'twelve', '-0.250', '186227', '0.1234567') },
  )
  const row = fc.record({ kwh: cell, moved: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1) })
  const list = fc.array(row, { minLength: 60, maxLength: 150 })
  for (const [name, layout] of Object.entries(layouts)) {
    await fc.assert(
      fc.asyncProperty(list, async (given) => {
        const cells = given.map(({ kwh, moved }, i) => {
          // Some rows stand again, some are off the grid; a row a day has no stamps to move.
          const startMs = (at(from) + (moved === 1 && i > 0 ? i - 1 : i)) * 1800000
          const offMs = moved === 1 && i % 2 === 0 && /columns|Octopus|JSON/.test(name) ? 420000 : 0
          return { start: new Date(startMs + offMs), end: new Date(startMs + offMs + 1800000), kwh }
        })
        // In a row a day a cell that stands again replaces the one before it.
        const isByDay = name === 'rows a day'
        const own = isByDay ? [...new Map(cells.map((one) => [one.start.getTime(), one])).values()] : cells
        const result = await importLoad(bytes(layout(cells)), { force: true })
        assert.ok(result.ok, name)
        const exact = own.reduce((sum, { kwh }) => sum + (Number(kwh) || 0), 0) * 1000
        const { report } = result
        const leftOut = report.leftOut.reduce((sum, { wh }) => sum + wh, 0)
        assert.is(report.fileWh, report.wh + leftOut)
        assert.ok(Math.abs(report.fileWh - exact) <= 0.501, `${name}: ${report.fileWh} Wh of ${exact}`)
        assert.is(
          result.profile.wh.reduce((sum, wh) => sum + wh, 0),
          report.wh,
        )
      }),
      { seed: 5, numRuns: 4 },
    )
  }
})

test('hostile text is an error or a report, never an exception', async () => {
  const seeds = [
    file('timestamp,kWh', ...rows(values.slice(0, 5))),
    file('Date,Settlement Period,kWh', '2026-11-26,1,0.1'),
    `2026-11-26${',0.1'.repeat(48)}\n`,
    file('200,6123456789,E1,1,E1,N1,M,KWH,30,', `300,20261126${',0.1'.repeat(48)},A,,,`),
    '{"results":[{"consumption":0.1,"interval_start":"2026-11-26T00:00:00Z","interval_end":"2026-11-26T00:30:00Z"}]}',
    '<IntervalBlock><IntervalReading><timePeriod><duration>1800</duration><start>1795651200</start></timePeriod><value>5</value></IntervalReading></IntervalBlock>',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...seeds), fc.nat(400), fc.nat(20), fc.string({ maxLength: 12 }))
      .map(([seed, start, cut, put]) => seed.slice(0, start) + put + seed.slice(start + cut)),
  )
  const options = fc.record({
    stamps: fc.constantFrom('start' as const, 'end' as const),
    force: fc.boolean(),
    zone: fc.constantFrom('UTC', 'Europe/London', '+05:45'),
  })
  await fc.assert(
    fc.asyncProperty(text, options, async (given, how) => {
      const result = await importLoad(bytes(given), how)
      if (!result.ok) return assert.ok(result.error.message.length > 15)
      for (const line of describeReport(result.report)) assert.not.match(line, /\p{Cc}/u)
      for (const wh of result.profile.wh) assert.ok(wh >= 0 && wh <= 34501)
    }),
    { seed: 7, numRuns: 250 },
  )
  const long = [
    '9'.repeat(2e6),
    `${'"'.repeat(1e6)},1`,
    `2024-01-01T00:00,${'1'.repeat(1e6)}`,
    ','.repeat(1e6),
    '\r'.repeat(1e6),
    '['.repeat(1e5),
    '<a>'.repeat(1e5),
    `{"a":${'{"a":'.repeat(1e4)}1${'}'.repeat(1e4)}}`,
  ]
  for (const given of long) assert.not((await importLoad(bytes(given))).ok)
  for (let i = 0; i < 200; i++) {
    const random = Uint8Array.from({ length: 300 }, (_, at) => (at * 7919 + i * 104729 + (at * i) ** 2) % 256)
    await importLoad(random)
  }
})

test.run()

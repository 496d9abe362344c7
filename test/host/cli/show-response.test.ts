// What `smets1 read` shows, for each kind of data.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dataCsv, dataJson, dataTable } from '../../../host/cli/show-response.ts'

const midnight = Date.UTC(2026, 10, 22)
const halfHour = 1800000
const both = {
  entries: [
    { stampMs: midnight - halfHour, wh: 120, varh: 7 },
    { stampMs: midnight, wh: 80 },
  ],
}

test('half-hours of two channels: one table each, one CSV with both', () => {
  const table = dataTable(both)
  assert.match(
    table,
    /active energy, Wh[\s\S]*2026-11-21 .*0\.200 kWh, 2 of 48[\s\S]*reactive energy, varh[\s\S]*0\.007 kvarh, 1 of 48/,
  )
  assert.match(table, /2 half-hours, 0\.200 kWh; 1 half-hours, 0\.007 kvarh$/)
  assert.is(dataCsv(both), 'timestamp,wh,varh\n2026-11-21T23:30:00Z,120,7\n2026-11-22T00:00:00Z,80,\n')
  assert.equal(dataJson(both), {
    entries: [
      { timestamp: '2026-11-21T23:30:00Z', wh: 120, varh: 7 },
      { timestamp: '2026-11-22T00:00:00Z', wh: 80 },
    ],
  })
})

test('half-hours of one channel keep the shape they always had', () => {
  const active = { entries: [{ stampMs: midnight, wh: 80 }] }
  assert.is(dataCsv(active), 'timestamp,wh\n2026-11-22T00:00:00Z,80\n')
  assert.not.match(dataTable(active), /active energy/)
  assert.is(dataCsv({ entries: [{ stampMs: midnight, varh: 5 }] }), 'timestamp,varh\n2026-11-22T00:00:00Z,5\n')
  assert.is(dataCsv({ entries: [] }), 'timestamp,wh\n')
  assert.match(dataTable({ entries: [] }), /no half-hours.*\n {2}0 half-hours/)
})

test('the half-hour at the edge of a closed window is shown apart from its day, by either convention of stamps', () => {
  const end = Array.from({ length: 49 }, (_, i) => ({ stampMs: midnight + i * halfHour, wh: 10 }))
  const shown = dataTable({ entries: end })
  assert.match(shown, /2026-11-21 23:30 to 00:00: 10 Wh; a window holds/)
  assert.match(shown, /2026-11-22 .* 0\.480 kWh, 48 of 48/)
  assert.not.match(shown, /of half-hour[\s\S]*- {2,}-/)
  const start = dataTable({ entries: end }, 'start')
  assert.match(start, /2026-11-23 00:00 to 00:30: 10 Wh/)
  // A day with one half-hour elsewhere is a day.
  assert.match(dataTable({ entries: [end[5]!, ...end.slice(30, 32)] }), /0\.030 kWh, 3 of 48/)
})

test('registers', () => {
  const registers = { registers: { direction: 'export' as const, activeWh: 1234567, reactiveVarh: 8 } }
  assert.match(
    dataTable(registers),
    /active export register +1234567 Wh {2}\(1234\.567 kWh\)\n.*reactive export register +8 varh/,
  )
  assert.is(
    dataCsv(registers),
    'register,value,unit\nactive export register,1234567,Wh\nreactive export register,8,varh\n',
  )
  assert.equal(dataJson(registers), registers)
  assert.is(dataTable({ registers: { direction: 'import' } }), '  no registers')
})

test('daily reads: tariff registers that count, and what each day used', () => {
  const tariffWh = (night: number, day: number) =>
    Array.from({ length: 48 }, (_, i) => (i === 4 ? night : i === 9 ? day : 0))
  const reads = {
    dailyReads: [
      { stampMs: midnight - 86400000, importWh: 30000, tariffWh: tariffWh(10000, 20000) },
      { stampMs: midnight, importWh: 41500, tariffWh: tariffWh(13500, 28000) },
    ],
  }
  const table = dataTable(reads)
  assert.match(table, /import Wh +TOU 5 +TOU 10\n/)
  assert.match(table, /2026-11-22T00:00:00Z +41500 +13500 +28000 {2}\+11\.500 kWh/)
  const [head, ...rows] = dataCsv(reads).trim().split('\n')
  assert.is(head!.split(',').length, 50)
  assert.is(rows[0]!.split(',').length, 50)
  assert.equal(rows[0]!.split(',').slice(0, 2), ['2026-11-21T00:00:00Z', '30000'])
  assert.is((dataJson(reads).dailyReads as { timestamp: string }[])[1]!.timestamp, '2026-11-22T00:00:00Z')
  assert.match(dataTable({ dailyReads: [] }), /no daily reads/)
})

test.run()

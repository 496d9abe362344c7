import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertReadings, at, clockText, dayValues, read, refused, rowsFrom } from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(144)
const file = (...lines: string[]) => `${lines.join('\n')}\n`
const rows = (list = values, first = from) =>
  rowsFrom(first, list, (start, _end, kwh) => `${start.toISOString()},${kwh}`)

test('units that are energy are converted exactly', async () => {
  const scales: [string, number][] = [
    ...[
      'kWh',
      'KWH',
      'kwh',
      'energy_kwh',
      'Energy (kW·h)',
      'kilowatt-hours',
      'TotalKWH',
      'kWhUsed',
      'KWH/hh (per half hour)',
    ].map((name): [string, number] => [name, 1000]),
    ...['Wh', 'energyWh', 'Energy (watt-hours)', 'consumption_wh', 'active energy [Wh]', 'Watt Hours'].map(
      (name): [string, number] => [name, 1],
    ),
    ...['MWh', 'Energy (MWh)', 'megawatt hours'].map((name): [string, number] => [name, 1000000]),
  ]
  for (const [name, scale] of scales) {
    const text = file(
      `timestamp,${name}`,
      ...values.map((wh, i) => `${clockText(new Date((at(from) + i) * 1800000))},${wh / scale}`),
    )
    assertReadings(await read(text), from, values, name)
  }
  const unit = (name: string) =>
    file('TYPE,timestamp,USAGE,UNITS', ...rows().map((row) => `Electric usage,${row},${name}`))
  assertReadings(await read(unit('kWh')), from, values)
  assertReadings(await read(unit('Wh').replace(/,0\.(\d{3}),/g, ',$1,')), from, values)
  assert.is((await refused(unit('kW'))).code, 'unit')
  assertReadings(await read(file('Unit,kWh', 'timestamp,Consumption', ...rows())), from, values)
  assert.is((await refused(file('Unit,kW', 'timestamp,Consumption', ...rows()))).code, 'unit')
})

test('what is not active energy is refused, with the name of its column', async () => {
  const names = [
    'power_kw',
    'kW',
    'Power (W)',
    'demandKW',
    'average kilowatts',
    'kvarh',
    'kVArh',
    'kVA',
    'cost (p)',
    'pence',
    '£',
    'GBP',
    'rate_p_kwh',
    'therms',
    'Gas (kWh)',
    'kWh/day',
    'kWh per hour',
    'kw_hh',
    'mWh',
    'GWh',
    'MJ',
    'm3',
    'Energy',
    'Consumption',
    'usage',
    'temperature',
  ]
  for (const name of names) {
    for (const options of [{}, { force: true }]) {
      const error = await refused(file(`timestamp,${name}`, ...rows()), options)
      assert.is(error.code, 'unit', name)
      assert.match(error.message, name)
    }
  }
  // Beside energy they are not read.
  assertReadings(await read(file('timestamp,kWh,power_kw,cost_p', ...rows().map((row) => `${row},9,9`))), from, values)
})

test('units of rows a day, by the names of their columns', async () => {
  const day = dayValues(48)
  const days = (name: (n: number) => string, scale: number) =>
    file(`Date,${day.map((_, i) => name(i + 1))}`, `2026-11-26,${day.map((wh) => wh / scale)}`)
  const time = (n: number) => clockText(new Date((n - 1) * 1800000)).slice(11)
  assertReadings(await read(days((n) => `HH${n} (Wh)`, 1)), from, day)
  assertReadings(await read(days((n) => `SP${n}_kWh`, 1000)), from, day)
  assertReadings(await read(days((n) => `${time(n)} (MWh)`, 1000000)), from, day)
  assertReadings(await read(days((n) => `${time(n)} Wh`, 1)), from, day)
  for (const unit of ['kW', '(kvarh)', '(W)', 'kVA']) {
    assert.is((await refused(days((n) => `HH${n} ${unit}`, 1000))).code, 'unit', unit)
    assert.is((await refused(days((n) => `${time(n)} ${unit}`, 1000))).code, 'unit', unit)
  }
})

test('a title that names another unit, above values without one', async () => {
  for (const title of ['Half-hourly demand (kW)', 'Reactive energy in kvarh', 'Power [W]', 'kVA']) {
    for (const header of [['timestamp,value'], []]) {
      assert.is((await refused(file(title, ...header, ...rows()))).code, 'unit', title)
    }
  }
  assertReadings(await read(file('Half-hourly energy (kWh)', 'timestamp,value', ...rows())), from, values)
  assertReadings(await read(file('Supply capacity 100 kVA', 'timestamp,kWh', ...rows())), from, values)
})

test.run()

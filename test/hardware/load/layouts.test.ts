import { test } from 'uvu'
import * as assert from 'uvu/assert'
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
const iso = (date: Date) => date.toISOString().replace('.000Z', '+00:00')
const file = (...lines: string[]) => `${lines.join('\n')}\n`

test('Octopus, as downloaded today and before, and its API', async () => {
  const today = file(
    'Consumption (kwh), Estimated Cost Inc. Tax (p), Standing Charge Inc. Tax (p), Start, End',
    ...rowsFrom(from, values, (start, end, kwh) => `${kwh}000, 5.7575, 0.981, ${iso(start)}, ${iso(end)}`),
  )
  const imported = await read(today)
  assertReadings(imported, from, values)
  assert.is(imported.report.layout, 'Octopus')
  assert.is(imported.report.zone, undefined)
  const older = rowsFrom(from, values, (start, end, kwh) => `${kwh}, ${iso(start)}, ${iso(end)}`)
  assertReadings(await read(file('Consumption (kWh), Start, End', ...older)), from, values)
  const summer = rowsFrom('2026-07-01T23:00Z', values, (start, end, kwh) =>
    [kwh, ...[start, end].map((date) => `${clockText(date, 60).replace(' ', 'T')}:00+01:00`)].join(', '),
  )
  assertReadings(await read(file('Consumption (kWh), Start, End', ...summer)), '2026-07-01T23:00Z', values)

  const pence = rowsFrom(from, values, (start, end, kwh) => `${iso(start)},${iso(end)},${kwh},21.2,2.4`)
  assertReadings(await read(file('interval_start,interval_end,kwh,rate_p_kwh,cost_p', ...pence)), from, values)
  const results = rowsFrom(from, values, (start, end, kwh) =>
    JSON.stringify({ consumption: Number(kwh), interval_start: iso(start), interval_end: iso(end) }),
  )
  // The API gives the newest first.
  const api = `{"count": 96, "next": null, "previous": null, "results": [${results.reverse().join(',')}]}`
  const ofApi = await read(api)
  assertReadings(ofApi, from, values)
  assert.is(ofApi.report.outOfOrder, 0)
})

test('n3rgy stamps the end, unless --stamps says otherwise', async () => {
  const rows = rowsFrom(from, values, (_start, end, kwh) => `${clockText(end)},${kwh}`)
  const text = file('timestamp (UTC),energyConsumption (kWh)', ...rows)
  assertReadings(await read(text), from, values)
  assertReadings(await read(text, { zone: 'Europe/London' }), from, values)
  assertReadings(await read(text, { stamps: 'start' }), '2026-11-26T00:30Z', values)
  const json = rowsFrom(from, values, (_start, end, kwh) => `{"timestamp":"${clockText(end)}","value":${kwh}}`)
  const whole = `{"resource":"/x","granularity":"halfhour","values":[${json}],"unit":"kWh"}`
  assertReadings(await read(whole), from, values)
  const devices = `{"devices":[{"deviceId":"A1","values":[${json}]}],"unit":"kWh"}`.replaceAll(
    'value"',
    'primaryValue"',
  )
  assertReadings(await read(devices), from, values)
  assert.is((await refused(whole.replace('"kWh"', '"pence"'))).code, 'unit')
})

test('Glowmarkt, CSV and JSON', async () => {
  const rows = rowsFrom(from, values, (start, _end, kwh) => `${clockText(start)},${kwh},5.2`)
  assertReadings(await read(file('Timestamp,kWh,Pence', ...rows)), from, values)
  const pairs = rowsFrom(from, values, (start, _end, kwh) => `[${start.getTime() / 1000},${kwh}]`)
  const json = `{"status":"OK","name":"electricity consumption","resourceId":"x","units":"kWh","data":[${pairs}],"query":{"period":"PT30M"}}`
  assertReadings(await read(json), from, values)
  assert.match((await refused(json.replace('kWh', 'pence'))).message, /pence/)
})

test('start, end and value, with a decimal comma', async () => {
  const row =
    (separator: string, quote = '') =>
    (start: Date, end: Date, kwh: string) =>
      [start, end]
        .map((date) => clockText(date).replace(/(\d+)-(\d+)-(\d+)/, '$3/$2/$1'))
        .concat(`${quote}${kwh.replace('.', ',')}${quote}`)
        .join(separator)
  assertReadings(await read(file('Début;Fin;Valeur', ...rowsFrom(from, values, row(';')))), from, values)
  assertReadings(await read(file('Start\tEnd\tkWh', ...rowsFrom(from, values, row('\t')))), from, values)
  assertReadings(await read(file('Start,End,kWh', ...rowsFrom(from, values, row(',', '"')))), from, values)
  assertReadings(await read(file(...rowsFrom(from, values, row(';')))), from, values, 'no header')
  const ends = rowsFrom(from, values, (_start, end, kwh) => `${clockText(end)},${kwh}`)
  assertReadings(await read(file('Period ending,kWh', ...ends)), from, values, 'the end alone')
})

test('a register alone becomes its differences; beside the interval it is not read', async () => {
  let register = 12345600
  const readings = [register, ...values.map((wh) => (register += wh))]
  const stamps = readings.map((wh, i) => `${clockText(new Date((at(from) + i) * 1800000))},${(wh / 1000).toFixed(3)}`)
  for (const name of ['Register (kWh)', 'Meter Reading (kWh)', 'Reading (kWh)', 'Cumulative kWh', 'Import index kWh']) {
    const imported = await read(file(`timestamp,${name}`, ...stamps))
    assertReadings(imported, from, values, name)
    assert.match(imported.report.notes.join(), /differences/)
  }
  const beside = stamps
    .slice(1)
    .map((row, i) => `${stamps[i]?.split(',')[0]},${(values[i] ?? 0) / 1000},${row.split(',')[1]}`)
  assertReadings(await read(file('timestamp,Consumption (kWh),Meter reading (kWh)', ...beside)), from, values)
  // A register that falls is left out there, and its energy is negative.
  const fallen = stamps.map((row, i) => (i === 50 ? `${row.split(',')[0]},0` : row))
  const { report } = await read(file('timestamp,Register (kWh)', ...fallen), { maxKwh: 16000 })
  assert.ok(report.leftOut.some(({ reason, count }) => reason === 'negative' && count === 1))
  // Values that only rise under another name are not guessed.
  const error = await refused(
    file(
      'timestamp,kWh',
      ...values.concat(values).map((_, i) => `${clockText(new Date((at(from) + i) * 1800000))},${i / 10}`),
    ),
  )
  assert.match(error.message, /only rise/)
})

test('a file of several meters wants one chosen', async () => {
  for (const name of ['LCLid', 'customer_id', 'MPAN', 'Household', 'Meter ID']) {
    const one = rowsFrom(from, values, (start, _end, kwh) => `A1,${clockText(start)},${kwh}`)
    const two = rowsFrom(from, values, (start, _end, kwh) => `B2,${clockText(start)},0${kwh}9`)
    const text = file(`${name},timestamp,kWh`, ...one.flatMap((row, i) => [row, two[i] ?? '']))
    const error = await refused(text)
    assert.is(error.code, 'meters')
    assert.match(error.message, 'A1, B2')
    const imported = await read(text, { meter: 'A1' })
    assertReadings(imported, from, values)
    assert.equal(counts(imported), { 'other-meter': 96 })
    assert.match((await refused(text, { meter: 'C3' })).message, 'A1, B2')
  }
  const alone = rowsFrom(from, values, (start, _end, kwh) => `${clockText(start)},${kwh}`)
  assert.match((await refused(file('timestamp,kWh', ...alone), { meter: 'A1' })).message, /no column that names meters/)
})

test('the Low Carbon London files', async () => {
  const rows = rowsFrom(from, values, (start, _end, kwh) => `MAC000002,Std,${clockText(start)}:00.0000000,${kwh} `)
  assertReadings(await read(file('LCLid,stdorToU,DateTime,KWH/hh (per half hour) ', ...rows)), from, values)
  assertReadings(await read(file(...rows)), from, values)
  const kaggle = rowsFrom(from, values, (start, _end, kwh) => `MAC000002,${clockText(start)}:00.0000000,${kwh}`)
  assertReadings(await read(file('LCLid,tstp,energy(kWh/hh)', ...kaggle)), from, values)
})

test('what is in no layout says what was expected', async () => {
  assert.is((await refused('')).code, 'unrecognised')
  assert.is((await refused('\n \n')).code, 'unrecognised')
  const unknown = await refused('\n\na,b,c\n')
  assert.match(unknown.message, 'line 3 is in no layout')
  assert.is(unknown.line, 3)
  assert.match((await refused('when,therms\n2026-11-26 00:00,0.1\n2026-11-26 00:30,0.1\n')).message, /therms/)
  assert.is((await refused('LCLid,stdorToU,DateTime,KWH/hh (per half hour)\n')).code, 'no-usable-row')
  assert.match((await refused(new Uint8Array([0x50, 0x4b, 3, 4, 0, 0]))).message, /Excel/)
  assert.is((await refused('{"a": [1, 2')).code, 'unrecognised')
  assert.is((await refused('{"a": [1, 2]}')).code, 'unrecognised')
})

test.run()

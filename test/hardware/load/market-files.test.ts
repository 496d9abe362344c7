import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertReadings, counts, dayValues, read, refused } from '../../support/readings-text.ts'

const from = '2026-11-26T00:00Z'
const values = dayValues(96)
const file = (...lines: string[]) => `${lines.join('\n')}\n`

const nem12 = (minutes: number, uom: string, days: string[], suffix = 'E1', nmi = '6123456789') =>
  [`200,${nmi},E1B1,1,${suffix},N1,METER1,${uom},${minutes},`, ...days.map((day) => `300,${day}`)].join('\n')

test('NEM12: half-hours, quarters summed, quality, registers', async () => {
  const day = dayValues(48)
  const text = (list: number[], scale: number, quality: string) =>
    `20261126,${list.map((wh) => (wh / scale).toFixed(4)).join(',')},${quality},,,20261127000000,`
  const head = '100,NEM12,202611270000,MDP,RETAILER'
  const parts = day.flatMap((wh) => [wh / 2, wh / 2])
  assertReadings(await read(file(head, nem12(30, 'KWH', [text(day, 1000, 'A')]), '900')), from, day)
  assertReadings(await read(file(head, nem12(15, 'kWh', [text(parts, 1000, 'A')]), '900')), from, day)
  assertReadings(
    await read(
      file(
        nem12(5, 'Wh', [
          text(
            day.flatMap((wh) => new Array(6).fill(wh / 6)),
            1,
            'S14',
          ),
        ]),
        '900',
      ),
    ),
    from,
    day,
  )
  const both = file(
    head,
    nem12(30, 'KWH', [text(day, 1000, 'A')]),
    nem12(
      30,
      'KWH',
      [
        text(
          day.map((wh) => wh + 1),
          1000,
          'A',
        ),
      ],
      'B1',
    ),
    nem12(30, 'KVARH', [text(day, 1000, 'A')], 'Q1'),
    '900',
  )
  const imported = await read(both)
  assertReadings(imported, from, day)
  assert.is(imported.report.otherQuantityRows, 2)
  assertReadings(
    await read(both, { direction: 'export' }),
    from,
    day.map((wh) => wh + 1),
  )
  const marked = await read(
    file(head, nem12(30, 'KWH', [text(day, 1000, 'V')]), '400,1,46,A,,', '400,47,48,N,,', '900'),
  )
  assertReadings(marked, from, day.slice(0, 46))
  assert.equal(counts(marked), { 'no-value': 2 })
  const homes = file(
    head,
    nem12(30, 'KWH', [text(day, 1000, 'A')]),
    nem12(30, 'KWH', [text(day, 1000, 'A')], 'E2'),
    '900',
  )
  assert.match((await refused(homes)).message, /6123456789\/E1, 6123456789\/E2/)
  assertReadings(await read(homes, { meter: '6123456789/E2' }), from, day)
  assert.is((await refused(file(head, nem12(30, 'KW', [text(day, 1000, 'A')]), '900'))).code, 'unrecognised')
  assert.match((await refused(file('100,NEM13,202611270000,MDP,RETAILER', '250,1'))).message, /NEM13/)
})

const espi = (uom: number, multiplier: number, readings: string, type = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">
<entry><link rel="self" href="/UsagePoint/1/MeterReading/1"/><link rel="related" href="/ReadingType/1"/><content><espi:MeterReading/></content></entry>
<entry><link rel="self" href="/ReadingType/1"/><content><espi:ReadingType><espi:powerOfTenMultiplier>${multiplier}</espi:powerOfTenMultiplier><espi:uom>${uom}</espi:uom>${type}</espi:ReadingType></content></entry>
<entry><link rel="up" href="/UsagePoint/1/MeterReading/1/IntervalBlock"/><link rel="self" href="/UsagePoint/1/MeterReading/1/IntervalBlock/1"/><content><espi:IntervalBlock>${readings}</espi:IntervalBlock></content></entry></feed>`
const espiReadings = (list: number[], seconds: number, scale: number) =>
  list
    .map(
      (wh, i) =>
        `<espi:IntervalReading><espi:timePeriod><espi:duration>${seconds}</espi:duration><espi:start>${Date.parse(from) / 1000 + i * seconds}</espi:start></espi:timePeriod><espi:value>${wh * scale}</espi:value></espi:IntervalReading>`,
    )
    .join('')

test('Green Button: Wh with a power of ten, quarters summed; power, export and document types refused', async () => {
  assertReadings(await read(espi(72, 0, espiReadings(values, 1800, 1))), from, values)
  assertReadings(await read(espi(72, -3, espiReadings(values, 1800, 1000))), from, values)
  assertReadings(
    await read(
      espi(
        72,
        0,
        espiReadings(
          values.flatMap((wh) => [wh / 2, wh / 2]),
          900,
          1,
        ),
      ),
    ),
    from,
    values,
  )
  const power = await refused(espi(38, 0, espiReadings(values, 1800, 1)))
  assert.is(power.code, 'unit')
  assert.match(power.message, /power \(W\)/)
  const given = '<espi:flowDirection>19</espi:flowDirection>'
  assert.is((await refused(espi(72, 0, espiReadings(values, 1800, 1), given))).code, 'unit')
  assertReadings(await read(espi(72, 0, espiReadings(values, 1800, 1), given), { direction: 'export' }), from, values)
  assert.is((await refused(espi(72, 0, espiReadings(values.slice(0, 24), 3600, 1)))).code, 'interval')
  assert.match((await refused(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)).message, /DOCTYPE/)
  assert.is((await refused('<feed><open>')).code, 'unrecognised')
  assert.is((await refused('<html><body>no</body></html>')).code, 'unrecognised')
})

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LoadOptions } from '../../../hardware/load/load-file.ts'
import { importLoad } from '../../../hardware/load/load-file.ts'
import { readStamp } from '../../../hardware/load/load-layouts.ts'
import type { LoadProfile } from '../../../hardware/load/load-profile.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'

const firstHalfHour = Date.UTC(2012, 9, 17, 13) / halfHourMs

function read(text: string, options?: LoadOptions): { profile: LoadProfile } {
  const result = importLoad(text, options)
  if (!result.ok) throw new Error(result.error.message)
  return result
}

const readings = fc.array(fc.option(fc.integer({ min: 0, max: 34500 }), { freq: 5 }), { minLength: 48, maxLength: 192 })

test('every layout, separator and stamp gives the same readings', () => {
  const separators = fc.constantFrom(',', ';', '\t')
  const ends = fc.constantFrom('\n', '\r\n', '\r')
  const styles = fc.constantFrom('iso', 'zulu', 'zone', 'seconds', 'british')
  const cases = fc.record({
    values: readings,
    separator: separators,
    end: ends,
    style: styles,
    bom: fc.boolean(),
    named: fc.boolean(),
    quoted: fc.boolean(),
    stamps: fc.constantFrom('start' as const, 'end' as const),
  })
  fc.assert(
    fc.property(cases, ({ values, separator, end, style, bom, named, quoted, stamps }) => {
      const first = Math.floor(firstHalfHour / 48) * 48
      const expected = values.flatMap((wh, i) => (wh === null ? [] : [[first + i, wh]]))
      if (expected.length === 0) return
      const quote = (field: string) => (quoted ? `"${field}"` : field)
      const kwh = (wh: number) => (wh / 1000).toFixed(3).replace('.', separator === ',' ? '.' : ',')
      const shift = stamps === 'end' ? 1 : 0
      const say = (halfHour: number) => {
        const iso = new Date((halfHour + shift) * halfHourMs).toISOString()
        const [date, time] = [iso.slice(0, 10), iso.slice(11, 16)]
        if (style === 'iso') return `${date}T${time}`
        if (style === 'zulu') return `${date} ${time}Z`
        if (style === 'seconds') return `${date} ${time}:00.0000000`
        if (style === 'british') return `${date.split('-').reverse().join('/')} ${time}`
        return `${new Date((halfHour + shift + 2) * halfHourMs).toISOString().slice(0, 19)}+01:00`
      }
      const pairs = expected.map(([halfHour, wh]) => quote(say(halfHour!)) + separator + quote(kwh(wh!)))
      const days = []
      for (let at = 0; at < values.length; at += 48) {
        const day = Array.from({ length: 48 }, (_, i) => values[at + i] ?? null).map((wh) =>
          wh === null ? '' : quote(kwh(wh)),
        )
        days.push([new Date((first + at) * halfHourMs).toISOString().slice(0, 10), ...day].join(separator))
      }
      const trial = expected.map(([halfHour, wh]) => ['MAC1', 'Std', say(halfHour!), kwh(wh!)].join(separator))
      const slots = Array.from({ length: 48 }, (_, i) => `slot ${i}`)
      const files: [string[], string[]][] = [
        [['timestamp', 'kWh'], pairs],
        [['Date', ...slots], days],
        [['LCLid', 'stdorToU', 'DateTime', 'KWH/hh (per half hour)'], trial],
      ]
      for (const [names, rows] of files) {
        const lines = named ? [names.join(separator), ...rows] : rows
        const options = rows === days ? {} : { stamps }
        const { profile } = read((bom ? '\ufeff' : '') + lines.join(end) + end, options)
        assert.equal(
          [...profile.halfHours],
          expected.map(([halfHour]) => halfHour),
          lines.slice(0, 3).join(' | '),
        )
        assert.equal(
          [...profile.wh],
          expected.map(([, wh]) => wh),
        )
      }
    }),
    { seed: 20121017, numRuns: 60 },
  )
})

test('stamps name the start or the end, in UTC unless they say otherwise', () => {
  const text = '2024-07-01T01:00+01:00,0.5'
  const start = Date.UTC(2024, 6, 1) / halfHourMs
  assert.is(read(text).profile.halfHours[0], start)
  assert.is(read(text, { stamps: 'end' }).profile.halfHours[0], start - 1)
  assert.is(readStamp('2024-06-30 24:00'), Date.UTC(2024, 6, 1))
  assert.is(readStamp('1/7/2024 9:30'), Date.UTC(2024, 6, 1, 9, 30))
  for (const wrong of [
    '2024-06-30 24:30',
    '2024-13-01 00:00',
    '07/31/2024 00:00',
    '1999-12-31 00:00',
    '2024-07-01',
    '',
  ]) {
    assert.is(readStamp(wrong), undefined, wrong)
  }
})

test.run()

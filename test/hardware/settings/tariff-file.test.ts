import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isTariff, registerAt } from '../../../firmware/tariff.ts'
import { readTariff } from '../../../hardware/settings/tariff-file.ts'

function table(value: unknown): Uint8Array {
  const result = readTariff(JSON.stringify(value))
  if (!result.ok) throw new Error(result.problem)
  return result.table
}

/** The register, 1 to 48, at an instant. */
function at(of: Uint8Array, text: string): number {
  return registerAt(of, Date.parse(text)) + 1
}

const night = { '00:00': 1, '07:00': 2 }
const peak = { '00:00': 1, '07:00': 2, '16:00': 3, '19:00': 2 }

test('registers switch by weekday, weekend and special day', () => {
  const of = table({
    time: 'utc',
    weekday: peak,
    weekend: night,
    special: { '12-25': { '00:00': 4 }, '2026-04-03': night },
  })
  assert.is(at(of, '2026-11-25T06:59Z'), 1)
  assert.is(at(of, '2026-11-25T07:00Z'), 2)
  assert.is(at(of, '2026-11-25T15:59Z'), 2)
  assert.is(at(of, '2026-11-25T18:59Z'), 3)
  assert.is(at(of, '2026-11-25T19:00Z'), 2)
  assert.is(at(of, '2026-11-28T17:00Z'), 2, 'a Saturday')
  assert.is(at(of, '2026-04-03T17:00Z'), 2, 'a special Friday')
  assert.is(at(of, '2027-04-03T17:00Z'), 2, 'a Saturday a year later')
  assert.is(at(of, '2028-04-03T17:00Z'), 3, 'that date in another year')
  for (const year of [2026, 2027, 2040]) assert.is(at(of, `${year}-12-25T12:00Z`), 4)
})

test('switching times are UTC or British time, as the file states', () => {
  const local = table({ time: 'local', weekday: peak })
  const utc = table({ time: 'utc', weekday: peak })
  assert.equal([at(utc, '2026-06-15T15:30Z'), at(local, '2026-06-15T15:30Z')], [2, 3])
  assert.equal([at(utc, '2026-12-15T15:30Z'), at(local, '2026-12-15T15:30Z')], [2, 2])
  assert.is(at(local, '2026-06-20T15:30Z'), 3, 'a weekend is as a weekday unless given')
})

test('equal profiles are stored once, in whatever order their switching times stand', () => {
  const short = table({ time: 'utc', weekday: peak, weekend: peak, special: { '01-01': peak } })
  assert.equal([...short], [0, 0, 0, 1, 0x21, 0x80, 0, 4, 0, 0, 28, 1, 64, 2, 76, 1])
  const turned = Object.fromEntries(Object.entries(peak).reverse())
  assert.equal(table({ time: 'utc', weekday: turned, special: { '01-01': peak } }), short)
})

test('errors in a file are reported with their place', () => {
  const good = { time: 'utc', weekday: peak }
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${2000 + i}-06-15`, night]))
  const cases: [unknown, RegExp][] = [
    [[], /the file is not an object/],
    [{ weekday: peak }, /time is "local" or "utc"/],
    [{ time: 'utc' }, /weekday is missing/],
    [{ ...good, sunday: peak }, /"sunday" is not one of/],
    [{ time: 'utc', weekday: { '07:00': 1 } }, /weekday does not say .* "00:00"/],
    [{ time: 'utc', weekday: {} }, /weekday does not say/],
    [{ ...good, weekend: { '00:00': 1, '07:10': 2 } }, /weekend: "07:10" is not a time on a quarter/],
    [{ ...good, weekend: { '00:00': 1, '24:00': 2 } }, /"24:00"/],
    [{ ...good, weekend: { '00:00': 0 } }, /weekend: the register at 00:00 is a whole number from 1 to 48/],
    [{ ...good, weekend: { '00:00': 49 } }, /from 1 to 48/],
    [{ ...good, weekend: { '00:00': '1' } }, /from 1 to 48/],
    [{ ...good, special: { '02-30': night } }, /"02-30" is not a day/],
    [{ ...good, special: { '2026-02-29': night } }, /"2026-02-29" is not a day/],
    [{ ...good, special: { '2060-01-01': night } }, /1970 to 2059/],
    [{ ...good, special: { christmas: night } }, /"christmas" is not a day/],
    [{ ...good, special: { '12-25': [1] } }, /special "12-25" is not an object/],
    [{ ...good, special: many }, /bytes in the meter, at most 160 fit/],
  ]
  for (const [value, words] of cases) {
    const result = readTariff(JSON.stringify(value))
    assert.not(result.ok, JSON.stringify(value))
    if (!result.ok) assert.match(result.problem, words)
  }
  const text = readTariff('{ "time": ')
  assert.match(text.ok ? '' : text.problem, /not JSON/)
  assert.ok(readTariff(JSON.stringify({ ...good, special: { '02-29': night } })).ok)
})

test('any file that is read gives a table that the meter accepts and that agrees with the file at each quarter-hour', () => {
  const clock = fc.integer({ min: 0, max: 95 }).map((i) => {
    const two = (number: number) => String(number).padStart(2, '0')
    return `${two(Math.floor(i / 4))}:${two((i % 4) * 15)}`
  })
  const profile = fc
    .dictionary(clock, fc.integer({ min: 1, max: 48 }), { maxKeys: 8 })
    .map((switches): { [time: string]: number } => ({ '00:00': 5, ...switches }))
  fc.assert(
    fc.property(profile, profile, ({ ...weekday }, { ...weekend }) => {
      const of = table({ time: 'utc', weekday, weekend })
      assert.ok(isTariff(of))
      for (const [day, switches] of [
        ['2026-11-25', weekday],
        ['2026-11-29', weekend],
      ] as const) {
        let expected = 0
        for (let quarter = 0; quarter < 96; quarter++) {
          const ms = Date.parse(`${day}T00:00Z`) + quarter * 900000
          expected = switches[new Date(ms).toISOString().slice(11, 16)] ?? expected
          assert.is(registerAt(of, ms) + 1, expected)
          assert.is(registerAt(of, ms + 899999) + 1, expected)
        }
      }
    }),
    { seed: 5, numRuns: 100 },
  )
})

test('no text makes it throw', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify({ time: 'utc', weekday: value })),
  )
  fc.assert(
    fc.property(hostile, (text) => {
      const result = readTariff(text)
      assert.ok(result.ok ? isTariff(result.table) : result.problem.length > 0)
    }),
    { seed: 6, numRuns: 500 },
  )
})

test.run()

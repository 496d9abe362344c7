// The forecast against every printed digit of table 5 of the impact assessment, and what follows from it.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type FigureName, figures, forecast, forecastRange } from '../../../emulation/forecast/forecast.ts'
import {
  type ForecastParameters,
  type ParameterName,
  parameterFacts,
  scenarios,
} from '../../../emulation/forecast/parameters.ts'
import { parseSweep, parseValue, ValueError } from '../../../emulation/forecast/values.ts'

const names = ['A', 'B', 'C'] as const
const row = (of: (name: (typeof names)[number]) => number, digits: number) =>
  names.map((name) => of(name).toFixed(digits))

test('table 5, to every printed digit', () => {
  assert.equal(
    row((name) => forecast(scenarios[name]).requestsPerDay / 1e6, 1),
    ['11.1', '44.3', '73.6'],
  )
  assert.equal(
    row((name) => forecast(scenarios[name]).duisBytesPerDay / 1e9, 1),
    ['15.1', '55.5', '91.3'],
  )
  // "=> 25 %, 75 %, 100 % MHHS data collected in MHHS Scheduling window"
  assert.equal(
    row((name) => forecast(scenarios[name]).additionalShare * 100, 0),
    ['25', '75', '100'],
  )
})

test('requests a second by length of the window', () => {
  const rate = (windowHours: number) =>
    row((name) => forecast({ ...scenarios[name], windowHours }).requestsPerSecond, 0)
  assert.equal(rate(6), ['514', '2049', '3408'])
  assert.equal(rate(8), ['385', '1537', '2556'])
  assert.equal(rate(12), ['257', '1024', '1704'])
  assert.equal(rate(13), ['237', '946', '1573'])
  assert.equal(rate(24), ['128', '512', '852'])
})

test('data rate, DCO calls in progress, device reads and volume per meter', () => {
  const at = (more: Partial<ForecastParameters>, figure: FigureName, digits: number, unit = 1) =>
    row((name) => forecast({ ...scenarios[name], ...more })[figure] / unit, digits)
  assert.equal(at({}, 'duisMbitPerSecond', 1), ['5.6', '20.6', '33.8'])
  assert.equal(at({ windowHours: 24 }, 'duisMbitPerSecond', 1), ['1.4', '5.1', '8.5'])
  assert.equal(at({}, 'dcoCallsInProgress', 0), ['2056', '8195', '13632'])
  assert.equal(at({ windowHours: 24 }, 'dcoCallsInProgress', 0), ['514', '2049', '3408'])
  assert.equal(at({ cacheShare: 0 }, 'deviceReadsPerDay', 1, 1e6), ['11.1', '44.3', '73.6'])
  assert.equal(at({ cacheShare: 0.5 }, 'deviceReadsPerDay', 1, 1e6), ['5.7', '22.7', '37.7'])
  assert.equal(at({ cacheShare: 1 }, 'deviceReadsPerDay', 2, 1e6), ['0.32', '1.15', '1.77'])
  assert.equal(at({}, 'duisKbPerMeterMonth', 1), ['15.4', '56.4', '92.8'])
  // With the one daily export read that SMETS1 has, for the whole estate.
  assert.equal(at({ smets1Share: 1 }, 'smets1RequestsPerDay', 2, 1e6), ['10.20', '36.17', '55.65'])
})

test('WAN volume is reckoned from the line, not from the XML', () => {
  const { smsPerMeterMonth, wanKbPerMeterMonth } = forecast(scenarios.C)
  // 1.5 reads a day (import, and export of half the meters), 1.2 attempts, and a monthly one.
  const reads = 1.5 * 1.2 * (1 + 12 / 365) * (365 / 12)
  assert.ok(Math.abs(smsPerMeterMonth - reads) < 1e-9)
  assert.ok(Math.abs(wanKbPerMeterMonth - (reads * 183) / 1000) < 1e-9)
})

const parameterNames = Object.keys(parameterFacts) as ParameterName[]
const anyParameters = fc.record(
  Object.fromEntries(
    parameterNames.map((name) => {
      const { min, max } = parameterFacts[name]
      return [name, fc.double({ min: Math.max(min, 1e-6), max: Math.min(max, 1e6), noNaN: true })]
    }),
  ),
) as unknown as fc.Arbitrary<ForecastParameters>

test('a figure depends on the parameters that it names, and on no others', () => {
  fc.assert(
    fc.property(anyParameters, anyParameters, (a, b) => {
      for (const name of Object.keys(figures) as FigureName[]) {
        const same = Object.fromEntries(figures[name].uses.map((one) => [one, a[one]]))
        assert.is(forecast({ ...b, ...same })[name], forecast(a)[name], name)
      }
    }),
    { numRuns: 50 },
  )
})

test('a range holds every value between its ends', () => {
  fc.assert(
    fc.property(anyParameters, anyParameters, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, at) => {
      const varied: ParameterName[] = ['exportTakeUp', 'cacheShare', 'windowHours', 'reuse']
      const low = (name: ParameterName) => Math.min(a[name] as number, b[name] as number)
      const high = (name: ParameterName) => Math.max(a[name] as number, b[name] as number)
      const ranges = Object.fromEntries(varied.map((name) => [name, { low: low(name), high: high(name) }]))
      const inside = Object.fromEntries(varied.map((name) => [name, low(name) + (high(name) - low(name)) * at]))
      const found = forecastRange(a, ranges)
      for (const [name, value] of Object.entries(forecast({ ...a, ...inside })) as [FigureName, number][]) {
        const slack = 1e-9 * Math.abs(value)
        assert.ok(found[name].low - slack <= value && value <= found[name].high + slack, name)
      }
    }),
    { numRuns: 200 },
  )
})

test('values as a user types them', () => {
  const cases: [ParameterName, string, number, number][] = [
    ['windowHours', '6h', 6, 6],
    ['windowHours', '00:00-06:00', 6, 6],
    ['windowHours', '22:00-04:00', 6, 6],
    ['windowHours', '00:00-24:00', 24, 24],
    ['windowHours', '90min', 1.5, 1.5],
    ['windowHours', '6..13h', 6, 13],
    ['exportTakeUp', '20%', 0.2, 0.2],
    ['exportTakeUp', '0.2', 0.2, 0.2],
    ['exportTakeUp', '20..40%', 0.2, 0.4],
    ['meters', '30M', 30e6, 30e6],
    ['meters', '1_000', 1000, 1000],
    ['smsPrice', '0.04', 0.04, 0.04],
  ]
  for (const [name, text, low, high] of cases) assert.equal(parseValue(name, text), { low, high }, text)
  assert.equal(parseSweep('window=6h,8h,12h'), { name: 'windowHours', values: [6, 8, 12] })
  assert.is(parseSweep('cache=0..100%').values.length, 11)
})

test('values that cannot be are refused with what is taken', () => {
  const cases: [ParameterName, string, RegExp][] = [
    ['windowHours', '0h', /--window/],
    ['windowHours', '25h', /to 24/],
    ['windowHours', 'noon', /00:00-06:00/],
    ['windowHours', '25:00-26:00', /00:00-06:00/],
    ['exportTakeUp', '30', /did you mean 30%/],
    ['exportTakeUp', '-1', /20%/],
    ['exportTakeUp', '40..20%', /lower end/],
    ['cacheShare', '1..2..3', /one range/],
    ['attempts', 'NaN', /--attempts/],
    ['meters', '', /--meters/],
  ]
  for (const [name, text, why] of cases) {
    assert.throws(
      () => parseValue(name, text),
      (error: Error) => error instanceof ValueError && why.test(error.message),
      text,
    )
  }
  assert.throws(() => parseSweep('windows=6h'), /KEY one of export/)
  assert.throws(() => parseSweep(`attempts=${Array.from({ length: 201 }, () => 1).join(',')}`), /at most 200/)
})

test.run()

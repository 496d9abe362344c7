// The population of a rehearsal: allotted by its shares, the same for the same seed.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isMonthlyDay } from '../../../emulation/rehearsal/demand.ts'
import {
  allot,
  createPopulation,
  euiOfMeter,
  indexOfMeter,
  isInShare,
  isOf,
} from '../../../emulation/rehearsal/population.ts'
import type { Population } from '../../../emulation/rehearsal/scenario.ts'
import { isMpan } from '../../../host/access/mpan.ts'

const cohort = { csp: 'CSP', rate: 0 }
const population: Population = {
  meters: 1000,
  cohorts: { IOC: { ...cohort, share: 0.22 }, MOC: { ...cohort, share: 0.32 }, FOC: { ...cohort, share: 0.46 } },
  exportTakeUp: 0.3,
  consent: { 'half-hourly': 0.8, daily: 0.15, monthly: 0.05 },
  unreachable: 0.02,
  loads: { household: 0.9, business: 0.1 },
  groups: { a: 0.5, b: 0.25, c: 0.25 },
}

const share = (meters: readonly unknown[], of: number) => meters.length / of

test('every share is kept to within one meter, and within the groups to within a few', () => {
  const meters = createPopulation({ population, seed: 7, arrivals: undefined })
  const near = (tags: string[], expected: number, within: number) => {
    const found = meters.filter((meter) => isOf(meter, tags)).length
    assert.ok(Math.abs(found - expected * 1000) <= within, `${tags}: ${found}, not ${expected * 1000}`)
  }
  near(['IOC'], 0.22, 1)
  near(['export'], 0.3, 1)
  near(['daily'], 0.15, 1)
  near(['a'], 0.5, 1)
  near(['a', 'export'], 0.15, 2)
  near(['b', 'export', 'half-hourly'], 0.25 * 0.3 * 0.8, 3)
  near(['a', 'FOC', 'export'], 0.5 * 0.46 * 0.3, 4)
  assert.ok(
    Math.abs(
      share(
        meters.filter(({ reachable }) => !reachable),
        1000,
      ) - 0.02,
    ) <= 0.001,
  )
})

test('shares are dealt out exactly, whatever they are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 500 }),
      (parts, count) => {
        const total = parts.reduce((sum, part) => sum + part, 0)
        const shares = Object.fromEntries(parts.map((part, i) => [`s${i}`, part / total]))
        const dealt = allot(shares, count)
        assert.is(dealt.length, count)
        for (const [name, part] of Object.entries(shares)) {
          const given = dealt.filter((one) => one === name).length
          assert.ok(Math.abs(given - part * count) < 2, `${name}: ${given} of ${count}, not ${part * count}`)
        }
      },
    ),
  )
})

test('the same seed gives the same meters, another one others; EUI-64s and MPANs are valid and never twice', () => {
  const meters = createPopulation({ population, seed: 1, arrivals: undefined })
  assert.equal(createPopulation({ population, seed: 1, arrivals: undefined }), meters)
  assert.not.equal(createPopulation({ population, seed: 2, arrivals: undefined }), meters)
  assert.is(new Set(meters.map(({ eui }) => eui)).size, 1000)
  const mpans = meters.flatMap(({ importMpan, exportMpan }) => [importMpan, ...(exportMpan ? [exportMpan] : [])])
  assert.is(new Set(mpans).size, mpans.length)
  assert.ok(mpans.every(isMpan))
  for (const index of [0, 255, 999_999]) assert.is(indexOfMeter(euiOfMeter(index)), index)
})

test('monthly reads are spread evenly: 12 of 365 meters a day, and each meter 12 times a year', () => {
  for (const count of [365, 958, 10_000]) {
    for (const day of [0, 1, 200]) {
      const read = Array.from({ length: count }, (_, place) => isMonthlyDay(place, count, day)).filter(Boolean).length
      assert.ok(Math.abs(read - (count * 12) / 365) <= 1, `${read} of ${count} on day ${day}`)
    }
  }
  for (const place of [0, 17, 364]) {
    const days = Array.from({ length: 365 }, (_, day) => isMonthlyDay(place, 365, day)).filter(Boolean).length
    assert.is(days, 12)
  }
})

test('a share of places is taken evenly', () => {
  const taken = Array.from({ length: 100 }, (_, place) => isInShare(place, 0.25))
  assert.is(taken.filter(Boolean).length, 25)
  assert.is(taken.slice(0, 20).filter(Boolean).length, 5)
  assert.ok(Array.from({ length: 10 }, (_, place) => isInShare(place, 1)).every(Boolean))
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { householdWh } from '../../../hardware/load/household.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'

const newYear = Date.UTC(2025, 0, 1) / halfHourMs

function year(seed: number): number[] {
  return Array.from({ length: 365 * 48 }, (_, i) => householdWh(seed, newYear + i))
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

test('a household uses 8 to 10 kWh a day, and never more power than documented', () => {
  for (const seed of [0, 1, 2, 3, 42, 99999, -7, 0x785634ff, 4294967295]) {
    const values = year(seed)
    const kwhADay = (mean(values) * 48) / 1000
    assert.ok(kwhADay > 8 && kwhADay < 10, `seed ${seed}: ${kwhADay} kWh a day`)
    for (const wh of values) assert.ok(Number.isInteger(wh) && wh >= 45 && wh < 1700, `${wh} Wh`)
  }
})

test('the same seed and half-hour are the same energy, in any order; another seed is another household', () => {
  const forwards = year(5)
  for (let i = forwards.length - 1; i >= 0; i -= 7) assert.is(householdWh(5, newYear + i), forwards[i])
  const other = year(6)
  assert.ok(forwards.filter((wh, i) => wh === other[i]).length < forwards.length / 20)
  // Written down so that a change of the model is noticed: logs made up before it would no longer continue as they began.
  assert.equal(
    Array.from({ length: 8 }, (_, i) => householdWh(1, newYear + 34 + i)),
    [787, 552, 323, 360, 1068, 710, 263, 363],
  )
})

test('evenings, winters and weekends take more', () => {
  const values = year(1)
  const at = (from: number, to: number) => mean(values.filter((_, i) => i % 48 >= from && i % 48 < to))
  assert.ok(at(36, 44) > 2 * at(20, 30))
  assert.ok(at(14, 18) > 2 * at(2, 10))
  const days = (from: number, to: number) => mean(values.slice(from * 48, to * 48))
  assert.ok(days(0, 60) > 1.1 * days(150, 240))
  const weekend = (i: number) => [0, 6].includes(new Date((newYear + i) * halfHourMs).getUTCDay())
  assert.ok(mean(values.filter((_, i) => weekend(i))) > mean(values.filter((_, i) => !weekend(i))))
})

test('habits follow British local time', () => {
  // Mornings begin at 06:30 local: the half-hour before it is a quiet one, all over the year.
  const startsAt = (month: number, hour: number) => {
    const values = []
    for (let seed = 0; seed < 60; seed++)
      values.push(householdWh(seed, Date.UTC(2025, month, 15, hour) / halfHourMs + 1))
    return mean(values)
  }
  assert.ok(startsAt(0, 6) > 1.5 * startsAt(0, 5))
  assert.ok(startsAt(6, 5) > 1.5 * startsAt(6, 4))
  assert.ok(startsAt(6, 6) < 1.5 * startsAt(6, 5))
})

test.run()

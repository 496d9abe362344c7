import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultScheduleSettings, readScheduleSettings, windowFor } from '../../../host/schedule/settings.ts'
import { dueMsOf, parseWindow, placeInWindow } from '../../../host/schedule/windows.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

test('windows by time and by name', () => {
  assert.equal(parseWindow('00:00-06:00'), { startMs: 0, lengthMs: 6 * hourMs })
  assert.equal(parseWindow('22:30-04:00'), { startMs: 22.5 * hourMs, lengthMs: 5.5 * hourMs })
  const hours = (name: string) => parseWindow(name)!.lengthMs / hourMs
  assert.equal(['6h', '8h', '12h', '13h', '24h'].map(hours), [6, 8, 12, 13, 24])
  assert.is(parseWindow('13h')!.startMs, 7 * hourMs)
  for (const text of [
    '',
    '6',
    '7h',
    '00:00',
    '06:00-06:00',
    '00:60-01:00',
    '24:00-01:00',
    '00:00-24:30',
    'constructor',
  ]) {
    assert.is(parseWindow(text), undefined, text)
  }
})

test('schedules are spread evenly over their window, whatever the seed and wherever their numbers begin', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(1_000_000_000), (seed, firstId) => {
      const [count, parts] = [1200, 24]
      const perPart = new Array(parts).fill(0)
      for (let i = 0; i < count; i++) perPart[Math.floor(placeInWindow(firstId + i, seed) * parts)] += 1
      // 50 each on the average; at random, the fullest of 24 would have about 65.
      assert.ok(Math.max(...perPart) <= 53 && Math.min(...perPart) >= 47, perPart.join())
    }),
    { seed: 61, numRuns: 100 },
  )
  assert.is.not(placeInWindow(1, 1), placeInWindow(1, 2))
})

test('a run starts in its window, or exactly when the User asked', () => {
  const night = parseWindow('22:00-04:00')!
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999_999, noNaN: true }), fc.nat(40_000), (place, day) => {
      const dueMs = dueMsOf({}, day, night, place, 'exact')
      assert.ok(dueMs >= day * dayMs + 22 * hourMs && dueMs < day * dayMs + 28 * hourMs)
      assert.is(dueMsOf({ executionTimeMs: 5 * hourMs }, day, night, place, 'exact'), day * dayMs + 5 * hourMs)
      const earliest = dueMsOf({ executionTimeMs: 23 * hourMs }, day, night, place, 'window')
      assert.ok(earliest >= day * dayMs + 23 * hourMs)
      assert.ok((earliest - dueMs) % dayMs === 0)
    }),
    { seed: 62 },
  )
})

test('settings: defaults, what may be changed, and what is wrong with the rest', () => {
  assert.equal(readScheduleSettings(undefined), { ok: true, settings: defaultScheduleSettings })
  const read = readScheduleSettings({
    windows: { MDR: '13h', MOC: '24h' },
    cohortRates: { Itron: 30 },
    deleteCode: 'I0',
  })
  assert.ok(read.ok)
  assert.is(windowFor(read.settings, 'MDR', 'MOC').startMs, 7 * hourMs)
  assert.is(windowFor(read.settings, 'IS', 'MOC').lengthMs, 24 * hourMs)
  assert.is(windowFor(read.settings, 'IS', 'constructor').lengthMs, 6 * hourMs)
  const wrong: [unknown, RegExp][] = [
    [[], /expected an object/],
    [{ window: {} }, /no setting "window"/],
    [{ windows: { default: '25h' } }, /windows gives each name/],
    [{ windows: 'x' }, /windows gives each name/],
    [{ underWayMax: 0 }, /underWayMax is a whole number from 1 to 1024/],
    [{ catchUpHours: 25 }, /catchUpHours/],
    [{ retryMinutes: [] }, /retryMinutes/],
    [{ retryMinutes: [0] }, /retryMinutes/],
    [{ startTimes: 'soon' }, /startTimes/],
    [{ deleteCode: 'E1' }, /deleteCode/],
    [{ cohortRates: { Itron: -1 } }, /cohortRates/],
  ]
  for (const [value, pattern] of wrong) {
    const result = readScheduleSettings(value)
    assert.not.ok(result.ok, JSON.stringify(value))
    if (!result.ok) assert.match(result.detail, pattern)
  }
})

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  defaultScheduleSettings,
  readScheduleSettings,
  retriesFor,
  unknownNames,
  windowFor,
} from '../../../host/schedule/settings.ts'
import { executionTime } from '../../../host/schedule/settlement-window.ts'
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
  assert.is(windowFor(read.settings, true, { s1sp: 'elsewhere' }).startMs, 7 * hourMs)
  assert.is(windowFor(read.settings, false, { s1sp: 'MOC' }).lengthMs, 24 * hourMs)
  assert.is(windowFor(read.settings, false, { s1sp: 'constructor' }).lengthMs, 6 * hourMs)
  const wrong: [unknown, RegExp][] = [
    [[], /expected an object/],
    [{ window: {} }, /no setting "window"/],
    [{ windows: { default: '25h' } }, /windows gives each scope/],
    [{ windows: 'x' }, /windows gives each scope/],
    [{ underWayMax: 0 }, /underWayMax is a whole number from 1 to 100000/],
    [{ catchUpHours: 25 }, /catchUpHours/],
    [{ retryMinutes: [] }, /retryMinutes/],
    [{ retryMinutes: [0] }, /retryMinutes/],
    [{ startTimes: 'soon' }, /startTimes/],
    [{ deleteCode: 'E1' }, /deleteCode/],
    [{ cohortRates: { Itron: -1 } }, /cohortRates/],
    [{ settlementWindow: 'never' }, /settlementWindow is "scheduled" or "all"/],
    [{ retries: { MDR: [] } }, /retries gives each scope/],
    [{ retries: [5] }, /retries gives each scope/],
  ]
  for (const [value, pattern] of wrong) {
    const result = readScheduleSettings(value)
    assert.not.ok(result.ok, JSON.stringify(value))
    if (!result.ok) assert.match(result.detail, pattern)
  }
})

test('windows and retries by role, cohort, S1SP and CSP: the most specific applies', () => {
  const read = readScheduleSettings({
    windows: {
      default: '00:00-01:00',
      MDR: '01:00-02:00',
      'csp:Telefonica': '02:00-03:00',
      MOC: '03:00-04:00',
      'cohort:Itron': '04:00-05:00',
      'MDR/csp:Telefonica': '05:00-06:00',
      'MDR/MOC': '06:00-07:00',
      'MDR/cohort:Itron': '07:00-08:00',
    },
    retryMinutes: [1],
    retries: { MDR: [2], MOC: [3], 'MDR/MOC': [4], 'IS/cohort:Itron': [5] },
  })
  assert.ok(read.ok)
  const places = [{}, { csp: 'Telefonica' }, { s1sp: 'MOC', csp: 'Telefonica' }, { s1sp: 'MOC', cohort: 'Itron' }]
  const hoursOf = (forSettlement: boolean) =>
    places.map((place) => windowFor(read.settings, forSettlement, place).startMs / hourMs)
  assert.equal(hoursOf(false), [0, 2, 3, 4])
  assert.equal(hoursOf(true), [1, 5, 6, 7])
  const retries = (role: string) => places.map((place) => retriesFor(read.settings, role, place)[0])
  assert.equal(retries('MDR'), [2, 2, 4, 4])
  assert.equal(retries('IS'), [1, 1, 3, 5])
  const devices = [{ s1sp: 'MOC', cohort: 'Itron', csp: 'Telefonica' }]
  assert.equal(unknownNames(read.settings, devices), [])
  assert.equal(
    unknownNames(read.settings, [{ s1sp: 'M0C', cohort: 'Iton' }]).map((problem) => problem.split(';')[0]),
    [
      'schedule.windows["csp:Telefonica"]: no device has the CSP "Telefonica"',
      'schedule.windows["MOC"]: no device has the S1SP "MOC"',
      'schedule.windows["cohort:Itron"]: no device has the cohort "Itron"',
      'schedule.windows["MDR/csp:Telefonica"]: no device has the CSP "Telefonica"',
      'schedule.windows["MDR/MOC"]: no device has the S1SP "MOC"',
      'schedule.windows["MDR/cohort:Itron"]: no device has the cohort "Itron"',
      'schedule.retries["MOC"]: no device has the S1SP "MOC"',
      'schedule.retries["MDR/MOC"]: no device has the S1SP "MOC"',
      'schedule.retries["IS/cohort:Itron"]: no device has the cohort "Itron"',
    ],
  )
  const rates = readScheduleSettings({ cohortRates: { Itorn: 5, Itron: 5, M0C: 1 } })
  assert.ok(rates.ok)
  assert.equal(unknownNames(rates.settings, [{ cohort: 'Itron' }, { s1sp: 'M0C' }]), [
    'schedule.cohortRates["Itorn"]: no device has the cohort "Itorn"; there are Itron',
  ])
})

test('settlement outside its window waits for the next one, spread over it, and never past its target', () => {
  const settings = {
    ...defaultScheduleSettings,
    settlementWindow: 'all' as const,
    windows: { MDR: parseWindow('22:00-04:00')! },
  }
  const day = Date.UTC(2026, 10, 22)
  const asked = (atMs: number, number = 1) => ({ forSettlement: true, device: {}, number, deadlineMs: atMs + dayMs })
  for (const inside of [0, 3.99, 22, 23.9]) {
    assert.is(executionTime(settings, asked(day + inside * hourMs), day + inside * hourMs), day + inside * hourMs)
  }
  const places = Array.from({ length: 200 }, (_, i) =>
    executionTime(settings, asked(day + 5 * hourMs, i), day + 5 * hourMs),
  )
  assert.ok(places.every((atMs) => atMs >= day + 22 * hourMs && atMs < day + 28 * hourMs))
  const early = places.filter((atMs) => atMs < day + 25 * hourMs).length
  assert.ok(early >= 95 && early <= 105, `${early} of 200 in the first half`)
  const short = { ...asked(day + 5 * hourMs), deadlineMs: day + 22.5 * hourMs }
  assert.ok(executionTime(settings, { ...short, number: 7 }, day + 5 * hourMs) < day + 22.5 * hourMs)
  assert.is(executionTime(settings, { ...asked(day), forSettlement: false }, day + 5 * hourMs), day + 5 * hourMs)
  assert.is(
    executionTime({ ...settings, settlementWindow: 'scheduled' }, asked(day), day + 5 * hourMs),
    day + 5 * hourMs,
  )
})

test.run()

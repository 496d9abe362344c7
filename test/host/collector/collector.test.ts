// Parts of the collector: its portfolio, its schedules, and the shapes of its exports.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { defaultSettings } from '../../../host/collector/env.ts'
import { consumptionMessages, csvLines, kwhText, missingOfDay, settlementDay } from '../../../host/collector/export.ts'
import { collectorTables, dayKey, type KeptAgreement, type KeptDay, sealDay } from '../../../host/collector/kept.ts'
import { plansOf } from '../../../host/collector/plans.ts'
import { type Agreement, readPortfolio } from '../../../host/collector/portfolio.ts'
import { standingOf } from '../../../host/collector/standing.ts'
import { createValues } from '../../../host/collector/values.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'

const device = '00-DB-12-34-56-78-90-A0'
const mpan = '1234567890126'
const agreement: Agreement = { mpan, device, role: 'MDR', direction: 'import', consent: 'H', from: '2026-10-24' }

const records = (text: string) => text.split('\n').map((line, i) => ({ line: i + 1, cells: line.split(',') }))

test('a portfolio: defaults, and every problem with its line', () => {
  const header = 'mpan,device,role,direction,consent,from,to'
  const good = readPortfolio(records(`${header}\n${mpan},${device.toLowerCase()},,,,2026-10-24,\n`))
  assert.equal(good, { agreements: [agreement], problems: [] })
  const rows = [
    `1234567890127,${device},MDR,import,H,2026-10-24,`,
    `${mpan},nothing,MDR,import,H,2026-10-24,`,
    `${mpan},${device},OU,import,H,2026-10-24,`,
    `${mpan},${device},ES,import,H,2026-10-24,`,
    `${mpan},${device},MDR,import,X,2026-10-24,`,
    `${mpan},${device},MDR,import,H,2026-02-30,`,
    `${mpan},${device},MDR,import,H,2026-10-24,2026-10-23`,
    `${mpan},${device},MDR,import,H,2026-10-24,`,
    `${mpan},${device},MDR,import,H,2026-11-24,`,
  ]
  const { problems } = readPortfolio(records([header, ...rows].join('\n')))
  assert.is(problems.length, 8, problems.join('\n'))
  for (const [i, problem] of problems.slice(0, 7).entries()) assert.match(problem, new RegExp(`^line ${i + 2}: `))
  assert.match(problems[7] ?? '', /begins before the one from 2026-10-24 ends/)
  assert.match(readPortfolio(records('mpan,meter\n')).problems.join(), /no column "device".*no column "meter"/s)
})

test('schedules of an agreement that begins in summer: its first two half-hours are in the run for what was before', () => {
  const from = '2026-07-01'
  const plans = plansOf({ ...agreement, from }, 1, Date.parse('2026-06-30T23:10Z'), defaultSettings)
  const [days, before, first] = plans
  assert.equal(
    plans.map(({ name }) => name),
    ['days', 'before', 'registers'],
  )
  const day = (text: string) => Date.parse(text) / dayMs
  assert.is(days?.details.startDay, day('2026-07-02'))
  assert.equal(days?.details.period, { startDays: -1, startTimeMs: halfHourMs, endDays: 0, endTimeMs: 0 })
  const { startDay = 0, endDay, period } = before?.details ?? {}
  assert.is(startDay, endDay)
  const periodMs = [
    (startDay + (period?.startDays ?? 0)) * dayMs + (period?.startTimeMs ?? 0),
    (startDay + (period?.endDays ?? 0)) * dayMs + (period?.endTimeMs ?? 0),
  ]
  assert.equal(periodMs, [Date.parse('2026-06-30T23:30Z'), Date.parse('2026-07-01T00:00Z')])
  assert.is(first?.details.startDay, day('2026-08-01'))
  // In winter an EFD begins at 00:00 UTC: nothing was before.
  const winter = plansOf(agreement, 1, Date.parse('2026-10-24T00:00Z') - 3_600_000, defaultSettings)
  assert.equal(
    winter.map(({ name }) => name),
    ['days', 'before', 'first registers', 'registers'],
  )
  const none = plansOf({ ...agreement, from: '2026-12-01' }, 1, Date.parse('2026-12-01T00:00Z'), defaultSettings)
  assert.equal(
    none.map(({ name }) => name),
    ['days', 'registers'],
  )
})

test('runs are spread over the window', () => {
  const times = Array.from(
    { length: 200 },
    (_, place) =>
      plansOf(agreement, place, Date.parse('2026-10-25T12:00Z'), defaultSettings)[0]?.details.executionTimeMs ?? -1,
  )
  const { startMs, lengthMs } = defaultSettings.window
  assert.ok(times.every((one) => one >= startMs && one < startMs + lengthMs))
  const quarters = [0, 1, 2, 3].map(
    (q) => times.filter((one) => Math.floor(((one - startMs) / lengthMs) * 4) === q).length,
  )
  assert.ok(
    quarters.every((count) => count >= 45 && count <= 55),
    quarters.join(),
  )
})

test('kWh with three places are Wh exactly', () => {
  assert.equal([0, 7, 1234, 186_227_086, -5].map(kwhText), ['0.000', '0.007', '1.234', '186227.086', '-0.005'])
  fc.assert(fc.property(fc.integer({ min: -1e9, max: 1e9 }), (wh) => Math.round(Number(kwhText(wh)) * 1000) === wh))
})

/** Two UTC days of values, each its half-hour's number; one is missing, one absent. */
function kept() {
  const store = createMemoryStore(collectorTables)
  const sealing = { key: new Uint8Array(32).fill(7), randomBytes: (count: number) => new Uint8Array(count).fill(3) }
  const first = Date.parse('2026-10-23') / dayMs
  for (const day of [first, first + 1, first + 2]) {
    const wh: (number | null)[] = Array.from({ length: 48 }, (_, i) => i)
    const one: KeptDay = { wh, absent: [], flags: [] }
    if (day === first + 2) {
      wh[5] = null
      wh[6] = null
      one.absent.push(6)
      one.flags.push({ stampMs: day * dayMs + halfHourMs, why: 'more than a connection carries', wh: 0 })
    }
    void store.put('days', dayKey(mpan, day), sealDay(sealing, dayKey(mpan, day), one))
  }
  const row: KeptAgreement = {
    agreement,
    place: 1,
    plans: [],
    failed: [{ day: first + 2, code: 'E21' }],
    tries: 0,
    nextMs: 0,
  }
  return { values: createValues(store, sealing), row }
}

test('UTC days have 48 periods, the settlement day of the October change 50', () => {
  const { values, row } = kept()
  const nowMs = Date.parse('2026-10-26T09:00Z')
  const utc = values.daysOf(row, 'utc', nowMs)
  assert.equal(
    utc.map(({ date, values: own }) => [date, own.length]),
    [
      ['2026-10-23', 2],
      ['2026-10-24', 48],
      ['2026-10-25', 48],
    ],
  )
  const [message] = consumptionMessages(agreement, utc)
  assert.is(message?.measurementQuantity, 'AI')
  assert.equal(message?.days[0]?.periods, [
    { sp: '23:30Z', v: '0.046', q: 'A' },
    { sp: '00:00Z', v: '0.047', q: 'A' },
  ])
  assert.is(message?.days[2]?.periods.length, 46)
  assert.equal(consumptionMessages(agreement, utc, 'start')[0]?.days[1]?.periods[0], {
    sp: '00:00Z',
    v: '0.000',
    q: 'A',
  })
  const settlement = values.daysOf(row, 'settlement', nowMs)
  assert.equal(
    settlement.map(({ date, periods }) => [date, periods]),
    [
      ['2026-10-24', 48],
      ['2026-10-25', 50],
    ],
  )
  const change = settlementDay(agreement, settlement[1]!)
  assert.equal([change.periods, change.have, change.complete], [50, 48, false])
  assert.equal([change.kwh[0], change.kwh[2], change.kwh[7], change.kwh[49]], ['0.046', '0.000', null, '0.047'])
  assert.equal(missingOfDay(agreement, 'settlement', settlement[1]!), [
    { mpan, day: 'settlement', date: '2026-10-25', own: 50, missing: 1, periods: '8', why: 'not read: E21' },
    { mpan, day: 'settlement', date: '2026-10-25', own: 50, missing: 1, periods: '9', why: 'the meter has no record' },
  ])
  const flags = new Map(values.flagsOf(agreement).map(({ stampMs, why }) => [stampMs, why]))
  const csv = csvLines(agreement, settlement[1]!, flags)
  assert.is(csv.split('\n').length - 1, 48)
  assert.match(csv, /,2026-10-25,3,0\.000,A,more than a connection carries\n/)
})

test('messages have at most 200 days', () => {
  const day = { periods: 48, values: [{ startMs: 0, wh: 1, period: 1 }] }
  const days = Array.from({ length: 401 }, (_, i) => ({ date: `${i}`, ...day }))
  assert.equal(
    consumptionMessages(agreement, days).map((message) => message.days.length),
    [200, 200, 1],
  )
})

test('the timetable is dated: runs of days before and after July 2027', () => {
  const values = [{ startMs: 0, wh: 1, period: 1 }]
  const days = ['2027-07-01', '2027-07-02'].map((date) => ({ date, periods: 48, values }))
  const standings = standingOf(days, 'dated', Date.parse('2027-07-20T12:00Z'))
  const found = Object.fromEntries(standings.map((one) => [one.run, [one.past, one.ahead]]))
  assert.equal(found, { SF: [1, 1], R1: [0, 2], R2: [0, 1], R3: [0, 1], RF: [0, 2], II: [1, 0], DF: [0, 1] })
})

test.run()

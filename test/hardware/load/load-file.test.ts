import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LoadOptions, LoadResult } from '../../../hardware/load/load-file.ts'
import { importLoad } from '../../../hardware/load/load-file.ts'
import { loadOf, shiftToYesterday } from '../../../hardware/load/load-profile.ts'
import type { DefectKind } from '../../../hardware/load/load-report.ts'
import { describeReport } from '../../../hardware/load/load-report.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'

const firstHalfHour = Date.UTC(2012, 9, 17, 13) / halfHourMs
const header = 'LCLid,stdorToU,DateTime,KWH/hh (per half hour)'

function stamp(halfHour: number): string {
  return new Date(halfHour * halfHourMs).toISOString().slice(0, 19).replace('T', ' ')
}

function read(text: string, options?: LoadOptions): Extract<LoadResult, { ok: true }> {
  const result = importLoad(text, options)
  if (!result.ok) throw new Error(result.error.message)
  return result
}

function refused(text: string, options?: LoadOptions) {
  const result = importLoad(text, options)
  if (result.ok) throw new Error('it was imported')
  return result.error
}

function counts(result: LoadResult): Partial<Record<DefectKind, number>> {
  return Object.fromEntries(result.ok ? result.report.defects.map(({ kind, count }) => [kind, count]) : [])
}

/** A file with the kinds of defects that the trial's own has: doubled midnights, an off-grid Null, single half-hours missing. */
function trialFile(): { text: string; wh: Map<number, number> } {
  const lines = [header]
  const wh = new Map<number, number>()
  const missing = new Set([firstHalfHour + 700, firstHalfHour + 5000])
  for (let halfHour = firstHalfHour; halfHour < firstHalfHour + 31 * 48 * 12; halfHour++) {
    if (missing.has(halfHour)) continue
    const value = 45 + ((halfHour * 7919) % 1485)
    const row = `MAC003718,Std,${stamp(halfHour)},${(value / 1000).toFixed(3)}`
    wh.set(halfHour, value)
    lines.push(row)
    if ((halfHour - firstHalfHour) % (31 * 48) === 22) lines.push(row)
    if (halfHour === firstHalfHour + 2981) lines.push('MAC003718,Std,2012-12-18 15:24:01,Null')
  }
  return { text: `${lines.join('\n')}\n`, wh }
}

test('the trial’s layout, with the trial’s defects', () => {
  const { text, wh } = trialFile()
  const { report, profile } = read(text)
  assert.is(report.layout, 'low-carbon-london')
  assert.is(report.rows, wh.size + 13)
  assert.is(report.readings, wh.size)
  assert.equal(counts(read(text)), { doubled: 12, 'off-grid': 1 })
  assert.equal(report.defects.find(({ kind }) => kind === 'off-grid')!.first, [
    { line: 2985, text: 'MAC003718,Std,2012-12-18 15:24:01,Null' },
  ])
  assert.is(report.defects.find(({ kind }) => kind === 'doubled')!.first.length, 10)
  assert.is(report.gaps.halfHours, 2)
  assert.is(report.gaps.stretches, 2)
  assert.equal(report.gaps.first[0], { halfHour: firstHalfHour + 700, count: 1, nextLine: 703 })
  const total = [...wh.values()].reduce((sum, value) => sum + value, 0)
  assert.is(report.wh, total)
  assert.ok(Math.abs(report.kwh - total / 1000) < 1e-6)
  const load = loadOf(profile)
  for (let halfHour = firstHalfHour - 2; halfHour < firstHalfHour + 31 * 48 * 12 + 2; halfHour++) {
    if (load(halfHour) !== wh.get(halfHour)) assert.is(load(halfHour), wh.get(halfHour), `half-hour ${halfHour}`)
  }
  const lines = describeReport(report)
  assert.ok(lines.some((line) => line.includes('kept once: 12')))
  assert.ok(lines.includes('  and 2 more'))
  assert.ok(
    lines.some((line) => line === '  before line 703: 1 from 2012-11-01T03:00Z'),
    lines.join('\n'),
  )
})

const real = process.env.SMETS1_LCL
if (real !== undefined && existsSync(real)) {
  test('the trial’s own file', () => {
    const { report } = read(readFileSync(real, 'utf8'))
    assert.is(report.rows, 17458)
    assert.is(report.readings, 17445)
    assert.is(report.wh, 3645714)
    assert.equal(counts(read(readFileSync(real, 'utf8'))), { doubled: 12, 'off-grid': 1 })
    assert.is(report.gaps.halfHours, 2)
  })
}

test('whole Wh never drift from the file', () => {
  const micro = fc.array(fc.integer({ min: 0, max: 34_500_000 }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(micro, (values) => {
      const rows = values.map((value, i) => `${stamp(firstHalfHour + i)},${(value / 1e6).toFixed(6)}`)
      const { profile } = read(rows.join('\n'))
      let trueMilliWh = 0
      let wh = 0
      for (const [i, value] of values.entries()) {
        trueMilliWh += value
        wh += profile.wh[i]!
        assert.ok(profile.wh[i]! >= 0)
        assert.ok(Math.abs(wh * 1000 - trueMilliWh) <= 501, `${wh} Wh for ${trueMilliWh} mWh`)
      }
    }),
    { seed: 1, numRuns: 200 },
  )
  const small = Array.from({ length: 48 }, (_, i) => `${stamp(firstHalfHour + i)},0.0004`)
  assert.is(read(small.join('\n')).report.wh, 19)
})

test('each defect has its rule', () => {
  const text = `timestamp;kWh
2024-01-01 00:00;0,1
2024-01-01 00:30;
2024-01-01 01:00;Null
2024-01-01 01:30;twelve
2024-01-01 02:00;-0,1
2024-01-01 02:30;35
2024-01-01 03:00;0,4;0,5
2024-01-01 03:30
2024-01-01 04:10;0,1
31/02/2024 04:30;0,1
2024-01-01 06:00;0,6
2024-01-01 05:00;0,5
2024-01-01 06:00;0,6
2024-01-01 06:00;0,7
2024-01-01 07:00;0x10
2024-01-01 07:30;34,5
`
  const result = read(text)
  assert.equal(counts(result), {
    'no-value': 2,
    'not-a-number': 2,
    negative: 1,
    absurd: 1,
    columns: 2,
    'off-grid': 1,
    stamp: 1,
    'out-of-order': 1,
    doubled: 1,
    'doubled-different': 1,
  })
  assert.equal([...result.profile.wh], [100, 500, 600, 34500])
  assert.is(result.report.rows, 16)
  assert.is(read(text, { maxKwh: 35 }).report.readings, 5)
  assert.equal(result.report.defects[0]!.first[0], { line: 3, text: '2024-01-01 00:30;' })
})

test('a file of several households wants one chosen', () => {
  const rows = ['MAC1', 'MAC2', 'MAC1'].map((name, i) => `${name},Std,${stamp(firstHalfHour + i)},0.${i + 1}`)
  const text = [header, ...rows, 'cut short'].join('\n')
  const error = refused(text)
  assert.is(error.code, 'households')
  assert.match(error.message, 'MAC1, MAC2')
  const { report } = read(text, { household: 'MAC1' })
  assert.is(report.readings, 2)
  assert.is(report.otherRows, 1)
  assert.equal(counts(read(text, { household: 'MAC1' })), { columns: 1 })
  assert.match(refused(text, { household: 'MAC9' }).message, 'MAC1, MAC2')
  assert.is(refused('2024-01-01T00:00,1', { household: 'MAC1' }).code, 'households')
})

test('what cannot be imported is reported with what was expected', () => {
  assert.is(refused('').code, 'unrecognised')
  assert.match(refused('\n\na,b,c\n').message, 'line 3 is in no layout')
  assert.is(refused('\n\na,b,c\n').line, 3)
  assert.is(refused('timestamp,Wh\n2024-01-01T00:00,125\n').code, 'unrecognised')
  const none = refused(`${header}\nMAC1,Std,yesterday,0.1\n`)
  assert.is(none.code, 'no-usable-row')
  assert.match(none.message, 'line 2: rows whose stamp cannot be read')
  assert.is(refused(header).code, 'no-usable-row')
  assert.is(refused('2024-01-01,8.5').code, 'no-usable-row')
  assert.is(refused('x'.repeat(101), { maxCharacters: 100 }).code, 'too-large')
  const rows = Array.from({ length: 4 }, (_, i) => `${stamp(firstHalfHour + i)},1`).join('\n')
  assert.equal([refused(rows, { maxRows: 3 }).code, refused(rows, { maxRows: 3 }).line], ['too-large', 4])
  assert.is(read(rows, { maxRows: 4 }).report.readings, 4)
})

test('hostile text is an error or a report, never an exception', () => {
  const seeds = [
    trialFile().text.slice(0, 400),
    'timestamp,kWh\n2024-01-01T00:00,0.1\n',
    `2024-01-01${',0.1'.repeat(48)}\n`,
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .tuple(fc.constantFrom(...seeds), fc.nat(400), fc.nat(20), fc.string({ maxLength: 12 }))
      .map(([from, at, cut, put]) => from.slice(0, at) + put + from.slice(at + cut)),
  )
  fc.assert(
    fc.property(text, fc.constantFrom('start' as const, 'end' as const), (given, stamps) => {
      const result = importLoad(given, { stamps })
      if (!result.ok) return assert.ok(result.error.message.length > 20)
      for (const line of describeReport(result.report)) assert.not.match(line, /\p{Cc}/u)
      for (const wh of result.profile.wh) assert.ok(wh >= 0 && wh <= 34501)
    }),
    { seed: 7, numRuns: 2000 },
  )
  const long = [
    '9'.repeat(2e6),
    `${'"'.repeat(1e6)},1`,
    `2024-01-01T00:00,${'1'.repeat(1e6)}`,
    ','.repeat(1e6),
    '\r'.repeat(1e6),
  ]
  for (const given of long) assert.not(importLoad(given).ok)
})

test('old readings are shifted to end yesterday', () => {
  const today = 20000
  const { profile } = read(trialFile().text)
  const shifted = shiftToYesterday(profile, today)!
  assert.is(shifted.profile.halfHours.at(-1), today * 48 - 1)
  assert.is(shifted.cut, 26)
  assert.is(shifted.profile.halfHours.length, profile.halfHours.length - 26)
  assert.is(shifted.profile.halfHours[0]! - profile.halfHours[0]!, shifted.days * 48)
  assert.is(shifted.profile.wh.length, shifted.profile.halfHours.length)
  const hour = read(`${stamp(firstHalfHour)},1`).profile
  assert.is(shiftToYesterday(hour, today), undefined)
})

test.run()

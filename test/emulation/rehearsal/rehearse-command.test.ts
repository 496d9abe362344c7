// smets1 rehearse as a user types it: text, JSON, CSV files, comparisons, and what is refused.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rehearseCommand } from '../../../emulation/cli/rehearse.ts'
import { failuresOf, type Report } from '../../../emulation/rehearsal/report.ts'
import { runCommand } from '../../support/bench/run-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'smets1-rehearse-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

const run = (argument: string, options: { [name: string]: unknown } = {}) =>
  runCommand(rehearseCommand, { argument, ...options })

const hostile = `
name: mine
population: { meters: 3, groups: { "a": 1 } }
parties:
  - { name: mdr, role: MDR, asks: [{ srv: 4.8.1 }] }
`

/** What makes the exit code 1: nothing in this report, a wrong response always, no answer unless it was ended early. */
function failuresAreSaid(report: Report): void {
  assert.equal(failuresOf(report, false), [])
  const wrong = failuresOf({ ...report, users: { verified: 3, wrong: ['4.8.1: half-hour 7 is 3 Wh, not 4'] } }, true)
  assert.equal(wrong, ['Users found mistakes in responses, the first: 4.8.1: half-hour 7 is 3 Wh, not 4'])
  assert.equal(failuresOf({ ...report, unanswered: 2 }, false), ['2 requests and reads of schedules had no answer'])
  assert.equal(failuresOf({ ...report, unanswered: 2 }, true), [])
}

test('tables and plots, and the same as JSON and CSV', async () => {
  const text = await run('table-5-b', { meters: '6' })
  assert.is(text.code, 0)
  assert.match(text.out, /4\.8\.1 +mdr +scheduled +yes +3 +3/)
  assert.match(text.out, /00:00 +█/)
  assert.match(text.out, /Store and audit trail were in memory/)
  assert.match(text.out, /Rates are scaled from 958 to 6 meters/)
  const csv = join(directory, 'tables')
  const json = await run('table-5-b', { meters: '6', json: true, csv })
  const report: Report = JSON.parse(json.out)
  assert.is(report.meters, 6)
  assert.is(report.unitCosts.smsPerRead, 1)
  const rows = readFileSync(join(csv, 'requests.csv'), 'utf8').trim().split('\n')
  assert.is(rows.length, report.requests.length + 1)
  assert.match(readFileSync(join(csv, 'completeness.csv'), 'utf8'), /^utc,2026-11-22,import,\d+,\d+,end,,1$/m)
  for (const file of ['requests-by-hour', 'hours-of-the-day', 'wan', 'codes', 'cache-ages', 'performance'])
    assert.ok(existsSync(join(csv, `${file}.csv`)), file)
  failuresAreSaid(report)
})

test('a file of one’s own, compared for two values', async () => {
  const path = join(directory, 'mine.yaml')
  writeFileSync(path, hostile)
  const compared = await run(path, { compare: 'seed=1,2', json: true })
  const variants = JSON.parse(compared.out)
  assert.equal(
    variants.map(({ label, report }: { label: string; report: { seed: number } }) => [label, report.seed]),
    [
      ['seed=1', 1],
      ['seed=2', 2],
    ],
  )
  const csv = join(directory, 'compared')
  const table = await run('no-cache', { meters: '4', compare: 'cachePolicy=off,both-days', csv })
  assert.is(table.code, 0)
  const [head] = readFileSync(join(csv, 'comparison.csv'), 'utf8').split('\n')
  assert.is(head?.trim(), 'figure,cachePolicy=off,cachePolicy=both-days')
  assert.ok(existsSync(join(csv, 'cachePolicy=both-days', 'requests.csv')))
  assert.match(table.out, /device reads saved +0 +5/)
  assert.match(table.out, /device reads +1\d +\d+ \(-\d+/)
})

test('mistakes end with exit code 2 and the fix, before anything runs', async () => {
  const unknown = await run('table-5-d')
  assert.is(unknown.code, 2)
  assert.match(unknown.err, /table-5-d is no file, and no built-in scenario: table-5-a, table-5-b/)
  const days = await run('table-5-a', { days: '401' })
  assert.is(days.code, 2)
  assert.match(days.err, /--days is a whole number from 1 to 400/)
  assert.is((await run('constructor', {})).code, 2)
  assert.is((await run('table-5-a', { compare: 'constructor=1,2' })).code, 2)
  const compare = await run('table-5-a', { compare: 'cachePolicy=off,everything' })
  assert.is(compare.code, 2)
  assert.match(compare.err, /cachePolicy/)
  assert.is(compare.out, '')
})

test.run()

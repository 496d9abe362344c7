// smets1 forecast as a user types it: tables, ranges, sweeps, files, and what is refused.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished } from '../../support/bench/cli.ts'

const directory = mkdtempSync(join(tmpdir(), 'smets1-forecast-'))
test.after(() => rmSync(directory, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const run = (...args: string[]) => finished(['forecast', ...args])

test('all of table 5 side by side, explained on request', async () => {
  const { code, out } = await run('--explain')
  assert.is(code, 0)
  assert.match(out, /Service Requests a day +11\.1 M\/day +44\.3 M\/day +73\.6 M\/day/)
  assert.match(out, /DUIS data a day +15\.1 GB\/day +55\.5 GB\/day +91\.3 GB\/day/)
  assert.match(out, /--smets1-share 32 %: share of the meters that are SMETS1\n +assumption/)
})

test('ranges give the lowest and the highest; JSON and CSV carry the same', async () => {
  const args = ['--scenario', 'B', '--export', '20..40%', '--window', '00:00-08:00']
  const json = JSON.parse((await run(...args, '--json')).out)
  const { low, high } = json[0].figures.requestsPerSecond
  assert.is(Math.round(low), 1346)
  assert.is(Math.round(high), 1727)
  const csv = (await run(...args, '--csv')).out
  assert.match(csv, new RegExp(`^B,requestsPerSecond,[^,]+,${low},${high},/s$`, 'm'))
})

test('a scenario of the user’s, and unit costs that a rehearsal measured', async () => {
  const scenario = file('mine.yaml', 'name: "=mine"\nscenario: C\nwindow: 13h\ncache: 50%\n')
  const costs = file('costs.json', JSON.stringify({ unitCosts: { wanBytesPerRead: 241, smsPerRead: 1.5 } }))
  const { code, out } = await run('--scenario', scenario, '--from-rehearsal', costs, '--json')
  assert.is(code, 0)
  const [{ parameters, figures }] = JSON.parse(out)
  assert.is(parameters.wanBytesPerRead, 241)
  assert.is(parameters.smsPerRead, 1.5)
  assert.is(Math.round(figures.requestsPerSecond.value), 1573)
  // No spreadsheet takes the name for a formula.
  assert.match((await run('--scenario', scenario, '--csv')).out, /^'=mine,/m)
})

test('a sweep draws a bar for each value', async () => {
  const { out } = await run('--scenario', 'C', '--sweep', 'window=6h,12h')
  assert.match(out, /window 6 h +█{40} +3,408 \/s\n +window 12 h +█{20} +1,704 \/s/)
})

test('what cannot be is refused with exit code 2, in one line without a stack trace', async () => {
  const bomb = `a: &a [x,x]\n${Array.from({ length: 200 }, (_, i) => `k${i}: *a`).join('\n')}\n`
  const cases: [string[], RegExp][] = [
    [['--scenario', 'D'], /D cannot be read/],
    [['--scenario', file('list.json', '[1]')], /holds no parameters/],
    [['--scenario', file('key.yaml', 'windows: 6h\n')], /"windows" is no parameter; they are export/],
    [['--scenario', file('value.yaml', 'window: 30h\n')], /value\.yaml: --window is from/],
    [['--scenario', file('base.yaml', 'scenario: X\n')], /"scenario" is A, B or C/],
    [['--scenario', file('bomb.yaml', bomb)], /neither YAML nor JSON|number or text/],
    [['--scenario', file('large.yaml', `# ${'x'.repeat(70_000)}\n`)], /larger than/],
    [['--window', '0h'], /--window/],
    [['--export', '30'], /did you mean 30%/],
    [['--sweep', 'window'], /--sweep is KEY=/],
    [['--from-rehearsal', file('none.json', '{}')], /no "unitCosts"/],
    [['--from-rehearsal', file('nan.json', '{"unitCosts":{"attempts":"1"}}')], /attempts is no number/],
    [['--from-rehearsal', file('empty.json', '{"unitCosts":{}}')], /none of attempts/],
  ]
  for (const [args, why] of cases) {
    const { code, err } = await run(...args)
    assert.is(code, 2, args.join(' '))
    assert.match(err, why)
    assert.not.match(err, /\n {4}at /)
  }
})

test.run()

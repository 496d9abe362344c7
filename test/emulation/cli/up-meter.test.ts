import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { meterArguments } from '../../../emulation/cli/meter-process.ts'
import { pageBytes } from '../../../firmware/flash-map.ts'
import { readSettings } from '../../../firmware/settings.ts'
import { faultFlags, loadFlags, settingsFlags } from '../../../hardware/cli/meter-flags.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

const test = suite('cli-up-meter')
const flags = [...loadFlags, ...settingsFlags, ...faultFlags]

test('what is given of the meter’s flags is handed on, and nothing else', () => {
  const options = {
    seed: 0,
    loadExport: 'out.csv',
    clockStep: ['-60@5m', '5@6m'],
    clockDriftPpm: -20,
    cutPowerAfter: 200,
    lastGasp: true,
    clockLost: false,
    yearEnds: true,
    catchUp: false,
    tariff: true,
    state: 'elsewhere',
    httpPort: 1,
  }
  assert.equal(meterArguments(flags, options), [
    '--seed=0',
    '--load-export=out.csv',
    '--year-ends',
    '--no-catch-up',
    '--tariff',
    '--cut-power-after=200',
    '--last-gasp',
    '--clock-drift-ppm=-20',
    '--clock-step=-60@5m',
    '--clock-step=5@6m',
  ])
  assert.equal(meterArguments(flags, { catchUp: true }), [])
})

test('up makes a meter with a smaller flash and other settings, once', async () => {
  const state = freshPath()
  const given = ['up', '--once', '--state', state, '--http-port', '0', '--flash-kb', '63', '--device-profile', 'secure']
  const made = await finished([...given, '--billing-day', '5', '--days', '3', '--clock-drift-ppm=-20'])
  assert.is(made.code, 0, made.err)
  assert.match(made.err, /a flash of 60 KB keeps \d+ days of active import/)
  const path = join(state, 'meter', 'flash.bin')
  assert.is(statSync(path).size, 15 * pageBytes)
  const flash = createMemoryFlash({ pageBytes, pages: 2 })
  const bytes = new Uint8Array(readFileSync(path))
  for (const page of [0, 1]) flash.program(page * pageBytes, bytes.subarray(page * pageBytes, (page + 1) * pageBytes))
  const { version, configuration } = readSettings(flash)!
  assert.equal([version, configuration.deviceProfile, configuration.billingDay], [2, 2, 5])

  const again = await finished(given)
  assert.is(again.code, 2)
  assert.match(again.err, /has its meter already; --flash-kb is for a new bench/)
  const small = await finished(['up', '--once', '--state', freshPath(), '--flash-kb', '59'])
  assert.is(small.code, 2)
  assert.match(small.err, /--flash-kb is a whole number from 60/)
  const wrong = await finished(['up', '--once', '--state', state, '--http-port', '0', '--quirks', 'loud'])
  assert.is(wrong.code, 2)
  assert.match(wrong.err, /--quirks is a list of .* not loud/)
})

test('up gives its meter a key that was rotated, and both reads agree', async () => {
  const state = freshPath()
  // Without a cache both reads come from the meter.
  const given = ['up', '--once', '--state', state, '--http-port', '0', '--days', '2', '--cache-policy', 'off']
  assert.is((await finished(given)).code, 0)
  const rotated = await finished(['provision', '--state', state, '--rotate', '00-DB-12-34-56-78-90-A0'])
  assert.is(rotated.code, 0, rotated.err)
  const again = await finished(given)
  assert.is(again.code, 0, again.err)
  assert.match(again.err, /settings changed; .* is removed/)
  assert.match((await finished(['audit', '--state', state, '--json'])).out, /"event":"key rotated"/)
})

test('--no-catch-up, as it is typed', async () => {
  const given = ['meter', '--port', 'tcp://127.0.0.1:0', '--flash', freshPath(), '--no-catch-up']
  const missing = await finished(given)
  assert.is(missing.code, 3)
  assert.match(missing.err, /there is no meter in/)
  const both = await finished([...given, '--load', 'x'])
  assert.is(both.code, 2)
  assert.match(both.err, /leave --no-catch-up out/)
})

test.run()

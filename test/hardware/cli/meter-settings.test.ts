import { openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { historyOf, pageBytes } from '../../../firmware/flash-map.ts'
import { type Configuration, readSettings } from '../../../firmware/settings.ts'
import { createMemoryFlash, openFlashFile } from '../../../hardware/emulator/flash-file.ts'
import { householdWh } from '../../../hardware/load/household.ts'
import { solarExportWh, typicalPeakW } from '../../../hardware/load/solar.ts'
import { halfHourMs } from '../../../protocol/half-hour.ts'
import {
  createMeterFolder,
  logsIn,
  type MeterFolder,
  provision,
  readOverLine,
  run,
  start,
} from '../../support/bench/meter-command.ts'

const test = suite('meter-settings')
let at: MeterFolder
test.before.each(() => {
  at = createMeterFolder()
})
test.after.each(() => at.remove())

const port = 'tcp://127.0.0.1:0'
const tariff = { time: 'utc', weekday: { '00:00': 1, '07:00': 2 }, weekend: { '00:00': 1, '12:00': 3 } }

/** The settings in the file, and how many pages that has. */
function settingsIn(): { version: number; configuration: Configuration } {
  const cells = new Uint8Array(2 * pageBytes)
  readSync(openSync(at.flash, 'r'), cells)
  const copy = createMemoryFlash({ pageBytes, pages: 2 })
  copy.program(0, cells.subarray(0, pageBytes))
  copy.program(pageBytes, cells.subarray(pageBytes))
  return readSettings(copy)!
}

async function stopped(options: Record<string, unknown>): Promise<{ version: number; stderr: string }> {
  const meter = await start(at, { port, days: 1, ...options })
  meter.child.kill('SIGTERM')
  assert.equal(await meter.ended, [0, null])
  return { version: meter.ready.settingsVersion, stderr: meter.stderr() }
}

test('settings of the command line are stored in flash, with a new version only when they differ', async () => {
  provision(at)
  const file = join(at.folder, 'tariff.json')
  writeFileSync(file, JSON.stringify(tariff))
  const given = {
    deviceProfile: 'secure',
    quirks: 'two-wakes,average-power',
    dailyReads: 20,
    billingDay: 0,
    checkpointWh: 50,
    maxHalfHourWh: 9000,
    tariff: file,
  }
  const first = await stopped(given)
  assert.is(first.version, 2)
  assert.match(first.stderr, /settings written: version 2/)
  const { version, configuration } = settingsIn()
  assert.is(version, 2)
  assert.equal(
    { ...configuration, tariff: [...configuration.tariff] },
    {
      pulsesPerKwh: 1000,
      deviceProfile: 2,
      dailyReads: 20,
      checkpointWh: 50,
      billingDay: 0,
      quirks: 5,
      halfHourWhMax: 9000,
      tariff: [0, 0, 1, 0, 2, 0, 0, 28, 1, 2, 0, 0, 48, 2],
    },
  )
  assert.is((await stopped(given)).version, 2)
  const without = await stopped({})
  assert.is(without.version, 2)
  assert.not.match(without.stderr, /settings written/)
  assert.is((await stopped({ quirks: 'none', tariff: 'none', dailyReads: 0 })).version, 3)
  const now = settingsIn().configuration
  assert.equal([now.quirks, now.dailyReads, now.tariff.length, now.deviceProfile], [0, 0, 0, 2])
})

test('a tariff counts in its registers from the first day of a new meter on', async () => {
  provision(at)
  const file = join(at.folder, 'tariff.json')
  writeFileSync(file, JSON.stringify(tariff))
  const meter = await start(at, { port, days: 9, seed: 5, tariff: file })
  meter.child.kill('SIGTERM')
  await meter.ended
  const { journal } = logsIn(at)
  const expected = [0, 0, 0]
  const first = (Math.floor(Date.now() / 86400000) - 9) * 48
  for (let i = first; i <= journal.newest; i++) {
    const startsAt = new Date(i * halfHourMs)
    const isWeekend = [0, 6].includes(startsAt.getUTCDay())
    const hour = startsAt.getUTCHours()
    expected[isWeekend ? (hour < 12 ? 0 : 2) : hour < 7 ? 0 : 1]! += householdWh(5, i)
  }
  const sums = [...journal.matrix].slice(0, 3)
  // What runs is committed in part.
  assert.is(
    sums.reduce((sum, wh) => sum + wh, 0),
    expected.reduce((sum, wh) => sum + wh, 0) + journal.running[0]!,
  )
  for (const [i, wh] of sums.entries()) assert.ok(wh >= expected[i]! && wh - expected[i]! <= journal.running[0]!)
})

test('a smaller flash holds less history, reports how much, and does hold it', async () => {
  provision(at, 60)
  const history = historyOf(15)
  const meter = await start(at, { port, days: 397, seed: 5, baud: 0 })
  assert.equal(meter.ready.history, history)
  const days = history.importHalfHours / 48
  assert.match(meter.stderr(), new RegExp(`a flash of 60 KB keeps ${days} days of active import and .* takes 100 KB`))
  const last = meter.ready.lastHalfHour
  const read = await readOverLine(meter.ready.port, last - history.importHalfHours + 1, history.importHalfHours)
  assert.is(read.wh.size, history.importHalfHours)
  for (const [halfHour, wh] of read.wh) assert.is(wh, householdWh(5, halfHour))
  const out = await readOverLine(meter.ready.port, last - history.otherHalfHours + 1, history.otherHalfHours, 1)
  assert.is(out.wh.size, history.otherHalfHours)
  for (const [halfHour, wh] of out.wh) assert.is(wh, solarExportWh(5, typicalPeakW, halfHour))
  const before = await readOverLine(meter.ready.port, last - 390 * 48, 48)
  assert.is(before.wh.size, 0)
})

test('errors in settings or flash are reported before anything is changed', async () => {
  const given = { port, flash: at.flash }
  const file = join(at.folder, 'tariff.json')
  writeFileSync(file, JSON.stringify({ ...tariff, weekday: { '01:00': 1 } }))
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ deviceProfile: 'sagem' }, /--device-profile is one of generic, .*; not sagem/],
    [{ quirks: 'average-power,loud' }, /--quirks is a list of .*; not loud/],
    [{ dailyReads: 32 }, /--daily-reads is a whole number from 0 to 31, not 32/],
    [{ billingDay: 29 }, /--billing-day is a whole number from 0 to 28/],
    [{ checkpointWh: 9 }, /--checkpoint-wh is a whole number from 10/],
    [{ tariff: file }, /tariff.json: weekday does not say .* It looks like \{/],
    [{ tariff: join(at.folder, 'none.json') }, /cannot read .*none.json/],
    [{ tariff: at.folder }, /not a file/],
  ]
  provision(at)
  for (const [options, words] of cases) {
    const result = await run({ ...given, ...options })
    assert.is(result.code, 2, result.stderr)
    assert.match(result.stderr, words)
  }
  // A port that cannot be had leaves the settings as they are.
  assert.is((await run({ ...given, port: '/dev/no-such-port', billingDay: 7 })).code, 20)
  assert.is(settingsIn().version, 1)

  writeFileSync(at.flash, new Uint8Array(12 * pageBytes).fill(0xff))
  const small = await run(given)
  assert.is(small.code, 2)
  assert.match(small.stderr, /49152 bytes; a meter's has whole pages of 4096, 15 at least/)
  openFlashFile(`${at.flash}2`, { pageBytes, pages: 15 }).close()
  assert.is((await run({ port, flash: `${at.flash}2` })).code, 3)
})

test.run()

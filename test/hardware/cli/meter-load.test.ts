import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type MeterLoad, meterLoad, readReadings } from '../../../hardware/cli/meter-load.ts'
import { readMeterOptions } from '../../../hardware/cli/meter-options.ts'
import { fridgeWh, householdWh } from '../../../hardware/load/household.ts'
import { reactiveVarh } from '../../../hardware/load/reactive.ts'
import { solarExportWh } from '../../../hardware/load/solar.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'

const test = suite('meter-load')
let folder = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-load-'))
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

const nowMs = Date.UTC(2026, 5, 20, 15)
const today = Math.floor(nowMs / dayMs) * 48
const given = { port: 'tcp://:0', flash: 'f' }

/** A file of two columns, `count` half-hours from an instant on. */
function file(name: string, from: number, count: number, whOf: (i: number) => number | undefined): string {
  const rows = ['timestamp,kWh']
  for (let i = 0; i < count; i++) {
    const wh = whOf(i)
    if (wh !== undefined) rows.push(`${new Date((from + i) * halfHourMs).toISOString()},${wh / 1000}`)
  }
  const path = join(folder, name)
  writeFileSync(path, rows.join('\n'))
  return path
}

async function load(options: Record<string, unknown>): Promise<MeterLoad> {
  const read = readMeterOptions({ ...given, ...options })
  return meterLoad(read, 4, nowMs, await readReadings(read, nowMs))
}

test('import and export of two files are shifted together; a half-hour without export has none', async () => {
  const from = Date.UTC(2013, 4, 1) / halfHourMs
  // The export begins later, ends later, and has a gap.
  const imports = file('in.csv', from, 10 * 48, (i) => (i === 77 ? undefined : 200 + i))
  const exports = file('out.csv', from + 48, 12 * 48, (i) => (i === 30 ? undefined : 10 + i))
  const made = await load({ load: imports, loadExport: exports, yearEnds: true })
  const first = today - 10 * 48
  assert.is(made.firstHalfHour, first)
  for (let i = 0; i < 480; i++) {
    assert.is(made.load(first + i), i === 77 ? undefined : 200 + i)
    assert.is(made.otherLoad(first + i, 1), i < 48 || i === 78 ? 0 : 10 + i - 48, `half-hour ${i}`)
  }
  // From today on there is the household, without panels unless asked for.
  assert.is(made.load(today + 24), householdWh(4, today + 24))
  assert.is(made.otherLoad(today + 24, 1), 0)
  const report = made.lines.join('\n')
  assert.match(report, /active export:\n {2}a stamp and a value: 575 half-hours/)
  assert.match(report, /1 half-hours missing in 1 gaps/)
  const withSun = await load({ load: imports, loadExport: exports, yearEnds: true, solar: 4000 })
  assert.is(withSun.otherLoad(today + 24, 1), solarExportWh(4, 4000, today + 24))
  assert.ok(withSun.otherLoad(today + 24, 1) > 0)
  assert.is(withSun.otherLoad(first + 78, 1), 0)
})

test('a file of import alone has no export, unless there are panels; reactive energy follows the import', async () => {
  const from = today - 3 * 48
  const imports = file('in.csv', from, 3 * 48, () => 500)
  const noon = from + 24
  assert.is((await load({ load: imports })).otherLoad(noon, 1), 0)
  assert.is((await load({ load: imports, solar: 1000 })).otherLoad(noon, 1), solarExportWh(4, 1000, noon))
  const { importVarh } = reactiveVarh(4, 500, fridgeWh(4, noon))
  assert.is((await load({ load: imports })).otherLoad(noon, 2), importVarh)
  assert.ok(importVarh > 0)
  // A gap is a meter without power.
  assert.is((await load({ load: imports })).otherLoad(from - 1, 2), 0)
})

async function problem(options: Record<string, unknown>): Promise<string> {
  try {
    await load(options)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was read')
}

test('errors in an export file are reported with its name', async () => {
  const imports = file('in.csv', today - 48, 48, () => 500)
  const bad = join(folder, 'bad.csv')
  writeFileSync(bad, 'a,b,c\n')
  assert.match(await problem({ load: imports, loadExport: bad }), /bad\.csv: line 1 is in no layout/)
  assert.match(await problem({ load: imports, loadExport: join(folder, 'none.csv') }), /cannot read .*none\.csv/)
})

test('--zone, --meter and --force reach the file; each is refused without one', async () => {
  const days = join(folder, 'days.csv')
  writeFileSync(
    days,
    `MPAN,Date,${Array.from({ length: 48 }, (_, i) => `SP${i + 1}`)}\n1,2026-06-18${',0.1'.repeat(48)}\n`,
  )
  assert.match(await problem({ load: days }), /--zone Europe\/London/)
  const inSummer = await load({ load: days, zone: 'Europe/London', meter: '1' })
  assert.is(inSummer.firstHalfHour, Date.UTC(2026, 5, 17, 23) / halfHourMs)
  assert.match(await problem({ load: days, zone: 'Europe/London', meter: '2' }), /no meter 2/)
  assert.match(await problem({ load: days, zone: 'Mars' }), /no zone Mars/)
  const hourly = join(folder, 'hourly.csv')
  const rows = Array.from({ length: 24 }, (_, i) => `2026-06-19T${String(i).padStart(2, '0')}:00Z,0.5`)
  writeFileSync(hourly, `timestamp,kWh\n${rows.join('\n')}\n`)
  assert.match(await problem({ load: hourly }), /an hour each/)
  assert.is((await load({ load: hourly, force: true })).load(today - 48), 250)
  for (const option of [{ zone: 'UTC' }, { meter: '1' }, { household: '1' }, { force: true }, { stamps: 'end' }]) {
    assert.match(await problem(option), /name it with --load/)
  }
  assert.match(await problem({ load: days, meter: '1', household: '2' }), /--household is --meter/)
})

test('readings that end before yesterday are told, unless they are shifted', async () => {
  const old = file('old.csv', today - 10 * 48, 3 * 48, () => 500)
  assert.match(
    (await load({ load: old })).lines.join('\n'),
    /old\.csv ends at 2026-06-13T00:00Z and has nothing for yesterday/,
  )
  assert.not.match((await load({ load: old, yearEnds: true })).lines.join('\n'), /nothing for yesterday/)
  const fresh = file('fresh.csv', today - 3 * 48, 3 * 48, () => 500)
  assert.not.match((await load({ load: fresh })).lines.join('\n'), /nothing for yesterday/)
})

test.run()

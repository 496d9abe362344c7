import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { createEmulatedBoard, systemTimers } from '../../../hardware/emulator/emulated-board.ts'
import { openFlashFile } from '../../../hardware/emulator/flash-file.ts'
import { runLoad } from '../../../hardware/emulator/virtual-run.ts'
import { householdWh } from '../../../hardware/load/household.ts'
import { takeLock } from '../../../host/runtime/lock-file.ts'
import { dayMs, halfHourMs, halfHourOf } from '../../../protocol/half-hour.ts'
import {
  createMeterFolder,
  type MeterFolder,
  provision,
  readOverLine,
  run,
  start,
} from '../../support/bench/meter-command.ts'

const geometry = { pageBytes, pages: flashPagesFull }

const test = suite('meter-command')
let at: MeterFolder
let folder = ''
let flash = ''

test.before.each(() => {
  at = createMeterFolder()
  folder = at.folder
  flash = at.flash
})
test.after.each(() => at.remove())

test('errors in the command are reported with the fix', async () => {
  const given = { port: 'tcp://:0', flash }
  const cases: [Record<string, unknown>, number, RegExp][] = [
    [{ ...given, board: 'toaster' }, 2, /emulated or pi, not toaster/],
    [{ ...given, pulseImport: 'GPIO17' }, 2, /add --board pi/],
    [{ flash }, 2, /--port is missing/],
    [{ port: 'tcp://:0' }, 2, /--flash is missing/],
    [{ ...given, baud: 'fast' }, 2, /--baud is a whole number/],
    [{ ...given, days: -1 }, 2, /--days/],
    [{ ...given, seed: [1, 2] }, 2, /more than once/],
    [{ ...given, stamps: 'middle', load: 'x' }, 2, /start or end/],
    [{ ...given, yearEnds: true }, 2, /--load/],
    [{ ...given, load: 'x', catchUp: false }, 2, /--no-catch-up/],
    [{ ...given, loadExport: 'x' }, 2, /name them with --load/],
    [{ ...given, solar: -1 }, 2, /--solar is a whole number from 0/],
    [{ ...given, solar: true }, 2, /--solar needs a value/],
    [given, 3, /smets1 provision/],
    [{ ...given, settings: join(at.folder, 'none.json') }, 3, /no such file, nor .*none\.json/],
  ]
  for (const [options, code, words] of cases) {
    const result = await run(options)
    assert.is(result.code, code, result.stderr)
    assert.match(result.stderr, words)
    assert.is(result.stdout, '')
  }
  assert.not(existsSync(flash))
})

test('a flash that is not a meter’s, a file that cannot be read, and a port that cannot be had', async () => {
  openFlashFile(flash, geometry).close()
  assert.equal([(await run({ port: 'tcp://:0', flash })).code], [3])
  provision(at)
  const none = await run({ port: 'tcp://:0', flash, load: join(folder, 'none.csv') })
  assert.is(none.code, 2)
  assert.match(none.stderr, 'none.csv')
  const csv = join(folder, 'bad.csv')
  writeFileSync(csv, 'a,b,c\n')
  assert.match((await run({ port: 'tcp://:0', flash, load: csv })).stderr, /line 1 is in no layout/)
  writeFileSync(csv, '2099-01-01T00:00Z,1\n')
  assert.match((await run({ port: 'tcp://:0', flash, load: csv })).stderr, /future/)
  assert.is((await run({ port: 'udp://x', flash })).code, 2)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const inUse = await run({ port: `tcp://127.0.0.1:${port}`, flash })
  assert.is(inUse.code, 20)
  assert.match(inUse.stderr, /in use/)
  taken.close()
  const held = openFlashFile(flash, geometry, { takeLock })
  const shared = await run({ port: 'tcp://:0', flash })
  assert.is(shared.code, 2)
  assert.match(shared.stderr, /in use by process/)
  held.close()
  writeFileSync(flash, 'short')
  assert.match((await run({ port: 'tcp://:0', flash })).stderr, /has 5 bytes/)
})

test('a file ends yesterday, is read over the line with its gap, and survives kill -9', async () => {
  provision(at)
  const csv = join(folder, 'load.csv')
  const first = halfHourOf(Date.UTC(2013, 0, 5))
  const missing = first + 100
  const rows = ['timestamp,kWh']
  for (let halfHour = first; halfHour < first + 5 * 48 + 3; halfHour++) {
    const stamp = new Date(halfHour * halfHourMs).toISOString()
    if (halfHour !== missing) rows.push(`${stamp},${(100 + (halfHour - first)) / 1000}`)
  }
  writeFileSync(csv, rows.join('\n'))
  const port = `unix://${join(folder, 'm.sock')}`
  const before = halfHourOf(Date.now())
  const one = await start(at, { port, load: csv, yearEnds: true, seed: 9 })
  assert.is(one.ready.port, port)
  assert.is(one.ready.eui, '00-DB-12-34-56-78-90-A0')
  assert.ok(one.ready.lastHalfHour >= before - 1 && one.ready.lastHalfHour < halfHourOf(Date.now()))
  const shift = /shifted by (\d+) days to end yesterday, (\S+);/.exec(one.stderr())!
  assert.match(one.stderr(), /^3 half-hours after the last day/m)
  const today = Date.parse(shift[2]!) / dayMs + 1
  const from = (today - 5) * 48
  assert.is(from, first + Number(shift[1]) * 48)
  const read = await readOverLine(port, from, 6 * 48)
  assert.equal(read.marked, [])
  for (let halfHour = from; halfHour <= one.ready.lastHalfHour; halfHour++) {
    const at = halfHour - from
    const expected = at === 100 ? undefined : at < 240 ? 100 + at : householdWh(9, halfHour)
    assert.is(read.wh.get(halfHour), expected, `half-hour ${at}`)
  }

  one.child.kill('SIGKILL')
  await one.ended
  const two = await start(at, { port, seed: 9 })
  assert.ok(two.ready.lastHalfHour >= one.ready.lastHalfHour)
  const again = await readOverLine(port, from, 6 * 48)
  for (const [halfHour, wh] of read.wh) assert.is(again.wh.get(halfHour), wh)
  assert.is(again.boot, read.boot + 1)
  two.child.kill('SIGTERM')
  assert.equal(await two.ended, [0, null])
  assert.not(existsSync(join(folder, 'm.sock')))
  assert.not(existsSync(`${flash}.lock`))
  const refused = await run({ port, flash, load: csv })
  assert.is(refused.code, 2)
  assert.match(refused.stderr, /already has a log/)
})

test('a meter without a log makes up its days, and ends with its parent', async () => {
  provision(at)
  const port = `unix://${join(folder, 'm.sock')}`
  const before = halfHourOf(Date.now())
  const made = await start(at, { port, days: 3, seed: 4, baud: 0, exitWithParent: true })
  const { wh } = await readOverLine(port, before - 200, 250)
  const first = Math.min(...wh.keys())
  assert.is(first % 48, 0)
  assert.ok(Math.floor(before / 48) - first / 48 <= 3)
  for (let halfHour = first; halfHour <= made.ready.lastHalfHour; halfHour++) {
    assert.is(wh.get(halfHour), householdWh(4, halfHour))
  }
  made.child.stdin!.end()
  assert.equal(await made.ended, [0, null])
})

test('missing time is filled from the end of the log, or left as a gap on request', async () => {
  provision(at)
  const now = halfHourOf(Date.now())
  const file = openFlashFile(flash, geometry)
  const boardClock = { nowMs: 0 }
  const board = createEmulatedBoard({
    flash: file,
    clock: () => boardClock.nowMs,
    load: () => 50,
    pulsesPerKwh: 1000,
    send: () => {},
    baud: 0,
    timers: systemTimers,
  })
  for (const _ of runLoad({ boardClock, board, createMeter, from: now - 100, to: now - 60 })) {
    // Each turn is a day of half-hours.
  }
  file.close()
  const kept = readFileSync(flash)
  const port = `unix://${join(folder, 'm.sock')}`

  const gap = await start(at, { port, catchUp: false }, 'ipc')
  assert.is(gap.ready.lastHalfHour, now - 61)
  gap.child.disconnect()
  assert.equal(await gap.ended, [0, null])

  writeFileSync(flash, kept)
  const full = await start(at, { port, seed: 8 })
  const { wh } = await readOverLine(port, now - 100, 110)
  for (let halfHour = now - 100; halfHour <= full.ready.lastHalfHour; halfHour++) {
    assert.is(wh.get(halfHour), halfHour < now - 60 ? 50 : householdWh(8, halfHour))
  }
  full.child.kill('SIGINT')
  assert.equal(await full.ended, [0, null])
})

test.run()

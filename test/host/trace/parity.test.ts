// Two meters side by side, as a user compares them: exit codes, the table, and a recording of it played again.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath } from '../../support/bench/cli.ts'
import { createMeterFolder, type MeterFolder, provision, start } from '../../support/bench/meter-command.ts'

const test = suite('parity')
const eui = '00-DB-12-34-56-78-90-A0'
const folders: MeterFolder[] = []
test.after(() => {
  for (const folder of folders) folder.remove()
})

function keyFile(key: string): string {
  const path = freshPath()
  writeFileSync(path, key, { mode: 0o600 })
  return path
}

/** A meter of its own process with a household's days, and its line. */
async function meter(options: Record<string, unknown>): Promise<string> {
  const folder = createMeterFolder()
  folders.push(folder)
  provision(folder)
  const port = `unix://${join(folder.folder, 'line')}`
  await start(folder, { port, days: 40, seed: 3, ...options })
  return port
}

// biome-ignore lint/suspicious/noExplicitAny: lines of JSON of several kinds
const lines = (out: string): any[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

test('equal meters are equal, and another one differs where it does; recorded, and replayed', async () => {
  const keys = keyFile('07'.repeat(32))
  const [a, b, other] = await Promise.all([meter({}), meter({}), meter({ seed: 4 })])
  const file = freshPath()
  const common = ['--device', eui, '--keys', keys]

  const same = await finished(['parity', '--port', a, '--port', b, ...common, '--record', file])
  assert.is(same.code, 0, same.out + same.err)
  assert.match(same.out, /\ninventory +\d+\.\d +\d+\.\d +\d+\.\d\d +\d+ {2}equal bytes\n/)
  assert.match(same.out, /\n13 months +[\d.]+ +[\d.]+ +\d+\.\d\d +\d{4,} {2}equal bytes\n/)
  assert.match(same.out, /\nclock .* equal; left out: utcMs \(time passes\)/)
  assert.match(same.out, /\nwake to awake .*\n\nno difference\n$/)

  const differs = await finished(['parity', '--port', a, '--port', other, ...common, '--json'])
  assert.is(differs.code, 1, differs.err)
  const rows = lines(differs.out)
  const row = (command: string) => rows.find((one) => one.command === command)
  assert.match(row('13 months').differences[0].field, /^\d{4}-\d\d-\d\d wh\[\d+\]$/)
  assert.is(row('13 months').sameBytes, false)
  assert.equal(row('inventory').differences, [])
  assert.is(rows.at(-1).result.different, rows.filter(({ differences }) => differences?.length > 0).length)
  assert.ok(rows.filter(({ tookMs }) => tookMs !== undefined).every(({ tookMs }) => tookMs[0] > 0 && tookMs[1] > 0))

  const again = await finished(['replay', file, '--port', a, '--keys', keys])
  assert.is(again.code, 0, again.out + again.err)
  assert.match(again.out, /answers compared \d+: all equal\n$/)
  const elsewhere = await finished(['replay', file, '--port', other, '--keys', keys])
  assert.is(elsewhere.code, 1, elsewhere.err)
  assert.match(elsewhere.out, /DIFFERS at \d{4}-\d\d-\d\d wh\[\d+\], byte \d+: recorded \d+, now \d+/)
})

test('mistakes: no second port, no such port, a key that is missing, or that of another meter', async () => {
  const keys = keyFile('07'.repeat(32))
  const nowhere = 'unix:///nowhere/at/all'
  const one = await finished(['parity', '--port', nowhere, '--device', eui, '--keys', keys])
  assert.is(one.code, 2)
  assert.match(one.err, /name two lines: --port A --port B/)
  const none = await finished(['parity', '--port', nowhere, '--port', `${nowhere}2`, '--device', eui, '--keys', keys])
  assert.is(none.code, 20)
  assert.match(none.err, /does not exist: is the meter running/)
  const noKeys = await finished([
    'parity',
    '--port',
    nowhere,
    '--port',
    `${nowhere}2`,
    '--device',
    eui,
    '--state',
    '/none',
  ])
  assert.is(noKeys.code, 3)
  const recording = freshPath()
  writeFileSync(recording, 'no recording')
  const replayed = await finished(['replay', recording, '--port', nowhere, '--keys', keys])
  assert.is(replayed.code, 1)
  assert.match(replayed.err, /is not a pcapng file/)
  assert.is((await finished(['replay', recording, '--keys', keys])).code, 2)
})

test.run()

// smets1 as a newcomer uses it.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatRequest } from '../../../host/duis/format.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { loadIdentity } from '../../../host/pki/test-pki.ts'
import { editJson, finished, freshPath, smets1, stopRunning } from '../../support/bench/cli.ts'
import { repositoryText } from '../../support/repository.ts'

const anyPort = ['--http-port', '0']
// A test that failed must not leave the port and the flash of the next one in use.
test.after.each(stopRunning)

function modes(directory: string, found: string[] = []): string[] {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) modes(path, found)
    else if (/\.key$|vault|cache-keys/.test(path)) found.push((statSync(path).mode & 0o777).toString(8))
  }
  return found
}

const state = freshPath()

test('up --once: a bench from nothing, read by a supplier and an MDR, which agree', async () => {
  const { code, out, err } = await finished(['up', '--once', '--state', state, ...anyPort])
  assert.is(code, 0, err)
  assert.match(out, /new bench/)
  assert.match(out, /Both agree: 49 half-hours/)
  assert.match(
    out,
    /49 half-hours from the meter, 0 from the cache\n {2}cost to the meter: 1 wake-up, 1 session, \d+ bytes/,
  )
  assert.match(out, /0 half-hours from the meter, 49 from the cache\n {2}cost to the meter: none/)
  assert.is((out.match(/[▁▂▃▄▅▆▇█·]{48}/g) ?? []).length, 2)
  assert.is((statSync(state).mode & 0o777).toString(8), '700')
  const keys = modes(state)
  assert.ok(keys.length >= 7)
  assert.ok(
    keys.every((mode) => mode === '600'),
    keys.join(' '),
  )
})

test('a second start uses the same state, and the log goes on', async () => {
  const { code, out } = await finished(['up', '--once', '--state', state, ...anyPort])
  assert.is(code, 0)
  assert.match(out, /the bench that was there/)
  assert.match(out, /Both agree: 49 half-hours/)
})

test('up serves until it is stopped; read answers as table, csv, json and xml; then the meter is gone too', async () => {
  const up = smets1(['up', '--state', state, ...anyPort])
  await up.says('Ctrl-C stops')
  const url = /DUIS on (http:\S+)\/api/.exec(up.out())![1]!
  const pid = Number(/process (\d+)/.exec(up.out())![1])
  const read = (...args: string[]) => finished(['read', '4.8.1', '--state', state, '--url', url, ...args])
  const table = await read('--as', 'mdr')
  assert.is(table.code, 0, table.err)
  assert.match(table.out, /49 half-hours, \d+\.\d{3} kWh; 49 from the cache; I99 after \d+ ms/)
  const csv = await read('--format', 'csv')
  assert.is(csv.out.trim().split('\n').length, 50)
  const json = JSON.parse((await read('--json', '--as', 'network-operator')).out)
  assert.is(json.entries.length, 49)
  assert.is(csv.out.trim().split('\n')[1], `${json.entries[0].timestamp},${json.entries[0].wh},cache`)
  const xml = await read('--format', 'xml')
  assert.match(xml.out, /^<\?xml [^>]*>\s*<sr:Response [\s\S]*<\/sr:Response>\s*$/)
  const other = (...args: string[]) => finished(['read', ...args, '--state', state, '--url', url])
  const registers = await other('4.1.1', '--as', 'mdr')
  assert.match(registers.out, /active import register +\d+ Wh {2}\(\d+\.\d{3} kWh\)/)
  assert.match(registers.out, /reactive import register/)
  const daily = await other('4.6.1', '--format', 'csv')
  assert.match(daily.out, /^timestamp,import_wh,tou_1_wh,.*,tou_48_wh,source\n\d{4}-\d\d-\d\dT00:00:00Z,(\d+),\1,0,/)
  const both = JSON.parse((await other('4.8.3', '--as', 'other-user', '--json')).out)
  assert.equal(Object.keys(both.entries[0]), ['timestamp', 'wh', 'varh', 'source'])
  const never = await other('4.17', '--as', 'mdr', '--explain')
  assert.is(never.code, 1)
  assert.match(never.err, /E11[\s\S]*SMETS1 has no 4.17/)
  const refused = await read('--from', '1999-06-01', '--to', '1999-06-02', '--explain')
  assert.is(refused.code, 1)
  assert.match(refused.err, /E4[\s\S]*rule "registration"[\s\S]*1999-06-01/)
  up.child.kill('SIGINT')
  assert.is(await up.ended, 0, up.err())
  assert.throws(() => process.kill(pid, 0), 'the meter is still there')
  const gone = await read()
  assert.is(gone.code, 20)
  assert.match(gone.err, /is the bridge running/)
})

test('up --load: a file becomes the log of a new meter, defects and all', async () => {
  const file = freshPath()
  const rows = ['timestamp,kWh']
  const start = Date.UTC(2024, 0, 1)
  for (let i = 0; i < 10 * 48; i++) {
    if (i === 470) continue
    rows.push(`${new Date(start + i * 1800000).toISOString()},${i === 100 ? 'Null' : (0.1 + (i % 7) / 100).toFixed(3)}`)
  }
  rows.push(rows[5]!, '2024-01-03T00:10:00Z,0.2', '2024-01-03T01:00:00Z,-1')
  writeFileSync(file, rows.join('\n'))
  const { code, out, err } = await finished([
    'up',
    '--once',
    '--state',
    freshPath(),
    '--load',
    file,
    '--year-ends',
    ...anyPort,
  ])
  assert.is(code, 0, err)
  assert.match(err, /shifted by \d+ days/)
  assert.match(err, /Null/)
  assert.match(out, /47 of 48/, 'the gap stays a gap')
  const again = await finished(['up', '--once', '--state', state, '--load', file, ...anyPort])
  assert.is(again.code, 2)
  assert.match(again.err, /already has a log/)
  const none = await finished(['up', '--once', '--state', freshPath(), '--load', '/nowhere.csv', ...anyPort])
  assert.is(none.code, 2)
  assert.match(none.err, /nowhere/)
})

test('user errors are one sentence, with the exit code that the help lists', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  server.unref()
  const taken = String((server.address() as AddressInfo).port)
  const newer = freshPath()
  await finished(['up', '--once', '--state', newer, ...anyPort])
  writeFileSync(join(newer, 'state.json'), '{"version":99}')
  const half = freshPath()
  await finished(['up', '--once', '--state', half, ...anyPort])
  const registry = join(half, 'registry.json')
  writeFileSync(registry, readFileSync(registry, 'utf8').slice(0, 200))
  const cases: [string[], number, RegExp][] = [
    [['up', '--once', '--state', state, '--http-port', taken], 20, /taken by another program/],
    [['up', '--once', '--state', newer], 2, /version 99/],
    [['up', '--once', '--state', half, ...anyPort], 2, /registry\.json is not JSON/],
    [['validate', '--state', half], 2, /registry\.json/],
    [['up', '--once', '--state', '/proc/1'], 2, /not a state directory|cannot be read/],
    [['bridge', '--state', freshPath(), '--port', 'tcp://127.0.0.1:1'], 2, /smets1 up makes it/],
    [['bridge', '--state', state], 2, /--port/],
    [['up', '--htp-port', '1'], 2, /htp-port|htpPort/],
    [['read', '4.10', '--state', state], 2, /4\.8\.1 Read Active Import/],
    [['read', '8.2', '--state', state], 2, /4\.6\.1 Retrieve Import Daily/],
    [['read', '4.1.1', '--state', state, '--from', '2026-11-01'], 2, /takes no --from/],
    [['read', '4.8.1', '--state', state, '--as', 'nobody'], 2, /supplier/],
    [['read', '4.8.1', '--state', state, '--from', 'lately'], 2, /--from/],
    [['fly'], 2, /no command "fly"/],
  ]
  for (const [args, expected, said] of cases) {
    const { code, out, err } = await finished(args)
    assert.is(code, expected, `${args.join(' ')}: ${err}`)
    assert.match(out + err, said, args.join(' '))
    assert.not.match(err, /\n\s+at /, `${args.join(' ')} shows a stack`)
  }
  server.close()
})

test('access answers the what-if, pending lists what a User refused', async () => {
  const mine = freshPath()
  await finished(['up', '--once', '--state', mine, ...anyPort])
  editJson(join(mine, 'registry.json'), (registry) => {
    const rows = registry.registrations as { role: string; mpid: string; from: string; mpan: string }[]
    rows.push({ ...rows.find((row) => row.role === 'MDR')!, mpid: 'MDRB', from: '2026-07-01' })
  })
  const access = (from: string, to: string) =>
    finished(['access', '--state', mine, '--as', 'mdr', '--from', from, '--to', to])
  const before = await access('2026-06-29T23:00Z', '2026-06-30T23:00Z')
  assert.is(before.code, 0, before.err)
  assert.match(before.out, /^allowed: mdr .* MDRA .* Settlement Days 2026-06-29 to 2026-06-30/)
  const after = await access('2026-06-30T23:00Z', '2026-07-01T23:00Z')
  assert.is(after.code, 1)
  assert.match(after.out, /^refused with E4, rule "registration": on Settlement Day 2026-07-01 .* MDRB/)
  assert.match((await finished(['access', '--state', mine, '--srv', '9.9'])).err, /--srv is one of 4\.1\.1, .*, or all/)
  assert.match((await finished(['access', '--state', mine, '--srv', '8.2'])).out, /^allowed: supplier /)
  const all = await finished(['access', '--state', mine, '--srv', 'all', '--as', 'mdr', '--json'])
  const codes = (JSON.parse(all.out) as { srv: string; code: string }[]).map(({ srv, code }) => `${srv} ${code}`)
  // Only the import MPAN has another MDR now.
  assert.ok(codes.includes('4.8.1 E4') && codes.includes('4.8.3 I99') && codes.includes('5.1 I99'), codes.join(', '))

  assert.match((await finished(['pending', '--state', mine])).out, /every response was delivered/)
  const user = createServer((request, response) => void request.resume().on('end', () => response.writeHead(413).end()))
  await new Promise<void>((resolve) => user.listen(0, '127.0.0.1', resolve))
  user.unref()
  const callback = `http://127.0.0.1:${(user.address() as AddressInfo).port}/`
  editJson(join(mine, 'registry.json'), (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = callback
  })
  const bridge = smets1(['bridge', '--state', mine, '--port', 'tcp://127.0.0.1:1', '--json', ...anyPort])
  await bridge.says('"ready":true')
  const { url } = JSON.parse(bridge.out().split('\n')[0]!)
  const trusted = loadIdentity(join(mine, 'pki'), 'supplier')
  const dayMs = 86400000
  const today = Math.floor(Date.now() / dayMs) * dayMs
  const requestId = requestIdOf(trusted.eui, '00-DB-12-34-56-78-90-A0', BigInt(Date.now()))
  const period = { startMs: today - dayMs, endMs: today }
  const xml = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), trusted.signer)
  await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers: { 'content-type': 'application/xml' }, body: xml })
  let rows: { id: string; state: string; lastProblem: string }[] = []
  for (let i = 0; i < 40 && rows[0]?.state !== 'refused'; i++) {
    rows = JSON.parse((await finished(['pending', '--state', mine, '--json'])).out)
  }
  assert.equal(
    rows.map(({ id, state, lastProblem }) => ({ id, state, lastProblem })),
    [{ id: requestId.text, state: 'refused', lastProblem: 'HTTP 413' }],
  )
  bridge.child.kill('SIGINT')
  await bridge.ended
  user.close()
})

test('help and version', async () => {
  const help = await finished(['--help'])
  assert.is(help.code, 0)
  for (const word of ['up', 'meter', 'bridge', 'read', 'access', 'pending', 'validate', 'Exit codes'])
    assert.match(help.out, word)
  const version = await finished(['--version'])
  assert.ok(version.out.includes(JSON.parse(repositoryText('package.json')).version), version.out)
  const validate = await finished(['validate', '--state', state])
  assert.is(validate.code, 0, validate.out)
})

test.run()

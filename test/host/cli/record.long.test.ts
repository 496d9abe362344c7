// The record of a running bridge, and parties that change under it, as an operator sees them.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, type Run, smets1 } from '../../support/bench/cli.ts'
import { until } from '../../support/until.ts'

const state = freshPath()
const mpan = '1234567890126'
const anyPort = ['--http-port', '0']

const mine = (...args: string[]) => finished([...args, '--state', state])
let up: Run
let url = ''

/** A line of the trail that says that a registry was loaded, or refused. */
const registryLoaded = /^g/gm
const registryRefused = /^h/gm

const countIn = (path: string, line: RegExp) =>
  existsSync(path) ? (readFileSync(path, 'utf8').match(line)?.length ?? 0) : 0

/** Waits until a file holds a text as often as wanted. */
async function holds(path: string, line: RegExp, times: number): Promise<void> {
  await until(() => countIn(path, line) >= times, `${line}, ${times} times, in ${path}`)
}

test.before(async () => {
  up = smets1(['up', '--state', state, '--days', '3', '--metrics-port', '0', ...anyPort])
  await up.says('Ctrl-C stops')
  url = /DUIS on (http:\S+)\/api/.exec(up.out())![1]!
})

test('the trail of the first two reads: intact, one line an event, a party sees its own', async () => {
  const verified = await mine('audit', '--verify', '--json')
  assert.is(verified.code, 0, verified.out)
  const { ok, records, head } = JSON.parse(verified.out)
  assert.ok(ok && records >= 9 && /^\d+:[0-9a-f]{64}$/.test(head))
  assert.is((await mine('audit', '--verify', '--anchor', head)).code, 0)
  assert.is((await mine('audit', '--verify', '--anchor', `1:${'0'.repeat(64)}`)).code, 1)
  assert.is((await mine('audit', '--verify', '--anchor', 'x')).code, 2)
  const all = (await mine('audit', '--json')).out.trim().split('\n')
  const events = all.map((line) => JSON.parse(line).event)
  assert.equal(events.slice(0, 2), ['started', 'registry'])
  assert.is(events.filter((event) => event === 'delivered').length, 2)
  const own = await mine('audit', '--as', 'mdr')
  assert.match(own.out, /accepted: .*role MDR.*\n.*answered: .*49c/)
  assert.not.match(own.out, /90-B3-D5-1F-30-01-00-00/)
  assert.is((await mine('audit', '--as', 'nobody')).code, 2)
  assert.match(
    (await mine('audit', '--srv', '4.8.1', '--device', '00-DB-12-34-56-78-90-A0', '--user', 'supplier')).out,
    /device read/,
  )
  assert.is((await mine('audit', '--from', '2099-01-01')).out, '')
})

test('the log names no MPAN', () => {
  assert.not.match(readFileSync(join(state, 'bridge.log'), 'utf8'), new RegExp(mpan))
})

test('metrics, health and totals of the running bridge; the same totals from the trail', async () => {
  const metricsUrl = /metrics: (http:\/\/127\.0\.0\.1:\d+)\/metrics/.exec(up.out())![1]!
  const metrics = await (await fetch(`${metricsUrl}/metrics`)).text()
  assert.match(metrics, /smets1_requests_total\{srv="4\.8\.1",code="I99"\} 2\n/)
  assert.match(metrics, /smets1_acknowledgement_seconds_count 2\n/)
  assert.match(metrics, /smets1_pending_responses 0\n/)
  assert.is((await fetch(`${metricsUrl}/readyz`)).status, 200)
  const running = JSON.parse((await mine('stats', '--url', metricsUrl, '--json')).out)
  const { now, ...totals } = running
  assert.equal(now, { unanswered: 0, pending: 0 })
  assert.equal(JSON.parse((await mine('stats', '--json')).out), totals)
  assert.match((await mine('stats', '--trail')).out, /reads saved +1: 1 wake-ups/)
  assert.is((await mine('stats', '--url', 'http://127.0.0.1:1')).code, 20)
})

test('completeness of a settlement day: plot, csv, json', async () => {
  // In summer time yesterday's settlement day begins before the UTC day that was read.
  const plot = await mine('completeness', '--as', 'mdr')
  assert.is(plot.code, 0, plot.err)
  assert.match(plot.out, /^\d{4}-\d\d-\d\d active-import [▒·]{46,50} +(complete|incomplete), \d\d periods: \d\d cache/)
  const csv = (await mine('completeness', '--format', 'csv')).out.trim().split('\n')
  assert.ok([47, 49, 51].includes(csv.length))
  assert.match(csv[1]!, /^\d{4}-\d\d-\d\d,1,\S+Z,active-import,(meter|missing)$/)
  const [report] = JSON.parse((await mine('completeness', '--json', '--mpan', mpan)).out)
  assert.is(report.counts.meter >= 46, true)
  assert.is((await mine('completeness', '--day', '2020-01-01', '--strict')).code, 1)
  for (const wrong of [
    ['--day', 'x'],
    ['--mpan', '1'],
    ['--format', 'x'],
    ['--day', '2026-01-02', '--to', '2026-01-01'],
  ])
    assert.is((await mine('completeness', ...wrong)).code, 2, wrong.join(' '))
})

test('import: a running bridge takes the new registry up; a wrong one changes nothing', async () => {
  const read = () => finished(['read', '4.8.1', '--as', 'mdr', '--state', state, '--url', url, '--explain'])
  assert.is((await read()).code, 0)
  const trail = join(state, 'audit', 'audit-000001.log')
  const before = countIn(trail, registryLoaded)
  const change = join(state, 'change.csv')
  writeFileSync(change, `mpan,role,mpid,efd,etd\n${mpan},MDR,MDRB,2000-01-01,\n`)
  assert.is((await mine('import', change, '--merge')).code, 0)
  await holds(trail, registryLoaded, before + 1)
  const refused = await read()
  assert.is(refused.code, 1)
  assert.match(refused.err, /E4/)
  assert.not.match(refused.err, /MDRB/, 'a User is told nothing of another party')
  const registry = readFileSync(join(state, 'registry.json'), 'utf8')
  writeFileSync(join(state, 'registry.json'), registry.slice(0, 100))
  await holds(trail, registryRefused, 1)
  assert.match((await read()).err, /registry\.json is not JSON/)
  writeFileSync(join(state, 'registry.json'), registry)
  await holds(trail, registryLoaded, before + 2)
  assert.match((await read()).err, /E4/)
})

test('a service reads its files again on SIGHUP', async () => {
  up.child.kill('SIGINT')
  assert.is(await up.ended, 0)
  const bridge = smets1(['bridge', '--state', state, '--port', 'tcp://127.0.0.1:1', '--json', ...anyPort])
  await bridge.says('"ready":true')
  const trail = join(state, 'audit', 'audit-000001.log')
  const before = countIn(trail, registryLoaded)
  bridge.child.kill('SIGHUP')
  await holds(trail, registryLoaded, before + 1)
  bridge.child.kill('SIGTERM')
  assert.is(await bridge.ended, 0)
  assert.is((await mine('audit', '--verify')).code, 0)
})

test.run()

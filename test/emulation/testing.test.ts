// The library as a test suite uses it: `smets1/testing`.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProgramError, startBench } from '../../emulation/testing.ts'
import { exitCode } from '../../host/state/errors.ts'

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.unreachable('it should have been refused'),
    (error: unknown) => error,
  )
}

const sum = (entries: { wh?: number }[]) => entries.reduce((total, { wh = 0 }) => total + wh, 0)

test('a read: typed half-hours with their sources, on virtual time', async () => {
  await using bench = await startBench()
  const read = { as: 'mdr', from: '2026-11-21', to: '2026-11-22' }
  const first = await bench.read('4.8.1', read)
  assert.is(first.acknowledgement, 'I99')
  assert.is(first.code, 'I0')
  assert.is(first.entries.length, 49)
  assert.is(first.entries[0]?.at, '2026-11-21T00:00:00Z')
  assert.is(first.entries.at(-1)?.at, '2026-11-22T00:00:00Z')
  assert.ok(first.entries.every(({ source }) => source === 'meter'))
  assert.ok(first.tookMs > 0)
  assert.match(first.xml, /SMETS1SignedResponse/)
  const second = await bench.read('4.8.1', read)
  assert.ok(second.entries.every(({ source }) => source === 'cache'))
  assert.is(sum(second.entries), sum(first.entries))
  assert.is(bench.received('mdr').length, 2)
  assert.is(bench.received('supplier').length, 0)
})

test('other reads: daily, registers, reactive and export', async () => {
  await using bench = await startBench({ days: 3 })
  const daily = await bench.read('4.6.1', { as: 'mdr' })
  assert.is(daily.dailyReads.length, 2)
  const registers = await bench.read('4.1.1')
  assert.is(registers.registers?.activeWh, bench.meter.importWh())
  const exports = await bench.read('4.8.3', { as: 'mdr' })
  assert.is(exports.code, 'I0')
  assert.ok(sum(exports.entries) > 0)
})

test('time passes: the meter goes on counting, and schedules, cache and clock follow', async () => {
  await using bench = await startBench({ days: 2 })
  const before = bench.meter.importWh()
  await bench.clock.advance('25h')
  assert.is(new Date(bench.clock.nowMs()).toISOString(), '2026-11-23T01:10:00.000Z')
  const { entries } = await bench.read('4.8.1', { from: '2026-11-22T00:30Z', to: '2026-11-23' })
  assert.is(entries.length, 48)
  assert.ok(bench.meter.importWh() - before >= sum(entries))
  await bench.clock.to('2026-11-23T02:00Z')
  assert.is(bench.clock.nowMs(), Date.UTC(2026, 10, 23, 2))
  assert.instance(await rejection(bench.clock.to('2026-11-23')), ProgramError)
})

test('readings given: past, future, missing half-hours, a file', async () => {
  await using bench = await startBench({ days: 2 })
  await bench.read('4.8.1')
  const wh = Array.from({ length: 52 }, (_, i) => (i === 10 ? null : 100 + i))
  assert.equal(await bench.meter.load({ from: '2026-11-21', wh }), { halfHours: 51, wh: 51 * 100 + 51 * 26 - 10 })
  const past = await bench.read('4.8.1', { from: '2026-11-21T00:30Z', to: '2026-11-22' })
  assert.is(past.code, 'I0')
  assert.is(past.entries.length, 47)
  assert.equal([past.entries[0]?.wh, past.entries.at(-1)?.wh], [100, 147])
  assert.not(past.entries.some(({ at }) => at === '2026-11-21T05:30:00Z'))
  await bench.clock.to('2026-11-22T02:05Z')
  const rest = await bench.read('4.8.1', { from: '2026-11-22T00:30Z', to: '2026-11-22T02:00Z' })
  assert.equal(
    rest.entries.map((entry) => entry.wh),
    [148, 149, 150, 151],
  )
  const folder = mkdtempSync(join(tmpdir(), 'smets1-readings-'))
  const file = join(folder, 'readings.csv')
  const rows = Array.from(
    { length: 96 },
    (_, i) => `${new Date(Date.UTC(2013, 0, 1) + i * 1800000).toISOString()},0.25`,
  )
  writeFileSync(file, `start,kwh\n${rows.join('\n')}\n`)
  assert.equal(await bench.meter.load(file, { yearEnds: true }), { halfHours: 96, wh: 24000 })
  const { entries } = await bench.read('4.8.1', { from: '2026-11-21T00:30Z', to: '2026-11-22' })
  assert.equal([entries.length, sum(entries)], [48, 12000])
  rmSync(folder, { recursive: true })
})

test('faults of the meter and the line', async () => {
  await using bench = await startBench({ days: 2 })
  bench.meter.silent()
  const silent = await bench.read('4.8.1')
  assert.not(silent.code === 'I0')
  assert.is(silent.entries.length, 0)
  assert.ok(silent.explanation)
  bench.meter.silent(false)
  assert.is((await bench.read('4.8.1')).code, 'I0')
  bench.meter.reboot()
  bench.line.noise({ loss: 0.001, flip: 0.001 })
  assert.is((await bench.read('4.8.1', { from: '2026-11-20T12:00Z' })).code, 'I0')
  bench.line.noise({})
  bench.line.unplug()
  assert.not((await bench.read('4.1.1')).code === 'I0')
  bench.line.plug()
  await bench.clock.advance('1m')
  assert.is((await bench.read('4.1.1')).code, 'I0')
  await bench.clock.to('2026-11-22T01:00Z')
  bench.meter.powerCut('2h')
  assert.throws(() => bench.meter.importWh())
  await bench.clock.to('2026-11-22T06:05Z')
  const gap = await bench.read('4.8.1', { from: '2026-11-22T00:30Z', to: '2026-11-22T06:00Z' })
  assert.ok(gap.entries.length < 12)
  bench.meter.setClock(bench.clock.nowMs() + 90_000)
  assert.is((await bench.read('4.1.1')).code, 'I0')
})

test('callbacks refused: the bridge tries again, and the read waits', async () => {
  await using bench = await startBench({ days: 2 })
  bench.answerCallbacks('mdr', 503)
  const error = await rejection(bench.read('4.8.1', { as: 'mdr', timeout: '2m' }))
  assert.is((error as ProgramError).exitCode, exitCode.timedOut)
  assert.is(bench.received('mdr').length, 0)
  bench.answerCallbacks('mdr')
  await bench.clock.advance('15m')
  assert.is(bench.received('mdr')[0]?.code, 'I0')
})

test('a client of the caller: DUIS over HTTP, responses over HTTP', async () => {
  await using bench = await startBench({ days: 2 })
  const bodies: string[] = []
  let arrived = () => {}
  const first = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    bodies.push(Buffer.concat(parts).toString())
    response.writeHead(204).end()
    arrived()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const callback = `http://127.0.0.1:${(server.address() as AddressInfo).port}/duis`
  bench.addUser({ name: 'mine', roles: ['MDR'], mpid: 'MINE', callback, registeredFrom: '2026-11-02' })
  assert.ok(readdirSync(bench.pki).includes('mine.key'))
  const answer = await fetch(`${bench.url}/api/v1/serviceS`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: bench.request('4.8.1', { as: 'mine' }),
  })
  assert.match(await answer.text(), /<sr:ResponseCode>I99</)
  await first
  assert.match(bodies[0] ?? '', /<sr:ResponseCode>I0</)
  assert.is((await bench.read('4.8.1', { as: 'mine' })).code, 'I0')
  assert.is(bodies.length, 2)
  assert.is(bench.received('mine').length, 2)
  server.closeAllConnections()
  server.close()
})

test('a User who is not registered is refused; a new supplier takes over', async () => {
  await using bench = await startBench({ days: 2 })
  bench.addUser({ name: 'next', roles: ['IS'], mpid: 'SUPB', registeredFrom: '2026-11-23' })
  const early = await bench.read('4.1.1', { as: 'next' })
  assert.is(early.acknowledgement, early.code)
  assert.not(early.code === 'I0')
  await bench.clock.to('2026-11-23T01:00Z')
  assert.is((await bench.read('4.1.1', { as: 'next' })).code, 'I0')
  assert.not((await bench.read('4.1.1')).code === 'I0')
})

test('a User with a mailbox', async () => {
  await using bench = await startBench({ days: 2 })
  bench.addUser({ name: 'curl', roles: ['OU'], mailbox: true })
  const acknowledged = await fetch(`${bench.url}/api/v1/serviceS`, {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body: bench.request('4.8.1', { as: 'curl' }),
  })
  await bench.clock.advance('1m')
  const location = new URL(acknowledged.headers.get('location') ?? '', bench.url)
  const fetched = await fetch(location)
  assert.is(fetched.status, 200)
  assert.match(await fetched.text(), /<sr:ResponseCode>I0</)
  assert.instance(await rejection(bench.read('4.8.1', { as: 'curl' })), ProgramError)
})

test('several benches in one process, on virtual and real time', async () => {
  const benches = await Promise.all([
    startBench({ seed: 1 }),
    startBench({ seed: 2, at: '2025-06-02T10:20Z' }),
    startBench({ time: 'real', days: 2 }),
  ])
  const answers = await Promise.all(
    benches.flatMap((bench) => [bench.read('4.8.1'), bench.read('4.1.1', { as: 'supplier' })]),
  )
  assert.equal(
    answers.map(({ code }) => code),
    Array(6).fill('I0'),
  )
  assert.is(new Set(benches.map(({ url }) => url)).size, 3)
  assert.not.equal(answers[0]?.entries, answers[2]?.entries)
  assert.is(answers[2]?.entries[0]?.at, '2025-06-01T00:00:00Z')
  assert.ok(Math.abs((benches[2]?.clock.nowMs() ?? 0) - Date.now()) < 1000)
  await Promise.all(benches.map((bench) => bench.close()))
  for (const bench of benches) assert.throws(() => readdirSync(bench.pki))
})

test('the same seed gives the same answers, to the byte of the data', async () => {
  await using a = await startBench({ seed: 7 })
  await using b = await startBench({ seed: 7 })
  assert.equal((await a.read('4.8.1')).entries, (await b.read('4.8.1')).entries)
})

test('what cannot be used is refused with what, where and the fix', async () => {
  const refused = [
    () => startBench({ days: 0 }),
    () => startBench({ at: 'yesterday' }),
    () => startBench({ time: 'real', at: '2026-11-22' }),
    () => startBench({ config: { cachePolicy: 'none' as 'both-days' } }),
    () => startBench({ config: Object.fromEntries([['cachePolice', 'x']]) }),
    () => startBench({ load: '/nowhere/readings.csv' }),
    () => startBench({ load: { from: '2026-11-21T00:10Z', wh: [1] } }),
    () => startBench({ load: { from: '2026-11-21', wh: [1, -1] } }),
  ]
  for (const start of refused) assert.instance(await rejection(start()), ProgramError)
  await using bench = await startBench({ days: 1 })
  const taken = await rejection(startBench({ port: Number(new URL(bench.url).port) }))
  assert.is((taken as ProgramError).exitCode, exitCode.portUnavailable)
  const calls = [
    () => bench.read('4.8.9'),
    () => bench.read('4.8.1', { as: 'nobody' }),
    () => bench.read('4.1.1', { from: '2026-11-21' }),
    () => bench.read('4.8.1', { timeout: 'soon' }),
    async () => bench.received('nobody'),
    async () => bench.clock.advance('-1h'),
    async () => bench.addUser({ name: 'supplier', roles: ['OU'] }),
    async () => bench.addUser({ name: '../x', roles: ['OU'] }),
    async () => bench.addUser({ name: 'x', roles: ['XX'] }),
  ]
  for (const call of calls) assert.instance(await rejection(call()), ProgramError)
})

test.run()

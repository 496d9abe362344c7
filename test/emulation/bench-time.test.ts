// Virtual time of a whole bench, with requests over HTTP.

import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { esme } from '../../emulation/bench-parties.ts'
import { type Bench, startBench } from '../../emulation/testing.ts'
import { formatNonDeviceRequest } from '../../host/duis/format-non-device.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { testIdentities } from '../../host/pki/test-pki.ts'
import { dayMs } from '../../protocol/half-hour.ts'

const nowMs = (bench: Bench) => bench.clock.nowMs()

/** What happens at once takes some turns of the event loop, and HTTP a little real time. */
async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(isSo(), what)
}

async function post(bench: Bench, xml: string, service = 'serviceS') {
  const headers = { 'content-type': 'application/xml' }
  const response = await fetch(`${bench.url}/api/v1/${service}`, { method: 'POST', headers, body: xml })
  const text = await response.text()
  return { clock: response.headers.get('smets1-clock'), code: /ResponseCode>([^<]+)</.exec(text)?.[1] }
}

test('over HTTP a request moves the clock as far as it needs, and no further', async () => {
  await using bench = await startBench({ days: 2 })
  const startMs = nowMs(bench)
  const { code, clock } = await post(bench, bench.request('4.8.1'))
  assert.is(code, 'I99')
  assert.is(clock, `virtual ${new Date(startMs).toISOString()}`)
  await until(() => bench.received('supplier').length === 1, 'no response')
  const [answer] = bench.received('supplier')
  assert.is(answer?.code, 'I0')
  assert.ok(nowMs(bench) - startMs < 5000, `${nowMs(bench) - startMs} ms`)
  // Later ones, too: a response that is held back, and one whose request is to be carried out later.
  bench.faults.add({ effect: 'delay', ms: 60_000, count: 1 })
  await post(bench, bench.request('4.8.1'))
  await until(() => bench.received('supplier').length === 2, 'no delayed response')
  const movedMs = nowMs(bench) - startMs
  assert.ok(movedMs >= 60_000 && movedMs < 70_000, `${movedMs} ms`)
  assert.is((await post(bench, bench.request('4.8.1', { executionAt: nowMs(bench) + dayMs / 2 }))).code, 'I99')
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.ok(nowMs(bench) - startMs - movedMs < 1000, 'a future-dated request moved the clock')
  await bench.clock.advance('13h')
  assert.is(bench.received('supplier').length, 3)
})

test('no time passes while a request is on its way in', async () => {
  await using bench = await startBench({ days: 2 })
  const startMs = nowMs(bench)
  const xml = bench.request('4.8.1')
  const { hostname, port } = new URL(bench.url)
  const socket = connect(Number(port), hostname)
  const length = Buffer.byteLength(xml)
  socket.write(
    `POST /api/v1/serviceS HTTP/1.1\r\nhost: bench\r\ncontent-type: application/xml\r\ncontent-length: ${length}\r\n\r\n`,
  )
  socket.write(xml.slice(0, 100))
  await until(() => bench.clock.state().waitsFor.length > 0, 'the clock does not wait')
  assert.match(bench.clock.state().waitsFor[0] ?? '', /the User at \S+:\d+, whose POST \/api\/v1\/serviceS is open/)
  let hasArrived = false
  const advance = bench.clock.advance('1h').then((state) => {
    hasArrived = true
    return state
  })
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.is(nowMs(bench), startMs)
  assert.not.ok(hasArrived)
  socket.write(xml.slice(100))
  assert.is((await advance).now, new Date(startMs + 3_600_000).toISOString())
  // It was accepted before the hour passed.
  const [answer] = bench.received('supplier')
  assert.ok((answer?.atMs ?? 0) < startMs + 60_000)
  socket.destroy()
})

/** What a User is sent of a daily schedule, with the instants. */
async function scheduled(drive: (bench: Bench, untilMs: number) => Promise<unknown>) {
  await using bench = await startBench({ days: 2, seed: 3 })
  const startMs = nowMs(bench)
  const schedule = {
    frequency: 'Daily' as const,
    startDay: Math.floor(startMs / dayMs) + 1,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: esme,
    readName: 'DSPReadActiveImportProfileData' as const,
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
  }
  for (const name of ['supplier', 'mdr'] as const) {
    const id = requestIdOf(testIdentities[name].eui, testIdentities.dsp.eui, 1n)
    const xml = bench.sign(formatNonDeviceRequest(id, { variant: '5.1', schedule }), name)
    assert.is((await post(bench, xml, 'serviceD')).code, 'I0')
  }
  assert.is(nowMs(bench), startMs)
  const untilMs = startMs + 3 * dayMs
  await drive(bench, untilMs)
  return ['supplier', 'mdr'].map((name) =>
    bench
      .received(name)
      .filter(({ atMs }) => atMs <= untilMs)
      .map(({ code, entries, atMs }) => ({ code, entries, atMs })),
  )
}

test('schedules give the same at the same instants at every speed', async () => {
  const jumped = await scheduled((bench, untilMs) => bench.clock.to(untilMs))
  assert.equal(
    jumped.map((list) => list.map(({ code, entries }) => `${code} ${entries.length}`)),
    [
      ['I0 49', 'I0 49'],
      ['I0 49', 'I0 49'],
    ],
  )
  const ran = await scheduled(async (bench, untilMs) => {
    bench.clock.scale(1_000_000)
    await until(() => nowMs(bench) >= untilMs, 'it does not run')
    bench.clock.stop()
  })
  assert.equal(ran, jumped)
})

test.run()

// The model of the DCO on virtual time: its queue, its workers, its rate and its stalls, exactly.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createBench } from '../../emulation/bench.ts'
import { createDcoModel } from '../../emulation/dco-model.ts'
import { createRandom } from '../../emulation/random.ts'
import { createVirtualClock } from '../../emulation/virtual-clock.ts'
import type { DcoEvent } from '../../host/dco/dco-model.ts'
import { type DcoSettings, readDcoSettings } from '../../host/dco/dco-settings.ts'
import { createDco } from '../../host/dco/sealer.ts'

function settings(value: unknown): DcoSettings {
  const read = readDcoSettings(value)
  if (!read.ok || read.settings === undefined) throw new Error(JSON.stringify(read))
  return read.settings
}

const startMs = Date.UTC(2026, 10, 22)

/** `calls` calls at once. @returns when each ended, or what it failed with */
async function endsOf(calls: number, value: unknown, act?: (model: ReturnType<typeof createDcoModel>) => void) {
  const clock = createVirtualClock(startMs)
  const model = createDcoModel(clock, value === undefined ? undefined : settings(value))
  const events: DcoEvent[] = []
  const plain = createDco({ key: () => new Uint8Array(32) }, createRandom(1).bytes)
  const dco = model.attach(plain, (event) => void events.push(event))
  act?.(model)
  const all = Array.from({ length: calls }, () => {
    const session = dco.open('00-DB-12-34-56-78-90-A0')!
    // The choice of the nonce is no call.
    assert.is(session.hostNonce.length, 8)
    session.bind(1, 1)
    return session.sealAsk(Uint8Array.of(1)).then(
      () => clock.nowMs() - startMs,
      (error) => error.fault as string,
    )
  })
  const ends = await clock.run(Promise.all(all))
  return { ends, events }
}

test('workers, rate, jitter and queue: calls end when they must, in the order in which they came', async () => {
  assert.equal((await endsOf(3, undefined)).ends, [0, 0, 0])
  assert.equal((await endsOf(5, { latencyMs: 100, workers: 2 })).ends, [100, 100, 200, 200, 300])
  assert.equal((await endsOf(4, { latencyMs: 10, callsPerSecond: 2 })).ends, [10, 510, 1010, 1510])
  assert.equal((await endsOf(5, { latencyMs: 100, workers: 1, queueMax: 2 })).ends, [
    100,
    200,
    300,
    'DCO too slow',
    'DCO too slow',
  ])
  const jitter = [
    (await endsOf(50, { latencyMs: 100, jitterMs: 200 })).ends,
    (await endsOf(50, { latencyMs: 100, jitterMs: 200 })).ends,
  ]
  assert.equal(jitter[0], jitter[1])
  assert.ok(jitter[0]!.every((ms) => typeof ms === 'number' && ms >= 100 && ms <= 300))
  assert.ok(new Set(jitter[0]).size > 20)
})

test('stalls, regular and ordered, hold everything up; calls of over 4 s are reported', async () => {
  // A stall begins with each tenth minute: the start of the run is one.
  const regular = await endsOf(2, { latencyMs: 100, workers: 1, stallEveryMinutes: 10, stallMs: 5000 })
  assert.equal(regular.ends, [5100, 5200])
  assert.equal(
    regular.events.map(({ what }) => what),
    ['late', 'late'],
  )
  const ordered = await endsOf(2, { latencyMs: 100 }, (model) => model.stall(3000))
  assert.equal(ordered.ends, [3100, 3100])
  assert.equal(ordered.events, [])
})

test('in the bridge a call of over 4 s is counted; when it is set, it fails the read', async () => {
  for (const late of ['counted', 'fails'] as const) {
    const bench = await createBench({ config: { dco: settings({ latencyMs: 4500, late }) } })
    await bench.ask('mdr')
    const read = bench.trail.find((event) => event.event === 'device read')
    assert.ok(read?.event === 'device read' && read.dcoSlow > 0)
    assert.is(bench.answers[0]!.code === 'I0', late === 'counted', `${late} ${bench.answers[0]!.code}`)
    // The call itself ends later than the read that it failed.
    await bench.clock.pass(1000)
    assert.ok(bench.log.some(({ event }) => event === 'dco late'))
    bench.models.dco.change(undefined)
    await bench.ask('mdr')
    assert.is(bench.answers.at(-1)!.code, 'I0')
    await bench.clock.run(bench.bridge().stop())
  }
})

test('settings that are wrong are refused with their place', () => {
  const cases: [unknown, RegExp][] = [
    [1, /must be object/],
    [{ workers: 1.5 }, /\/workers/],
    [{ late: 'maybe' }, /\/late/],
    [{ priority: 'MDR' }, /additional properties: priority/],
    [{ stallEveryMinutes: 1, stallMs: 60_000 }, /shorter/],
  ]
  for (const [value, said] of cases) {
    const read = readDcoSettings(value)
    assert.not.ok(read.ok)
    if (!read.ok) assert.match(read.detail, said)
  }
})

test.run()

// The model of the WAN in front of real firmware, on virtual time: what each setting costs, exactly.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createBench } from '../../emulation/bench.ts'
import { createFarEnd } from '../../emulation/far-end.ts'
import { createRandom } from '../../emulation/random.ts'
import { createVirtualClock } from '../../emulation/virtual-clock.ts'
import { createWanModel } from '../../emulation/wan-model.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { readHalfHours } from '../../host/wan/layouts.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createLineQueue } from '../../host/wan/line-queue.ts'
import { createMeterSessions } from '../../host/wan/meter-session.ts'
import { createLine } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { priority } from '../../host/wan/waiting-requests.ts'
import type { WanEvent } from '../../host/wan/wan-model.ts'
import type { WanPlace } from '../../host/wan/wan-place.ts'
import { readWanSettings, type WanSettings } from '../../host/wan/wan-settings.ts'

const nowMs = Date.UTC(2026, 10, 22, 0, 10)
const yesterday = Math.floor(nowMs / 86_400_000 - 1) * 48
const euiOf = (index: number) => `02-DB-12-34-00-00-00-${index.toString(16).padStart(2, '0').toUpperCase()}`

function settings(value: unknown): WanSettings {
  const read = readWanSettings(value)
  if (!read.ok || read.settings === undefined) throw new Error(JSON.stringify(read))
  return read.settings
}

/** Meters on lines of their own behind a model; the first half of them on CSP `one`, the others on `two`. */
function createWorld(meters: number, wan: unknown) {
  const clock = createVirtualClock(nowMs)
  const farEnd = createFarEnd({ timing: clock, baud: 0 })
  const key = createRandom(5).bytes(32)
  const places = new Map<string, WanPlace>()
  for (let i = 0; i < meters; i++) {
    farEnd.add({ eui: euiOf(i), key, energyOf: () => 10, sinceMs: nowMs - 2 * 86_400_000 })
    places.set(euiOf(i), { csp: i < meters / 2 ? 'one' : 'two', cohort: i % 2 === 0 ? 'even' : 'odd' })
  }
  const model = createWanModel(clock, wan === undefined ? undefined : settings(wan))
  const events: WanEvent[] = []
  const placeOf = (eui: string) => places.get(eui)!
  const openPort = model.attach(farEnd.openPort, { placeOf, report: (event) => void events.push(event) })
  const queue = createLineQueue({ lineRate: 0, cohortRate: () => 0, wan: model.limits, waits: model.waits }, clock)
  model.onChange(queue.limitsChanged)
  const sessions = createMeterSessions({ dco: createDco({ key: () => key }, createRandom(9).bytes), timing: clock })
  const lines = new Map(
    [...places.keys()].map((eui) => [eui, createLine(`sim:${eui}`, openPort, defaultLineLimits, clock)]),
  )

  /** Reads a day. @returns when it began and ended, counted from now, and what it cost; or the fault */
  async function read(index: number, deadlineMs = 3_600_000) {
    const eui = euiOf(index)
    const usage = noUsage()
    const startMs = clock.nowMs()
    const request = {
      line: eui,
      eui,
      place: placeOf(eui),
      priority: priority.onDemand,
      deadlineMs: startMs + deadlineMs,
    }
    const line = queue.forRequest(lines.get(eui)!, request)
    let begunMs = Number.NaN
    const began = {
      ...line,
      use: <T>(of: typeof usage, run: Parameters<typeof line.use<T>>[1]) =>
        line.use<T>(of, (turn) => {
          begunMs = clock.nowMs() - startMs
          return run(turn)
        }),
    }
    const outcome = await sessions
      .withSession(began, eui, { deadlineMs: startMs + deadlineMs, usage }, (conversation) =>
        readHalfHours(conversation, 0, yesterday, 48),
      )
      .then(
        (found) => found.length,
        (error) => error.fault as string,
      )
    return { outcome, begunMs, endMs: clock.nowMs() - startMs, usage }
  }
  return { clock, model, events, read }
}

test('at an SMS delay of 20 s a read costs exactly one SMS, also when the delay varies and after quick ones', async () => {
  for (const all of [{ smsDelayMs: 20_000 }, { smsDelayMs: 2000, smsJitterMs: 18_000 }]) {
    const world = createWorld(6, { all })
    for (let round = 0; round < 4; round++) {
      const reads = await world.clock.run(Promise.all([0, 1, 2, 3, 4, 5].map((index) => world.read(index))))
      for (const { outcome, usage, endMs } of reads) {
        assert.is(outcome, 48)
        assert.is(usage.wakeUps, 1)
        assert.is(usage.sessions, 1)
        assert.ok(endMs >= all.smsDelayMs && endMs < 21_000, String(endMs))
      }
    }
    assert.is(world.events.length, 24)
  }
})

test('through the whole bridge a read at 20 s costs one SMS; without the model it is quick', async () => {
  const bench = await createBench({ config: { wan: settings({ all: { smsDelayMs: 20_000 } }) } })
  await bench.ask('mdr')
  const slow = bench.trail.find((event) => event.event === 'device read')
  assert.ok(slow?.event === 'device read')
  assert.is(slow.wakeUps, 1)
  assert.ok(bench.answers[0]!.tookMs >= 20_000)
  assert.is(bench.log.filter(({ event }) => event === 'wan sms delayed').length, 1)
  // Changed while it runs: the next read, of another day, is quick.
  bench.models.wan.change(undefined)
  const day = { startMs: nowMs - 600_000 - 3 * 86_400_000, endMs: nowMs - 600_000 - 2 * 86_400_000 }
  await bench.ask('mdr', { period: day })
  assert.ok(bench.answers[1]!.tookMs < 1000, String(bench.answers[1]!.tookMs))
  await bench.clock.run(bench.bridge().stop())
})

test('lost SMS are sent again after the wait of the cohort; the same seed loses the same ones', async () => {
  const wan = { seed: 7, all: { smsDelayMs: 5000 }, cohorts: { odd: { smsLoss: 0.5 } } }
  const runs = await Promise.all(
    [0, 1].map(async () => {
      const world = createWorld(8, wan)
      const reads = await world.clock.run(Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((index) => world.read(index))))
      for (const [index, { outcome, usage }] of reads.entries()) {
        assert.is(outcome, 48)
        if (index % 2 === 0) assert.is(usage.wakeUps, 1)
      }
      const lost = world.events.filter(({ what }) => what === 'sms lost').length
      assert.ok(lost > 0)
      assert.is(
        reads.reduce((sum, { usage }) => sum + usage.wakeUps, 0),
        8 + lost,
      )
      return world.events
    }),
  )
  assert.equal(runs[0], runs[1])
})

test('contexts of a CSP are never more than allowed, linger, and are given to the one that waited longest', async () => {
  const world = createWorld(8, { all: { smsDelayMs: 10_000 }, csps: { one: { contexts: 1, lingerMs: 5000 } } })
  const reads = await world.clock.run(Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((index) => world.read(index))))
  const begun = reads.map(({ begunMs }) => begunMs)
  // Half a minute for four: 10 s of SMS, the session itself, 5 s of lingering. The other CSP has no limit.
  assert.equal(begun.slice(4), [0, 0, 0, 0])
  for (let i = 1; i < 4; i++) {
    assert.is(Math.round(begun[i]!), Math.round(reads[i - 1]!.endMs + 5000), `${i}`)
  }
  const { outcome } = reads[3]!
  assert.is(outcome, 48)
})

test('calls and SMS a second space sessions exactly, and a change while they wait counts at once', async () => {
  const world = createWorld(8, { csps: { one: { callsPerSecond: 0.5 } }, cohorts: { odd: { smsPerSecond: 0.1 } } })
  const reads = await world.clock.run(Promise.all([0, 2, 5, 7].map((index) => world.read(index))))
  // 0 and 2 are of CSP one; 5 and 7 of CSP two, both odd.
  assert.equal(
    reads.map(({ begunMs }) => begunMs),
    [0, 2000, 0, 10_000],
  )
  const waiting = Promise.all([1, 3].map((index) => world.read(index)))
  await world.clock.pass(1000)
  world.model.change(undefined)
  const [, second] = await world.clock.run(waiting)
  assert.ok(second!.begunMs <= 10_000)
})

test('latency and data rate of a context cost exactly what they say', async () => {
  const quick = createWorld(2, undefined)
  const plain = await quick.clock.run(quick.read(0))
  const slow = createWorld(2, { all: { latencyMs: 100, bitsPerSecond: 9600 } })
  const read = await slow.clock.run(slow.read(0))
  assert.is(read.outcome, 48)
  assert.is(read.usage.wakeUps, 1)
  assert.is(read.usage.asks, plain.usage.asks)
  // Wake, awake, ask and answer: four times the latency, and the bytes of all four at 9,600 bit/s.
  const sleepBytes = 3 + 16 + 2 + 4
  const bytes = read.usage.bytesOut + read.usage.bytesIn - sleepBytes
  const wantedMs = 4 * 100 + (bytes * 8000) / 9600
  assert.ok(Math.abs(read.endMs - plain.endMs - wantedMs) < 6, `${read.endMs} ${wantedMs}`)
})

test('out of reach: by share always the same meters, by spell now one and now another', async () => {
  const always = createWorld(40, { seed: 3, all: { unreachableShare: 0.25 } })
  const all = Array.from({ length: 40 }, (_, index) => index)
  const failed: number[][] = []
  for (let round = 0; round < 2; round++) {
    const reads = await always.clock.run(Promise.all(all.map((index) => always.read(index, 60_000))))
    failed.push(all.filter((index) => reads[index]!.outcome === 'no awake'))
  }
  assert.equal(failed[0], failed[1])
  assert.ok(failed[0]!.length >= 4 && failed[0]!.length <= 18, String(failed[0]!.length))

  const spells = createWorld(40, { seed: 3, all: { unreachableShare: 0.25, unreachableMinutes: 60 } })
  const first = await spells.clock.run(Promise.all(all.map((index) => spells.read(index, 60_000))))
  await spells.clock.pass(3 * 3_600_000)
  const later = await spells.clock.run(Promise.all(all.map((index) => spells.read(index, 60_000))))
  const out = (reads: typeof first) => all.filter((index) => reads[index]!.outcome === 'no awake')
  assert.ok(out(first).length > 0 && out(later).length > 0)
  assert.ok(out(first).some((index) => !out(later).includes(index)))
})

test('settings that are wrong are refused with their place', () => {
  const cases: [unknown, RegExp][] = [
    [[], /must be object/],
    [{ csp: {} }, /additional properties: csp/],
    [{ all: { smsLoss: 2 } }, /\/all\/smsLoss/],
    [{ all: { smsDelayMs: -1 } }, /\/all\/smsDelayMs/],
    [{ cohorts: { a: { contexts: 5 } } }, /\/cohorts\/a.*contexts/],
    [{ csps: { a: { bitsPerSecond: '9600' } } }, /\/csps\/a\/bitsPerSecond/],
  ]
  for (const [value, said] of cases) {
    const read = readWanSettings(value)
    assert.not.ok(read.ok)
    if (!read.ok) assert.match(read.detail, said)
  }
  assert.equal(readWanSettings(undefined), { ok: true, settings: undefined })
})

test.run()

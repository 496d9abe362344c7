// Faults of a bench by rule: what a User sees of each, with which requests it takes effect, and which rules are refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Bench, type FaultRule, type StartBenchOptions, startBench } from '../../emulation/testing.ts'
import { CommandError } from '../../host/state/errors.ts'

const options: StartBenchOptions = { days: 2 }

/** A bench with a rule. */
async function faulty(rule: FaultRule, more: StartBenchOptions = {}): Promise<Bench> {
  const bench = await startBench({ ...options, ...more })
  bench.faults.add(rule)
  return bench
}

const applied = (bench: Bench) => bench.faults.list().map((row) => row.applied)

test('delay: the response comes later', async () => {
  await using bench = await faulty({ effect: 'delay', ms: 60_000, count: 1 })
  const late = await bench.read('4.8.1')
  assert.is(late.code, 'I0')
  assert.ok(late.tookMs >= 60_000 && late.tookMs < 70_000, `${late.tookMs}`)
  assert.ok((await bench.read('4.8.1')).tookMs < 10_000)
})

test('after its target time', async () => {
  await using bench = await faulty({ effect: 'after target time', ms: 5_000 })
  const late = await bench.read('4.8.1')
  assert.is(late.code, 'I0')
  // 30 s on demand (4.1.4 of the impact assessment).
  assert.ok(late.tookMs >= 20_000 && late.tookMs < 60_000, `${late.tookMs}`)
})

test('a code at the acknowledgement, signed and on record, and the RequestID is used', async () => {
  await using bench = await faulty({ effect: 'refuse', code: 'E5', srv: '4.8.1' })
  const refused = await bench.read('4.8.1')
  assert.equal([refused.acknowledgement, refused.code], ['E5', 'E5'])
  assert.match(refused.explanation ?? '', 'a rule of the bench')
  assert.ok(bench.log.some(({ event, code }) => event === 'refused' && code === 'E5'))
  assert.is((await bench.read('4.1.1')).code, 'I0')
})

test('a code as the final answer: the meter is not woken', async () => {
  await using bench = await faulty({ effect: 'fail', code: 'E21' })
  const failed = await bench.read('4.8.1')
  assert.equal([failed.acknowledgement, failed.code], ['I99', 'E21'])
  assert.is(failed.entries.length, 0)
})

test('no answer, and answered twice', async () => {
  await using bench = await faulty({ effect: 'no answer', count: 1 })
  const error = await bench.read('4.8.1', { timeout: '2h' }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof CommandError && error.exitCode === 124)
  bench.faults.add({ effect: 'answer twice', count: 1 })
  await bench.read('4.8.1')
  await bench.clock.advance('10s')
  const [first, second, ...more] = bench.received('supplier')
  assert.is(more.length, 0)
  assert.is(first?.xml, second?.xml)
})

test('a callback that refuses is tried again; one that forbids is not', async () => {
  await using bench = await faulty({ effect: 'callback refused', count: 2 })
  const late = await bench.read('4.1.1')
  assert.is(late.code, 'I0')
  assert.ok(late.tookMs >= 6_000, `${late.tookMs}`)
  assert.equal(applied(bench), [2])
  bench.faults.reset()
  bench.faults.add({ effect: 'callback refused', status: 403 })
  assert.ok((await bench.read('4.1.1', { timeout: '1h' }).catch((thrown: unknown) => thrown)) instanceof CommandError)
  bench.faults.reset()
  bench.faults.add({ effect: 'callback refused', problem: 'connect ECONNREFUSED', count: 1 })
  assert.is((await bench.read('4.1.1')).code, 'I0')
  assert.ok(bench.log.some(({ problem }) => problem === 'connect ECONNREFUSED'))
})

test('a certificate that has expired is that of one User', async () => {
  await using bench = await faulty({ effect: 'certificate expired', user: 'mdr' })
  const refused = await bench.read('4.8.1', { as: 'mdr' })
  assert.match(refused.acknowledgement, /^E/)
  assert.match(refused.explanation ?? '', /valid|expired/)
  assert.is((await bench.read('4.8.1')).code, 'I0')
})

test('a meter that is silent, and one that is slow', async () => {
  await using bench = await startBench(options)
  const quick = await bench.read('4.1.1')
  bench.faults.add({ effect: 'meter slow', ms: 400, count: 1 })
  const slow = await bench.read('4.1.1')
  assert.is(slow.code, 'I0')
  assert.ok(slow.tookMs > quick.tookMs + 800, `${slow.tookMs} after ${quick.tookMs}`)
  bench.faults.add({ effect: 'meter silent', count: 1 })
  assert.is((await bench.read('4.1.1')).code, 'E20')
  assert.is((await bench.read('4.1.1')).code, 'I0')
})

test('noise on the line costs frames, and nothing else', async () => {
  await using bench = await faulty({ effect: 'line noise', flip: 0.01, seed: 7, count: 1 })
  const read = await bench.read('4.8.1')
  assert.is(read.code, 'I0')
  const answered = bench.log.find(({ event }) => event === 'answered') as { usage?: { framesDropped: number } }
  assert.ok((answered.usage?.framesDropped ?? 0) > 0, JSON.stringify(answered.usage))
})

test('a slow DCO: each call takes longer', async () => {
  await using bench = await faulty({ effect: 'DCO slow', ms: 1_000, count: 1 })
  const slow = await bench.read('4.1.1')
  assert.is(slow.code, 'I0')
  assert.ok(slow.tookMs > 3_000, `${slow.tookMs}`)
  assert.ok((await bench.read('4.1.1')).tookMs < 1_000)
})

test('a reboot and a power cut: the meter comes back with what it had', async () => {
  await using bench = await faulty({ effect: 'power cut', ms: 600_000, count: 1 })
  const before = bench.meter.importWh()
  assert.is((await bench.read('4.1.1')).code, 'E20')
  await bench.clock.advance('10m')
  const after = await bench.read('4.1.1')
  assert.is(after.code, 'I0')
  assert.ok((after.registers?.activeWh ?? 0) >= before)
  bench.faults.add({ effect: 'meter reboots', count: 1 })
  assert.is((await bench.read('4.1.1')).code, 'I0')
  assert.equal(applied(bench), [1, 1])
})

test('a clock that is wrong is set', async () => {
  await using bench = await faulty({ effect: 'clock wrong', seconds: 600, count: 1 }, { config: { setClock: 60 } })
  await bench.read('4.1.1')
  const set = bench.log.find(({ event }) => event === 'clock set') as { aheadMs?: number }
  assert.ok(Math.abs((set.aheadMs ?? 0) - 600_000) < 1_000, JSON.stringify(set))
})

test('half-hours without power are missing', async () => {
  await using bench = await faulty({ effect: 'half-hours missing', halfHours: 3, count: 1 })
  await bench.read('4.1.1')
  await bench.clock.to('2026-11-22T06:00Z')
  const { entries } = await bench.read('4.8.1', { from: '2026-11-22T00:30Z', to: '2026-11-22T05:30Z' })
  const missing = ['00:30', '01:00', '01:30', '02:00', '02:30', '03:00', '03:30'].filter(
    (at) => !entries.some((entry) => entry.at === `2026-11-22T${at}:00Z`),
  )
  // The one in which the power went, and the three after it.
  assert.equal(missing.slice(-3), ['01:00', '01:30', '02:00'])
})

test('half-hours are marked when the clock jumps, and their energy is kept', async () => {
  await using bench = await faulty({ effect: 'half-hours marked', count: 1 })
  const before = bench.meter.importWh()
  await bench.read('4.1.1')
  await bench.clock.advance('2h')
  assert.ok(bench.meter.importWh() > before)
  assert.is((await bench.read('4.1.1')).code, 'I0')
})

test('nth, count, User, device and variant choose the requests', async () => {
  await using bench = await startBench(options)
  const rule: FaultRule = {
    effect: 'fail',
    code: 'E21',
    user: 'mdr',
    device: bench.meter.eui,
    srv: '4.8.1',
    nth: 2,
    count: 1,
  }
  bench.faults.add(rule)
  const codes: string[] = []
  for (const [srv, as] of [
    ['4.8.1', 'supplier'],
    ['4.8.1', 'mdr'],
    ['4.6.1', 'mdr'],
    ['4.8.1', 'mdr'],
    ['4.8.1', 'mdr'],
  ] as const)
    codes.push((await bench.read(srv, { as })).code)
  assert.equal(codes, ['I0', 'I0', 'I0', 'E21', 'I0'])
  const [row] = bench.faults.list()
  assert.equal([row?.matched, row?.applied, row?.rule], [3, 1, rule])
})

test('a share of the requests, the same ones for the same seed', async () => {
  const run = async (seed: number) => {
    await using bench = await faulty({ effect: 'fail', code: 'E21', share: 0.5, seed })
    const codes: string[] = []
    for (let i = 0; i < 12; i++) codes.push((await bench.read('4.1.1')).code)
    return codes.join(' ')
  }
  const first = await run(3)
  assert.match(first, 'E21')
  assert.match(first, 'I0')
  assert.is(await run(3), first)
  assert.is.not(await run(4), first)
})

test('rules that cannot be are refused, and change nothing', async () => {
  await using bench = await startBench(options)
  const wrong: [object, RegExp][] = [
    [{ effect: 'delay' }, /needs ms/],
    [{ effect: 'delay', ms: 5, code: 'E21' }, /takes ms, not code/],
    [{ effect: 'no answer', ms: 5 }, /takes nothing more, not ms/],
    [{ effect: 'refuse', code: 'red' }, /code must match/],
    [{ effect: 'explode' }, /effect must be equal to one of/],
    [{ effect: 'fail', code: 'E21', user: 'nobody' }, /no User is called nobody/],
    [{ effect: 'certificate expired', srv: '4.8.1' }, /takes user/],
    [{ effect: 'line noise' }, /needs loss or flip/],
    [{ effect: 'line noise', loss: 2 }, /loss must be <= 1/],
    [{ effect: 'fail', code: 'E21', nth: 0 }, /nth must be >= 1/],
  ]
  for (const [rule, words] of wrong) {
    assert.throws(
      () => bench.faults.add(rule as FaultRule),
      (error: unknown) => {
        return error instanceof CommandError && words.test(error.message)
      },
    )
  }
  assert.equal(bench.faults.list(), [])
  const { id } = bench.faults.add({ effect: 'no answer' })
  assert.equal([bench.faults.remove(id), bench.faults.remove(id)], [true, false])
  assert.is(bench.faults.reset(), 0)
})

test.run()

// smets1 up on virtual time: processes, real HTTP, everything on disk.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { recordsOf } from '../../../host/audit/read-trail.ts'
import { isPkiValidAt } from '../../../host/pki/test-pki.ts'
import { finished, freshPath, smets1, stopRunning } from '../../support/bench/cli.ts'

const up = ['up', '--virtual-time', '--json', '--http-port', '0']
test.after.each(stopRunning)

interface Ready {
  url: string
  state: string
  clock: { now: string; scale: number }
}

async function started(state: string, ...args: string[]) {
  const process = smets1([...up, '--state', state, ...args])
  await process.says('"ready":true')
  const ready = JSON.parse(process.out().trim()) as Ready
  const clock = (...words: string[]) => finished(['clock', ...words, '--json', '--state', state])
  const read = async (...words: string[]) => {
    const { code, out, err } = await finished([
      'read',
      '4.8.1',
      '--json',
      '--url',
      ready.url,
      '--state',
      state,
      ...words,
    ])
    assert.is(code, 0, err)
    const { entries } = JSON.parse(out) as { entries: { timestamp: string; wh: number; source: string }[] }
    return { entries, sources: new Set(entries.map(({ source }) => source)) }
  }
  async function stop() {
    process.child.kill('SIGTERM')
    assert.is(await process.ended, 0, process.err())
  }
  return { ...process, ready, clock, read, stop }
}

const keysIn = (state: string) => readdirSync(join(state, 'cache-keys')).filter((name) => name.endsWith('.key'))
const state = freshPath()

test('MP256: read, read from the cache, advance 25 h; the key is gone, and the next read goes to the meter', async () => {
  const bench = await started(state, '--at', '2026-07-02T23:50+01:00')
  assert.is(bench.ready.clock.now, '2026-07-02T22:50:00.000Z')
  const first = await bench.read('--as', 'supplier')
  assert.is(first.entries.at(-1)?.timestamp, '2026-07-02T00:00:00Z')
  assert.equal(first.sources, new Set(['meter']))
  const second = await bench.read('--as', 'mdr')
  assert.equal(second.sources, new Set(['cache']))
  const shown = JSON.parse((await bench.clock()).out)
  assert.ok(Date.parse(shown.now) - Date.parse('2026-07-02T22:50:00Z') < 1000, `a read moved the clock to ${shown.now}`)
  assert.is(keysIn(state).length, 1)
  const { code, out, err } = await bench.clock('advance', '25h')
  assert.is(code, 0, err)
  assert.is(Date.parse(JSON.parse(out).now) - Date.parse(shown.now), 25 * 3_600_000)
  assert.is(keysIn(state).length, 0)
  const third = await bench.read('--from', '2026-07-01', '--to', '2026-07-02')
  assert.equal(third.sources, new Set(['meter']))
  assert.equal(
    third.entries.map(({ wh }) => wh),
    first.entries.map(({ wh }) => wh),
  )
  // What the meter has measured meanwhile, day by day.
  const today = await bench.read('--from', '2026-07-02T00:30Z', '--to', '2026-07-03')
  assert.is(today.entries.length, 48)
  const back = await bench.clock('to', '2026-07-01T00:00')
  assert.is(back.code, 2)
  assert.match(back.err, /does not go back/)
  const wrong = await bench.clock('advance', 'soon')
  assert.is(wrong.code, 2)
  assert.match(wrong.err, /duration such as 90s/)
  await bench.stop()
})

test('all stamps are of that clock, and say so', async () => {
  const log = readFileSync(join(state, 'bridge.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; time: string; clock?: string })
  assert.ok(log.every(({ time }) => time.startsWith('2026-07-0')))
  assert.is(log.find(({ event }) => event === 'ready')?.clock, 'virtual')
  const records = []
  for await (const record of recordsOf(join(state, 'audit'))) records.push(record)
  assert.ok(records.every(({ time }) => time.startsWith('2026-07-0')))
  const [begin] = records
  assert.is(begin?.event === 'started' && begin.clock, 'virtual')
  assert.ok(isPkiValidAt(join(state, 'pki'), Date.UTC(2026, 6, 3)))
  assert.not.ok(isPkiValidAt(join(state, 'pki'), Date.UTC(2026, 5, 30)))
})

test('it continues where it stood, runs, reads its registry again after SIGHUP, and keeps its time when it is killed', async () => {
  const bench = await started(state, '--time-scale', '3600')
  assert.match(bench.ready.clock.now, /^2026-07-03T23:50/)
  assert.is(bench.ready.clock.scale, 3600)
  const before = readFileSync(join(state, 'bridge.log'), 'utf8').match(/"event":"registry"/g)?.length ?? 0
  bench.child.kill('SIGHUP')
  const stopped = await bench.clock('stop')
  assert.is(stopped.code, 0, stopped.err)
  const { now } = JSON.parse(stopped.out)
  assert.ok(Date.parse(now) > Date.parse(bench.ready.clock.now))
  const moved = await bench.clock('advance', '2d')
  assert.is(moved.code, 0, moved.err)
  bench.child.kill('SIGKILL')
  await bench.ended
  const after = readFileSync(join(state, 'bridge.log'), 'utf8').match(/"event":"registry"/g)?.length ?? 0
  assert.ok(after >= before + 1, 'the registry was not read again')
  const again = await started(state)
  assert.is(again.ready.clock.now, new Date(Date.parse(now) + 2 * 86_400_000).toISOString())
  await again.stop()
})

test('a state directory belongs to its clock', async () => {
  const real = await finished(['up', '--once', '--state', state, '--http-port', '0'])
  assert.is(real.code, 2)
  assert.match(real.err, /belongs to a bench on virtual time: start it with smets1 up --virtual-time/)
  const bridge = await finished(['bridge', '--port', 'tcp://127.0.0.1:1', '--state', state, '--http-port', '0'])
  assert.is(bridge.code, 2)
  assert.match(bridge.err, /belongs to a bench on virtual time/)
  const other = freshPath()
  const made = await finished(['provision', '--state', other, '--count', '1'])
  assert.is(made.code, 0, made.err)
  const virtual = await finished([...up, '--state', other])
  assert.is(virtual.code, 2)
  assert.match(virtual.err, /belongs to real time/)
  assert.not.ok(existsSync(join(other, 'clock.json')))
  const early = await finished([...up, '--state', state, '--at', '2026-07-01'])
  assert.is(early.code, 2)
  assert.match(early.err, /does not go back; leave --at out/)
  const alone = await finished(['up', '--at', '2026-07-01', '--state', freshPath()])
  assert.is(alone.code, 2)
  assert.match(alone.err, /--at is for --virtual-time/)
})

test('--at outside the dates of the certificates dates them anew, with the keys of before', async () => {
  const key = readFileSync(join(state, 'pki', 'supplier.key'), 'utf8')
  const bench = await started(state, '--at', '2041-03-01T10:00Z', '--no-catch-up')
  assert.match(bench.err(), /certificates made for 2041-03-01/)
  assert.is(readFileSync(join(state, 'pki', 'supplier.key'), 'utf8'), key)
  // Signatures are made and verified; the meter did not live through these years.
  assert.equal((await bench.read()).entries, [])
  await bench.stop()
  const verified = await finished(['audit', '--verify', '--state', state])
  assert.is(verified.code, 0, verified.err)
})

test('a bench whose time was lost says so', async () => {
  writeFileSync(join(state, 'clock.json'), '{"clock":"virtual"}')
  const { code, err } = await finished([...up, '--state', state])
  assert.is(code, 2)
  assert.match(err, /clock.json has no time: write/)
})

test.run()

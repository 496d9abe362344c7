// Meters that misbehave, dead ones, and reads that last: each request ends within its target response time, and the other
// meters of the line are served.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { priority } from '../../../host/wan/waiting-requests.ts'
import {
  createHostileBench,
  end,
  readAmongDead,
  readBehindLong,
  readBeside,
  trtMs,
} from '../../support/bench/hostile-bench.ts'
import { behaviours } from '../../support/sim/hostile-meter.ts'

for (const behaviour of behaviours) {
  test(`a meter that is hostile (${behaviour}): its request ends in time, the others notice nothing`, async () => {
    const { aloneMs, hostileMs, longestMs, failed } = await readBeside(behaviour)
    assert.equal(failed, [])
    assert.ok(hostileMs <= trtMs, `${hostileMs} ms`)
    assert.ok(longestMs <= aloneMs + 1300, `a read took ${longestMs} ms, ${aloneMs} alone`)
  })
}

test('two hostile meters of every two kinds: their requests end in time, and the good one is read', async () => {
  for (const [i, one] of behaviours.entries()) {
    for (const other of behaviours.slice(i)) {
      const { hostileMs, longestMs, failed } = await readBeside(one, other)
      assert.equal(failed, [], `${one}, ${other}`)
      assert.ok(hostileMs <= trtMs, `${one}, ${other}: ${hostileMs} ms`)
      // Each costs the others a wait. Garbage on the wires also breaks frames of the good meter, which are asked for again.
      const mostMs = [one, other].includes('garbage') ? 10_000 : 2100
      assert.ok(longestMs <= mostMs, `${one}, ${other}: a read took ${longestMs} ms`)
    }
  }
})

test('the scheduled read of a slow meter ends while others of its line are read', async () => {
  const b = createHostileBench(['slow'])
  let over = false
  const slow = b.read(1, { urgency: priority.scheduled, first: end - 4 * 48, targetMs: 3600_000 }).finally(() => {
    over = true
  })
  const others = (async () => {
    while (!over) {
      await b.read(0, { urgency: priority.scheduled })
      await new Promise<void>((resolve) => b.clock.after(3000, resolve))
    }
  })()
  const { readings, tookMs } = await b.clock.run(slow)
  await b.clock.run(others)
  assert.ok(Array.isArray(readings), String(readings))
  assert.ok(tookMs < 60_000, `${tookMs} ms`)
})

test('a meter without anything new is given up after 15 s where nobody else waits', async () => {
  for (const behaviour of ['empty', 'repeated', 'endless'] as const) {
    const b = createHostileBench([behaviour])
    const { readings, tookMs } = await b.clock.run(b.read(1, { urgency: priority.scheduled, targetMs: 24 * 3600_000 }))
    // Days that nobody asked for, without a gap from the first frame on, say that there is nothing before them.
    const nothing =
      behaviour === 'endless' && typeof readings !== 'string' && readings.every(({ wh }) => wh === undefined)
    assert.ok(nothing || typeof readings === 'string', behaviour)
    assert.ok(tookMs < 60_000, `${behaviour}: ${tookMs} ms`)
  }
})

test('ten dead meters, already known as such, cost a live one at most a second', async () => {
  const { live, dead } = await readAmongDead()
  for (const { whole, tookMs } of live) {
    assert.ok(whole)
    assert.ok(tookMs < 1500, `${tookMs} ms`)
  }
  for (const { readings, tookMs } of dead) {
    assert.match(String(readings), /does not wake|answers no wake/)
    assert.ok(tookMs <= trtMs)
  }
})

test('on demand behind a read of 13 months at 9,600 baud: answered within 5 s, and the long read is whole', async () => {
  const { onDemand, long, halfHours } = await readBehindLong()
  assert.ok(onDemand.whole)
  assert.ok(onDemand.tookMs < 5000, `${onDemand.tookMs} ms`)
  assert.ok(long.whole)
  assert.is((long.readings as unknown[]).length, halfHours)
})

test('a request that waits behind another of its meter has a deadline of its own', async () => {
  const b = createHostileBench(['slow'])
  const long = b.read(1, { first: end - 300 * 48, targetMs: 600_000 })
  const short = await b.clock.run(b.read(1, { urgency: priority.scheduled, targetMs: 5000 }))
  assert.match(String(short.readings), /target response time/)
  assert.ok(short.tookMs <= 5001)
  await b.clock.run(long)
})

test('the clock is set by an hour, either way, during reads: all end as they would have without', async () => {
  for (const behaviour of ['dead', ...behaviours] as const) {
    const ends = []
    for (const stepMs of [0, -3_600_000, 3_600_000]) {
      const b = createHostileBench([behaviour])
      const bad = b.read(1)
      await b.clock.pass(300)
      const good = b.read(0)
      b.setClock(stepMs)
      ends.push(JSON.stringify(await b.clock.run(Promise.all([bad, good]))))
    }
    assert.equal(ends, Array(3).fill(ends[0]), behaviour)
  }
})

test.run()

// Turns on lines, and the timer queue, on a virtual clock and with any order of events.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { createPerformance, measuresOf, performanceRows } from '../../../host/metrics/performance-measures.ts'
import { createSequence } from '../../../host/store/sequence.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLineQueue } from '../../../host/wan/line-queue.ts'
import type { Line } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { type LineRequest, priority } from '../../../host/wan/waiting-requests.ts'

const lineRequest = (fields: Partial<LineRequest> = {}): LineRequest => ({
  line: 'a',
  place: { cohort: 'c', csp: 'w' },
  eui: 'e',
  priority: priority.onDemand,
  deadlineMs: Number.MAX_SAFE_INTEGER,
  ...fields,
})

/** A line whose sessions take a second each. */
function slowLine(clock: ReturnType<typeof createVirtualClock>, log: string[], name: string): Line {
  let busy = false
  return {
    async use(_usage, session) {
      assert.not.ok(busy, `two sessions at once on ${name}`)
      busy = true
      log.push(`${name} ${clock.nowMs()}`)
      await new Promise<void>((done) => clock.after(1000, done))
      busy = false
      return session({ limits: defaultLineLimits } as never)
    },
    close: async () => {},
  }
}

test('whatever the order of asking: one session a line at a time, the most urgent next, each once', async () => {
  const asks = fc.array(fc.record({ line: fc.constantFrom('a', 'b'), urgency: fc.constantFrom(0, 1, 2) }), {
    minLength: 1,
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(asks, async (list) => {
      const clock = createVirtualClock(0)
      const lineQueue = createLineQueue({ cohortRate: () => 0, lineRate: 0 }, clock)
      const done: { line: string; urgency: number; index: number }[] = []
      const lines = { a: slowLine(clock, [], 'a'), b: slowLine(clock, [], 'b') }
      const all = list.map(({ line, urgency }, index) => {
        const mine = lineRequest({ line, priority: urgency as 0 | 1 | 2 })
        return lineQueue.forRequest(lines[line as 'a' | 'b'], mine).use(noUsage(), async () => {
          done.push({ line, urgency, index })
        })
      })
      await clock.run(Promise.all(all))
      assert.is(done.length, list.length)
      assert.is(lineQueue.waiting(), 0)
      for (const line of ['a', 'b']) {
        // The first one found the line free; the others went by urgency, then by order.
        const [first, ...rest] = done.filter((one) => one.line === line)
        if (first === undefined) continue
        assert.is(
          first.index,
          list.findIndex((one) => one.line === line),
        )
        const sorted = [...rest].sort((a, b) => a.urgency - b.urgency || a.index - b.index)
        assert.equal(rest, sorted)
      }
    }),
    { seed: 81, numRuns: 60 },
  )
})

test('four thousand lines held back by one rate cost microseconds each, and begin in order of urgency', async () => {
  const clock = createVirtualClock(0)
  const lines = 4000
  const cohortRate = () => 600_000
  const lineQueue = createLineQueue({ cohortRate, lineRate: 0 }, clock)
  const begun: number[] = []
  const atOnce: Line = {
    use: (_usage, session) => session({ limits: defaultLineLimits } as never),
    close: async () => {},
  }
  const startMs = performance.now()
  const all = Array.from({ length: lines }, (_, i) => {
    const request = lineRequest({ line: `${i}`, eui: `${i}`, priority: (i % 3) as 0 | 1 | 2 })
    return lineQueue.forRequest(atOnce, request).use(noUsage(), async () => void begun.push(i))
  })
  const waitedMs = performance.now() - startMs
  await clock.run(Promise.all(all))
  // The first finds nobody before it; then each class in order of arrival.
  const [first, ...rest] = begun
  assert.is(first, 0)
  assert.equal(
    rest,
    [...rest].sort((a, b) => (a % 3) - (b % 3) || a - b),
  )
  assert.is(clock.nowMs(), (lines - 1) / 10)
  assert.ok(waitedMs < 2000, String(waitedMs))
})

test('a deadline ends the wait; after a failed session the next one starts; stop rejects', async () => {
  const clock = createVirtualClock(0)
  const lineQueue = createLineQueue({ cohortRate: () => 0, lineRate: 1 }, clock)
  const log: string[] = []
  const line = slowLine(clock, log, 'a')
  const use = (fields: Partial<LineRequest>, session = async () => 'done') =>
    lineQueue
      .forRequest(line, lineRequest(fields))
      .use(noUsage(), session)
      .catch((error: Error) => error.message)
  const first = use({}, async () => {
    throw new Error('broken')
  })
  const late = use({ deadlineMs: 30_000 })
  const scheduled = use({ priority: priority.scheduled })
  const next = use({})
  assert.is(await clock.run(first), 'broken')
  assert.match(await clock.run(late), /no turn on the line/)
  assert.is(clock.nowMs(), 30_000)
  assert.is(await clock.run(next), 'done')
  const onDemand = use({})
  lineQueue.stop()
  assert.match(await clock.run(scheduled), /is stopping/)
  assert.match(await clock.run(use({ priority: priority.scheduled })), /is stopping/)
  const stoppedMs = clock.nowMs()
  assert.match(await clock.run(onDemand), /is stopping/, 'on demand, too, once it has had its grace')
  assert.is(clock.nowMs() - stoppedMs, 5000)
  assert.equal(log, ['a 0', 'a 60000'])
})

test('raisePriority moves up what waits for a device, and never down', async () => {
  const clock = createVirtualClock(0)
  const lineQueue = createLineQueue({ cohortRate: () => 0, lineRate: 0 }, clock)
  const order: string[] = []
  const line = slowLine(clock, [], 'a')
  const use = (eui: string, urgency: LineRequest['priority']) =>
    lineQueue.forRequest(line, lineRequest({ eui, priority: urgency })).use(noUsage(), async () => void order.push(eui))
  const all = [use('1', 0), use('2', 1), use('3', 2), use('4', 2)]
  lineQueue.raisePriority('4', priority.onDemand)
  lineQueue.raisePriority('2', priority.scheduled)
  await clock.run(Promise.all(all))
  assert.equal(order, ['1', '4', '2', '3'])
})

test('a sequence gives each number once, also to many at the same time and after restarts', async () => {
  const store = createMemoryStore(bridgeTables)
  const seen = new Set<bigint>()
  for (let life = 0; life < 5; life++) {
    const next = createSequence(store, 'x', 10n)
    for (const number of await Promise.all(Array.from({ length: 17 }, next))) {
      assert.not.ok(seen.has(number))
      seen.add(number)
    }
  }
  await store.put('counters', 'sequence/y', 'nonsense')
  await createSequence(store, 'y', 1n)().then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /damaged/),
  )
})

test('performance: counts survive a restart, and are summed up by measure', async () => {
  const store = createMemoryStore(bridgeTables)
  const clock = createVirtualClock(Date.UTC(2026, 10, 22))
  const kinds = ['onDemand', 'scheduled', 'alert'] as const
  for (let life = 0; life < 2; life++) {
    const performance = createPerformance(store, clock)
    for (const kind of kinds) {
      for (const settlement of [false, true]) {
        for (const tookMs of [10, 16_000, 16_001]) {
          performance.record({ srv: '4.8.1', kind, settlement, trtMs: 16_000, tookMs, good: true })
        }
        performance.record({ srv: '4.8.1', kind, settlement, trtMs: 16_000, tookMs: 1, good: false })
      }
    }
    await clock.pass(3000)
  }
  const rows = performanceRows(store, '2026-11-22', '2026-11-22')
  assert.is(rows.length, 6)
  for (const row of rows) {
    assert.equal([row.answers, row.within, row.failed, row.tookMsMax, row.tookMsSum], [8, 4, 2, 16_001, 64_024])
  }
  assert.equal(
    measuresOf(rows).map(({ measure, answers, within }) => [measure, answers, within]),
    [
      ['3.1', 16, 8],
      ['3.2', 16, 8],
      ['3.3', 16, 8],
    ],
  )
  assert.equal(performanceRows(store, '2026-11-23', '2026-11-30'), [])
})

test.run()

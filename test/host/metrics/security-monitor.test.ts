// The stream of security events: what is in it, and that an attack cannot flood it.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import {
  createSecurityMonitor,
  defaultThresholds,
  readThresholds,
  type SecurityRecord,
  sendersMax,
} from '../../../host/metrics/security-monitor.ts'
import { type SecurityEvent, securityEventNames } from '../../../host/state/security-event.ts'

function monitorAt(startMs = 1000) {
  const clock = createVirtualClock(startMs)
  const records: SecurityRecord[] = []
  const monitor = createSecurityMonitor(clock, defaultThresholds, (record) => records.push({ ...record }))
  return { clock, records, ...monitor }
}

const wrong: SecurityEvent = { event: 'bad signature', who: '192.0.2.1', what: 'badSignature' }

test('the first is a record at once, the rest of the minute is one more', async () => {
  const { clock, records, report } = monitorAt()
  report(wrong)
  assert.equal(records, [{ ...wrong, severity: 'notice', count: 1, fromMs: 1000, toMs: 1000 }])
  await clock.pass(10_000)
  report(wrong)
  await clock.pass(10_000)
  report(wrong)
  assert.is(records.length, 1)
  await clock.pass(60_000)
  assert.equal(records[1], { ...wrong, severity: 'notice', count: 2, fromMs: 11_000, toMs: 21_000 })
  await clock.pass(600_000)
  assert.is(records.length, 2, 'silence makes no records')
  report(wrong)
  assert.is(records.length, 3)
})

test('a threshold makes one alert a minute, and shows in the counts for that minute and the next', async () => {
  const { clock, records, report, counts } = monitorAt()
  const reached = () =>
    counts()
      .filter(({ isReached }) => isReached)
      .map(({ event }) => event)
  for (let i = 0; i < 9; i++) report(wrong)
  assert.equal(reached(), [])
  for (let i = 0; i < 90; i++) report({ ...wrong, who: '192.0.2.2' })
  const alerts = records.filter(({ severity }) => severity === 'alert')
  assert.equal(alerts, [
    { event: 'bad signature', who: 'all', what: 'threshold', severity: 'alert', count: 10, fromMs: 1000, toMs: 1000 },
  ])
  await clock.pass(61_000)
  assert.equal(reached(), ['bad signature'])
  await clock.pass(60_000)
  assert.equal(reached(), [])
  assert.is(counts().find(({ event }) => event === 'bad signature')?.total, 99)
})

test('whoever attacks, from however many addresses: records a minute are bounded, and every event is counted', async () => {
  const one = fc.record({
    event: fc.constantFrom(...securityEventNames),
    who: fc.integer({ min: 0, max: 999 }).map((i) => `192.0.${i >> 8}.${i & 255}`),
    what: fc.constantFrom('a', 'b'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ waitMs: fc.nat(500), one }), { maxLength: 400 }), async (sent) => {
      const { clock, records, report, flush } = monitorAt()
      for (const { waitMs, one } of sent) {
        await clock.pass(waitMs)
        report(one)
      }
      flush()
      const counted = (event: string) =>
        records
          .filter((record) => record.event === event && record.severity === 'notice')
          .reduce((n, { count }) => n + count, 0)
      for (const name of securityEventNames) {
        assert.is(counted(name), sent.filter(({ one: { event } }) => event === name).length, name)
      }
      const minutes = Math.ceil((clock.nowMs() - 1000) / 60_000) + 1
      assert.ok(
        records.length <= minutes * (2 * sendersMax + 2 * securityEventNames.length),
        `${records.length} records`,
      )
    }),
    { numRuns: 60 },
  )
})

test('a million wrong signatures from a million addresses in a minute make some hundred records', () => {
  const { records, report, flush } = monitorAt()
  for (let i = 0; i < 1e6; i++) report({ ...wrong, who: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` })
  flush()
  assert.ok(records.length <= sendersMax + 3, `${records.length} records`)
  assert.is(records.find(({ who }) => who === 'others')?.count, 1e6 - sendersMax)
})

test('thresholds of a configuration: unknown events and other values are refused', () => {
  const read = readThresholds({ 'bad signature': 3 })
  assert.is(read.ok && read.thresholds['bad signature'], 3)
  assert.is(read.ok && read.thresholds.replay, defaultThresholds.replay)
  for (const [given, says] of [
    [{ signature: 3 }, /no event "signature"; there are bad signature,/],
    [{ replay: 0 }, /"replay" must be a whole number/],
    [{ replay: '5' }, /"replay" must be a whole number/],
    [[], /expected an object/],
  ] as const) {
    const wrong = readThresholds(given)
    assert.match(wrong.ok ? '' : wrong.detail, says)
  }
})

test.run()

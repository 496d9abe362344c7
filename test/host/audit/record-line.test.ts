// Lines of the audit trail: every event comes back as it was written, and a request takes no more than 500 bytes.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { esme } from '../../../emulation/bench-parties.ts'
import type { AuditEvent } from '../../../host/audit/audit-record.ts'
import { recordsIn } from '../../../host/audit/read-records.ts'
import { type LineContext, writeLine } from '../../../host/audit/record-line.ts'
import { readBack } from '../../support/bench/audit-bench.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const eui = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) =>
  Buffer.from(bytes)
    .toString('hex')
    .toUpperCase()
    .replace(/..(?!$)/g, '$&-'),
)
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '!', '%', '|', 'a|b;c,d~e\n', '"'),
)
const party = fc.oneof({ weight: 5, arbitrary: eui }, text)
const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const requestId = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(eui, eui, counter).map(([from, to, n]) => `${from}:${to}:${n}`) },
  text.filter((id) => id !== ''),
)
const count = fc.nat()
const instant = fc
  .date({ noInvalidDate: true, min: new Date(0), max: new Date('2999-12-31') })
  .map((at) => at.toISOString())
const day = instant.map((at) => at.slice(0, 10))
const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const optional = { requiredKeys: [] }
const deciding = fc.record(
  { role: text, mpid: text, from: day, until: day },
  { requiredKeys: ['role', 'mpid', 'from'] },
)

/** A request, mostly of the User and the device that its RequestID names. */
const ofRequest = fc
  .tuple(requestId, fc.constantFrom('same', 'swapped', 'other'), party, party, text)
  .map(([id, who, user, device, srv]) => {
    const [from = '', to = ''] = id.split(':')
    if (who === 'other') return { requestId: id, user, device, srv }
    return who === 'same'
      ? { requestId: id, user: from, device: to, srv }
      : { requestId: id, user: to, device: from, srv }
  })

const accepted = fc
  .tuple(
    ofRequest,
    fc.record({
      event: fc.constant('accepted' as const),
      code: text,
      role: text,
      registrations: fc.array(deciding, { maxLength: 3 }),
      days: fc.record({ first: day, last: day }),
      due: instant,
    }),
    fc.record({ mpan: text, window: fc.record({ from: instant, to: instant }), scheduleId: count }, optional),
  )
  .map(([of, fields, more]): AuditEvent => ({ ...of, ...fields, ...more }))
const answered = fc
  .tuple(
    ofRequest,
    fc.record({
      event: fc.constant('answered' as const),
      code: text,
      tookMs: count,
      late: fc.boolean(),
      bytes: count,
      sha256: fc.oneof(hex, fc.constant('')),
    }),
    fc.record({ served: fc.array(fc.record({ channel: text, from: instant, what: text })), detail: text }, optional),
  )
  .map(([of, fields, more]): AuditEvent => ({ ...of, ...fields, ...more }))
const others: fc.Arbitrary<AuditEvent> = fc.oneof(
  fc.record({ event: fc.constant('delivered' as const), requestId, tries: count }),
  fc.record({ event: fc.constant('dropped' as const), requestId, why: text }),
  fc.record({ event: fc.constant('registry refused' as const), problem: text }),
  fc.record({
    event: fc.constant('registry changed' as const),
    from: text,
    added: fc.nat(),
    altered: fc.nat(),
    removed: fc.nat(),
    mpans: fc.nat(),
  }),
  fc.record(
    {
      event: fc.constant('registration message' as const),
      eventId: text,
      registrationId: text,
      version: fc.nat(),
      outcome: fc.constantFrom('Accepted', 'Ignored'),
      code: text,
    },
    { requiredKeys: ['event', 'eventId', 'registrationId', 'version', 'outcome'] },
  ),
  fc.record({ event: fc.constant('reset' as const), why: text, lastSeq: count, lastHash: hex }),
  fc.record({ event: fc.constant('stopped' as const) }),
  fc.record({ event: fc.constant('bench reset' as const), reset: count }),
  fc.record({ event: fc.constant('control' as const), call: text, scope: text, input: text, outcome: text }),
  fc
    .tuple(ofRequest, fc.record({ event: fc.constant('waiting' as const), until: instant, why: text }))
    .map(([of, fields]) => ({ ...of, ...fields })),
  fc.record({
    event: fc.constant('clock set' as const),
    device: party,
    driftPpm: fc.double({ noNaN: true, noDefaultInfinity: true }).map((ppm) => ppm + 0),
  }),
  fc.record({
    event: fc.constant('refused' as const),
    endpoint: fc.constant('serviceS' as const),
    code: text,
    signed: fc.boolean(),
    why: text,
  }),
)

test('whatever is recorded comes back, wherever the clock goes', () => {
  const timed = fc.record({ event: fc.oneof(accepted, answered, others), timeMs: fc.nat(4_000_000_000_000) })
  fc.assert(
    fc.property(fc.array(timed, { maxLength: 6 }), (events) => {
      const context: LineContext = {}
      const lines = events.map(({ event, timeMs }) => writeLine(event, timeMs, context))
      for (const line of lines) assert.not.match(line, /[\n\r]|^=|^#/)
      const expected = events.map(({ event, timeMs }, i) => ({
        seq: i + 1,
        time: new Date(timeMs).toISOString(),
        ...event,
      }))
      assert.equal(readBack(events), JSON.parse(JSON.stringify(expected)))
    }),
    { numRuns: 500 },
  )
})

test('what is no line of ours is left out, and the rest is read', () => {
  const context: LineContext = {}
  const good = writeLine({ event: 'stopped' }, 1_700_000_000_000, context)
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((line) => !line.includes('\n') && !line.startsWith('=')),
      (bad) => {
        const records = [...recordsIn(`${good}\n${bad}\n=${'A'.repeat(43)}\n${good}\n`, 7)]
        assert.is(records[0]!.seq, 7)
        assert.equal([records.at(-1)!.seq, records.at(-1)!.event], [9, 'stopped'])
      },
    ),
  )
})

test('a request takes at most 500 bytes of lines, trailers included, also alone', async () => {
  const b = await createBench()
  await b.ask('supplier')
  const fromMeter = b.trail.length
  await b.ask('mdr')
  const sizeOf = (batches: AuditEvent[][]) => {
    const sizes = batches.map((batch) => {
      const context: LineContext = {}
      return batch.reduce(
        (size, event) => size + Buffer.byteLength(writeLine(event, Date.UTC(2026, 10, 22), context)) + 1,
        45,
      )
    })
    return sizes.reduce((sum, size) => sum + size, 0)
  }
  const [accepted, read, answered, delivered] = b.trail.slice(0, fromMeter)
  assert.equal([read!.event, delivered!.event], ['device read', 'delivered'])
  const fromTheMeter = sizeOf([[accepted!], [read!, answered!], [delivered!]])
  const fromTheCache = sizeOf(b.trail.slice(fromMeter).map((event) => [event]))
  assert.ok(fromTheMeter <= 500 && fromTheCache <= 500, `${fromTheMeter} and ${fromTheCache} bytes`)
  assert.ok(b.trail.every((event) => JSON.stringify(event).includes(esme)))
})

test.run()

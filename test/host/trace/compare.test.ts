// Two answers compared: what differs is found at its field and byte; what must differ is left out by rule, and nothing else.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Comparison, compareAnswers, comparisonText } from '../../../host/trace/compare.ts'
import { encodeEvent } from '../../../protocol/event-entry.ts'
import { encodeRefusal } from '../../../protocol/message-layout.ts'
import { encodeAnswer, type MessageName } from '../../../protocol/messages.ts'
import { emptyDay, encodeDayBlock } from '../../../protocol/profile-coding.ts'
import { encodeSnapshot } from '../../../protocol/register-snapshot.ts'

const join = (parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

function day(number: number, change: (wh: Int32Array) => void = () => {}, open = false): Uint8Array {
  const profile = { ...emptyDay(number), open }
  for (let i = 0; i < 48; i++) profile.wh[i] = 100 + i
  change(profile.wh)
  return encodeDayBlock(profile)
}

const profile = (...blocks: Uint8Array[]) => [encodeAnswer('readProfile', { blocks: join(blocks) })]

const event = (sequence: number, change: { value?: number; atSeconds?: number; code?: number } = {}) =>
  encodeEvent({ code: 1, sequence, atSeconds: 1795305600, value: 7, detail: 0, ...change })

const events = (...entries: Uint8Array[]) => [encodeAnswer('readEvents', { entries: join(entries) })]

function snapshot(number: number, registers = [1000, 250, 3000, 127], atSeconds = 1795305600): Uint8Array {
  const matrix = new Array(48).fill(0)
  matrix[5] = registers[0]
  return encodeSnapshot({ cause: 1, late: false, number, atSeconds, registers, matrix })!
}

const fieldsOf = ({ differences }: Comparison) => differences.map(({ field }) => field)
const leftOut = (comparison: Comparison) =>
  Object.fromEntries([...comparison.leftOut].map(([why, fields]) => [why, [...fields]]))

test('a half-hour that differs is named with both values, at the byte where the answers part', () => {
  const first = profile(day(20000), day(20001))
  const second = profile(
    day(20000),
    day(20001, (wh) => (wh[7] = 99)),
  )
  const compared = compareAnswers('readProfile', first, second, false)
  assert.equal(
    compared.differences.map(({ offset, ...rest }) => rest),
    [{ field: '2024-10-05 wh[7]', first: 107, second: 99 }],
  )
  const [a, b] = [first[0]!, second[0]!]
  // Three bytes of CBOR stand before the records.
  const parts = a.findIndex((byte, i) => byte !== b[i]) - 4
  assert.is(compared.differences[0]!.offset, parts)
  assert.match(
    comparisonText(compared, ['recorded', 'now']),
    /^DIFFERS at 2024-10-05 wh\[7\], byte \d+: recorded 107, now 99$/,
  )
})

test('every field of an answer in one frame is compared, at its byte in the message', () => {
  const inventory = {
    eui: new Uint8Array(8),
    manufacturer: 'Secure',
    model: 'Liberty 100',
    firmwareVersion: '1.0',
    deviceProfile: 2,
    quirks: 8,
    importDays: 397,
    otherDays: 91,
    dailyReads: 14,
  }
  const message = encodeAnswer('readInventory', inventory)
  for (const [field, value] of Object.entries(inventory)) {
    const other = value instanceof Uint8Array ? new Uint8Array(8).fill(1) : typeof value === 'string' ? 'x' : value + 1
    const changed = encodeAnswer('readInventory', { ...inventory, [field]: other })
    const compared = compareAnswers('readInventory', [message], [changed], false)
    assert.equal(fieldsOf(compared), [field])
    // The same place in both messages up to it, and the first byte that differs there or in the field.
    const at = compared.differences[0]!.offset
    assert.equal(message.slice(0, at), changed.slice(0, at), field)
    const twoMeters = compareAnswers('readInventory', [message], [changed], true)
    assert.equal(fieldsOf(twoMeters), field === 'eui' ? [] : [field])
  }
})

test('what must differ is left out and named; between two meters more than with one', () => {
  const clock = (utcMs: number, driftPpm: number) => [
    encodeAnswer('readClock', { utcMs, status: 0, lastSetMs: 0, driftPpm }),
  ]
  const one = compareAnswers('readClock', clock(1, 5), clock(2, 6), false)
  assert.equal(fieldsOf(one), ['driftPpm'])
  assert.equal(leftOut(one), { 'time passes': ['utcMs'] })
  const two = compareAnswers('readClock', clock(1, 5), clock(2, 6), true)
  assert.equal(fieldsOf(two), [])
  assert.match(
    comparisonText(two, ['A', 'B']),
    /^equal; left out: utcMs \(time passes\), lastSetMs, driftPpm \(each meter/,
  )

  const counters = (notOpened: number, faults = 0) => [
    encodeAnswer('selfTest', { faults, spoilt: 0, framesDropped: 1, notOpened, excessWh: 0 }),
  ]
  assert.equal(fieldsOf(compareAnswers('selfTest', counters(1), counters(9, 4), false)), ['faults'])

  const now = (wh: number) => [encodeAnswer('readRegisters', { snapshots: snapshot(0, [wh, 0, 0, 0], wh) })]
  assert.equal(fieldsOf(compareAnswers('readRegisters', now(1), now(2), false)), [])

  const past = [events(event(1), event(2)), events(event(1, { value: 8 }), event(2, { atSeconds: 5 }))] as const
  assert.equal(fieldsOf(compareAnswers('readEvents', ...past, false)), ['event 1 value', 'event 2 atSeconds'])
  assert.equal(fieldsOf(compareAnswers('readEvents', ...past, true)), [])
  assert.equal(fieldsOf(compareAnswers('readEvents', events(event(1)), events(event(1, { code: 3 })), true)), [
    'event 1 code',
  ])
})

test('logs are rings: newer entries and dropped ones are left out, holes and an emptied log are not', () => {
  const compare = (first: Uint8Array[], second: Uint8Array[]) =>
    compareAnswers('readEvents', events(...first), events(...second), false)
  const some = [event(4), event(5), event(6)]
  const later = compare(some, [event(5), event(6), event(7)])
  assert.equal(fieldsOf(later), [])
  assert.equal(leftOut(later), { 'older than the second has': ['event 4'], 'recorded since': ['event 7'] })
  assert.equal(fieldsOf(compare(some, [event(4), event(6)])), ['event 5'])
  assert.equal(fieldsOf(compare([event(4), event(6)], some)), ['event 5'])
  assert.equal(fieldsOf(compare(some, [event(4), event(5)])), ['event 6'])
  assert.is(compare(some, []).differences.length, 3)
  assert.is(compare(some, [event(90)]).differences.length, 3)
  const daily = (...entries: Uint8Array[]) => [encodeAnswer('readDailyReads', { snapshots: join(entries) })]
  const changed = compareAnswers('readDailyReads', daily(snapshot(8)), daily(snapshot(8, [1000, 250, 3001, 127])), true)
  assert.equal(changed.differences, [{ field: 'snapshot 8 registers[2]', offset: 18, first: 3000, second: 3001 }])
})

test('of a day that was not over, what both have is compared', () => {
  const until = (end: number) => (wh: Int32Array) => wh.fill(-1, end)
  const morning = profile(day(20000, until(12), true))
  const evening = profile(day(20000, until(40), true))
  assert.equal(fieldsOf(compareAnswers('readProfile', morning, evening, false)), [])
  assert.equal(fieldsOf(compareAnswers('readProfile', morning, profile(day(20000)), false)), [])
  const wrong = profile(day(20000, (wh) => (wh[3] = 0)))
  assert.equal(fieldsOf(compareAnswers('readProfile', morning, wrong, false)), ['2024-10-04 wh[3]'])
  // Of a day that is over a half-hour that is gone is a difference.
  assert.equal(fieldsOf(compareAnswers('readProfile', profile(day(20000)), profile(day(20000, until(47))), false)), [
    '2024-10-04 wh[47]',
  ])
})

test('refusals, malformed and answers in other frames', () => {
  const refusal = (error: number) => [encodeRefusal(error)]
  const compare = (first: Uint8Array[], second: Uint8Array[]) => compareAnswers('readProfile', first, second, false)
  assert.equal(compare(refusal(4), refusal(4)).differences, [])
  assert.equal(compare(refusal(4), refusal(3)).differences, [{ field: 'error', offset: 1, first: 4, second: 3 }])
  assert.equal(fieldsOf(compare(profile(day(20000)), refusal(4))), ['error'])
  assert.equal(fieldsOf(compare(profile(day(20000)), [Uint8Array.of(0xff)])), ['message'])
  assert.equal(fieldsOf(compare([Uint8Array.of(0xff)], [Uint8Array.of(0xff)])), ['message'])
  const cut = profile(day(20000).subarray(0, 20))
  assert.match(String(compare(profile(day(20000)), cut).differences[0]!.second), /^20 bytes that are no record/)
  // A meter may put fewer records into a frame.
  const apart = [...profile(day(20000)), ...profile(day(20001))]
  assert.is(compare(profile(day(20000), day(20001)), apart).sameBytes, true)
})

test('an answer is equal to itself, and any other number in a record is found', () => {
  const names: MessageName[] = ['readProfile', 'readDailyReads']
  const values = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 48, maxLength: 48 })
  fc.assert(
    fc.property(values, fc.nat(47), fc.integer({ min: 1, max: 9 }), (wh, at, more) => {
      const one = profile(day(20000, (into) => into.set(wh)))
      const other = profile(
        day(20000, (into) => {
          into.set(wh)
          into[at]! += more
        }),
      )
      assert.is(compareAnswers(names[0]!, one, one, false).sameBytes, true)
      assert.equal(compareAnswers(names[0]!, one, one, true).differences, [])
      assert.equal(fieldsOf(compareAnswers(names[0]!, one, other, true)), [`2024-10-04 wh[${at}]`])
    }),
  )
})

test.run()

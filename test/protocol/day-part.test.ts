// Parts of days: the half-hours that were asked, and nothing else, whatever the block holds.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { crc16, putU16 } from '../../protocol/bytes.ts'
import { decodeReceivedDay, encodeDayPart, partHalfHoursMax } from '../../protocol/day-part.ts'
import { dayBlockLength, encodeDayBlock, halfHourWhMax } from '../../protocol/profile-coding.ts'

const wh = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 700 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: halfHourWhMax }) },
)

test('any part of any day has its half-hours, and is found by its length and CRC like a block', () => {
  const profile = fc.record({
    channel: fc.integer({ min: 0, max: 3 }),
    day: fc.integer({ min: 1, max: 65534 }),
    wh: fc.array(wh, { minLength: 48, maxLength: 48 }),
    marks: fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }),
    open: fc.boolean(),
  })
  const range = fc
    .integer({ min: 1, max: partHalfHoursMax })
    .chain((count) => fc.record({ count: fc.constant(count), first: fc.integer({ min: 0, max: 48 - count }) }))
  fc.assert(
    fc.property(profile, range, ({ channel, day, wh, marks, open }, { first, count }) => {
      const marked = Uint8Array.from(marks, (mark, i) => (mark && wh[i]! >= 0 ? 1 : 0))
      const block = encodeDayBlock({ channel, day, wh: Int32Array.from(wh), marked, open })
      const bytes = encodeDayPart(block, first, count)
      assert.is(dayBlockLength(bytes, 0), bytes.length)
      const isIn = (i: number) => i >= first && i < first + count
      assert.equal(decodeReceivedDay(bytes), {
        channel,
        day,
        wh: Int32Array.from(wh, (value, i) => (isIn(i) ? value : -1)),
        marked: marked.map((mark, i) => (isIn(i) ? mark : 0)),
        open,
        first,
        count,
      })
    }),
    { numRuns: 500 },
  )
})

test('bytes that are not a part as a meter writes it are refused, whatever they are', () => {
  const random = createRandom(6)
  let accepted = 0
  for (let i = 0; i < 20000; i++) {
    const bytes = random.bytes(6 + random.below(30))
    bytes[0] = bytes.length
    bytes[1] = 15 | (bytes[1]! & 0xc0)
    putU16(bytes, bytes.length - 2, crc16(bytes, 0, bytes.length - 2))
    const part = decodeReceivedDay(bytes)
    if (part === undefined) continue
    accepted += 1
    assert.ok(part.count > 0 && part.first + part.count <= 48 && part.channel <= 3)
    for (const value of part.wh) assert.ok(value >= -1 && value <= halfHourWhMax)
  }
  assert.ok(accepted < 10000)
})

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { crc16, putU16 } from '../../protocol/bytes.ts'
import { dayBlockBytesMax } from '../../protocol/limits.ts'
import {
  decodeDayBlock,
  emptyDay,
  encodeDayBlock,
  halfHourWhMax,
  type ProfileDay,
} from '../../protocol/profile-coding.ts'

const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 700 }) },
  { weight: 1, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: halfHourWhMax }) },
)

const days: fc.Arbitrary<ProfileDay> = fc
  .record({
    channel: fc.integer({ min: 0, max: 3 }),
    day: fc.integer({ min: 1, max: 65534 }),
    wh: fc.array(value, { minLength: 48, maxLength: 48 }),
    marked: fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }),
    open: fc.boolean(),
  })
  .map(({ channel, day, wh, marked, open }) => ({
    channel,
    day,
    wh: Int32Array.from(wh),
    marked: Uint8Array.from(marked, (mark, i) => (mark && wh[i]! >= 0 ? 1 : 0)),
    open,
  }))

test('any day round-trips', () => {
  fc.assert(
    fc.property(days, (profile) => {
      const block = encodeDayBlock(profile)
      assert.is(block[0], block.length)
      assert.ok(block.length <= dayBlockBytesMax)
      assert.equal(decodeDayBlock(block), profile)
    }),
    { numRuns: 500 },
  )
})

test('extremes: nothing recorded, all zero, all of 24 bits', () => {
  assert.is(encodeDayBlock(emptyDay(20000)).length, 12)
  const zero = { ...emptyDay(20000), wh: new Int32Array(48) }
  assert.is(encodeDayBlock(zero).length, 12)
  const most = { ...emptyDay(20000), wh: new Int32Array(48).fill(halfHourWhMax), marked: new Uint8Array(48).fill(1) }
  assert.is(encodeDayBlock(most).length, 4 + 6 + 144 + 2)
  for (const profile of [zero, most]) assert.equal(decodeDayBlock(encodeDayBlock(profile)), profile)
})

test('values that a block cannot say are refused', () => {
  assert.throws(() => encodeDayBlock({ ...emptyDay(1), wh: new Int32Array(48).fill(halfHourWhMax + 1) }), /16777216 Wh/)
  assert.throws(() => encodeDayBlock(emptyDay(0)), /day 0/)
})

test('bytes that are not a block as we write them are refused, whatever they are', () => {
  const random = createRandom(5)
  let refused = 0
  for (let i = 0; i < 20000; i++) {
    const bytes = random.bytes(6 + random.below(160))
    bytes[0] = bytes.length
    // A right CRC, so that the rest has to be judged.
    putU16(bytes, bytes.length - 2, crc16(bytes, 0, bytes.length - 2))
    const profile = decodeDayBlock(bytes)
    if (profile === undefined) refused += 1
    else for (const wh of profile.wh) assert.ok(wh >= -1 && wh <= halfHourWhMax)
  }
  assert.ok(refused > 15000)
})

test('a truncated block is refused at every length', () => {
  const block = encodeDayBlock({ ...emptyDay(20000), wh: Int32Array.from({ length: 48 }, (_, i) => i * 9) })
  for (let length = 0; length < block.length; length++) assert.is(decodeDayBlock(block.slice(0, length)), undefined)
})

test.run()

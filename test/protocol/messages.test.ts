import { Encoder } from 'cbor-x'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../protocol/cbor.ts'
import { decodeAnswer, decodeAsk, encodeAnswer, encodeAsk, encodeRefusal, errorCode } from '../../protocol/messages.ts'

const oracle = new Encoder({ useRecords: false, tagUint8Array: false })

const leaf: fc.Arbitrary<CborValue> = fc.oneof(
  fc.integer({ min: -4294967296, max: 4294967295 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
)
const value: fc.Arbitrary<CborValue> = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 6 }),
  fc.array(fc.array(leaf, { maxLength: 3 }), { maxLength: 3 }),
)

test('any value round-trips, and cbor-x reads what we write', () => {
  fc.assert(
    fc.property(value, (item) => {
      fc.pre(oracle.encode(item).length <= 232)
      const bytes = encodeCbor(item)
      assert.equal(decodeCbor(bytes), item)
      assert.equal(plain(oracle.decode(bytes)), plain(item))
    }),
  )
})

// cbor-x gives bytes as Buffers; as arrays they compare.
function plain(item: unknown): unknown {
  return item instanceof Uint8Array ? [...item] : Array.isArray(item) ? item.map(plain) : item
}

test('whole numbers up to 53 bits', () => {
  for (const number of [0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, Number.MAX_SAFE_INTEGER]) {
    for (const signed of [number, -1 - number]) {
      if (Number.isSafeInteger(signed)) assert.is(decodeCbor(encodeCbor(signed)), signed)
    }
  }
  assert.throws(() => encodeCbor(1.5), /not whole/)
})

test('what is not the shortest form, or not ours, is refused', () => {
  for (const hex of [
    '1817',
    '190017',
    '1a0000ffff',
    '1b00000000ffffffff',
    '9f01ff',
    'a10102',
    'c100',
    'f93c00',
    'f7',
    '01 01',
    '5803ff',
    '818181818100',
    '',
    '62c3a9',
  ]) {
    assert.is(decodeCbor(fromHex(hex.replace(' ', ''))), undefined, hex)
  }
})

test('random bytes never throw', () => {
  const random = createRandom(6)
  for (let i = 0; i < 30000; i++) {
    const bytes = random.bytes(random.below(40))
    decodeCbor(bytes)
    decodeAsk(bytes)
    decodeAnswer('readProfile', bytes)
  }
})

test('asks are checked field by field', () => {
  const ask = { channel: 0, firstHalfHour: 997000, count: 48 }
  assert.equal(decodeAsk(encodeAsk('readProfile', ask)), { name: 'readProfile', fields: ask })
  assert.equal(decodeAsk(encodeAsk('sleep', {})), { name: 'sleep', fields: {} })
  const cases: [CborValue, number][] = [
    [[99], errorCode.unknownMessage],
    [[1, 0, 997000], errorCode.malformed],
    [[1, 0, 997000, 48, 0], errorCode.malformed],
    [[1, 'a', 997000, 48], errorCode.malformed],
    [[1, 4, 997000, 48], errorCode.outOfRange],
    [[1, 0, 997000, 0], errorCode.outOfRange],
    [[1, 0, 997000, 19057], errorCode.outOfRange],
    [[1, 0, -1, 48], errorCode.outOfRange],
    [7, errorCode.malformed],
    [[], errorCode.malformed],
  ]
  for (const [items, error] of cases) assert.equal(decodeAsk(encodeCbor(items)), { error })
})

test('an answer, a refusal, or nothing', () => {
  const blocks = new Uint8Array([1, 2, 3])
  assert.equal(decodeAnswer('readProfile', encodeAnswer('readProfile', { blocks })), { fields: { blocks } })
  assert.equal(decodeAnswer('readProfile', encodeRefusal(errorCode.notRecorded)), { error: errorCode.notRecorded })
  for (const hex of ['8100', '820001', '82004101 00'.replace(' ', ''), '8120', '01']) {
    assert.is(decodeAnswer('readProfile', fromHex(hex)), undefined, hex)
  }
  assert.is(toHex(encodeAnswer('readProfile', { blocks })), '820043010203')
})

test.run()

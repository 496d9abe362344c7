import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { crc16, toHex } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { frameBytesMax, packetBytesMax } from '../../protocol/limits.ts'

function decodeAll(pieces: Uint8Array[]) {
  const packets: string[] = []
  const drops: string[] = []
  const decoder = createFrameDecoder(
    (packet) => packets.push(toHex(packet)),
    (why) => drops.push(why),
  )
  for (const piece of pieces) decoder.push(piece)
  return { packets, drops }
}

const packets = fc.uint8Array({ minLength: 1, maxLength: packetBytesMax })

test('CRC-16/CCITT-FALSE has its published check value', () => {
  assert.is(crc16(new TextEncoder().encode('123456789'), 0, 9), 0x29b1)
})

test('any packet round-trips in a frame of at most 256 bytes with a zero only at its end', () => {
  fc.assert(
    fc.property(packets, (packet) => {
      const frame = encodeFrame(packet)
      assert.ok(frame.length <= frameBytesMax)
      assert.is(frame.indexOf(0), frame.length - 1)
      assert.equal(decodeAll([frame]), { packets: [toHex(packet)], drops: [] })
    }),
  )
})

test('a stream cut anywhere gives the same packets', () => {
  fc.assert(
    fc.property(fc.array(packets, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(1200)), (list, cuts) => {
      const stream = Uint8Array.from(list.flatMap((packet) => [...encodeFrame(packet)]))
      const edges = [0, ...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length]
      const pieces = edges.slice(1).map((edge, i) => stream.subarray(edges[i], edge))
      assert.equal(decodeAll(pieces), { packets: list.map(toHex), drops: [] })
    }),
  )
})

test('every flipped bit is noticed, and the frame after it is found', () => {
  const packet = createRandom(3).bytes(60)
  const frame = encodeFrame(packet)
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const bad = frame.slice()
    bad[bit >> 3]! ^= 1 << (bit & 7)
    const { packets: found } = decodeAll([bad, new Uint8Array([0]), frame])
    assert.equal(found, [toHex(packet)])
  }
})

test('malformed between frames is dropped and costs at most the frame it touches', () => {
  const random = createRandom(4)
  const packet = random.bytes(40)
  for (let i = 0; i < 2000; i++) {
    const noise = random.bytes(random.below(600))
    const { packets: found } = decodeAll([noise, new Uint8Array([0]), encodeFrame(packet)])
    assert.ok(found.includes(toHex(packet)))
  }
})

test('a frame without an end is dropped whole and reported', () => {
  const { packets: found, drops } = decodeAll([new Uint8Array(100000).fill(7), new Uint8Array([0])])
  assert.equal([found, drops], [[], ['too long']])
})

test('a packet over the limit is a broken promise of ours', () => {
  assert.throws(() => encodeFrame(new Uint8Array(packetBytesMax + 1)), /bytes of packet/)
  assert.throws(() => encodeFrame(new Uint8Array(0)), /bytes of packet/)
})

test.run()

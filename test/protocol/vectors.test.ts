// The published bytes of the line. A change that breaks one of these needs a new protocol version.

import { Encoder } from 'cbor-x'
import nacl from 'tweetnacl'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { euiToBytes, fromHex, toHex } from '../../protocol/bytes.ts'
import { decodeReceivedDay, encodeDayPart } from '../../protocol/day-part.ts'
import { decodeEvent, encodeEvent } from '../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { decodePacket, encodeAwake, encodeWake, nonceOf } from '../../protocol/link.ts'
import { messageCode, takeAsk } from '../../protocol/message-layout.ts'
import { decodeAnswer, decodeAsk, encodeAnswer, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import { decodeDayBlock, encodeDayBlock } from '../../protocol/profile-coding.ts'
import { decodeSnapshot, encodeSnapshot } from '../../protocol/register-snapshot.ts'
import { open, seal } from '../../protocol/seal.ts'
import { repositoryText } from '../support/repository.ts'

const vectors = JSON.parse(repositoryText('test/vectors/wire.json'))
const key = fromHex(vectors.key)
const link = { ...vectors.link, hostNonce: fromHex(vectors.link.hostNonce) }

test('day blocks, both ways', () => {
  for (const { name, channel = 0, day, open: isOpen, wh, marked, hex } of vectors.days) {
    const marks = Uint8Array.from({ length: 48 }, (_, i) => (marked.includes(i) ? 1 : 0))
    const profile = { channel, day, open: isOpen, wh: Int32Array.from(wh), marked: marks }
    assert.is(toHex(encodeDayBlock(profile)), hex, name)
    assert.equal(decodeDayBlock(fromHex(hex)), profile, name)
  }
})

test('parts of days, as the meter cuts them and the bridge reads them', () => {
  for (const { name, block, first, count, hex } of vectors.parts) {
    assert.is(toHex(encodeDayPart(fromHex(block), first, count)), hex, name)
    const whole = decodeDayBlock(fromHex(block))!
    const part = decodeReceivedDay(fromHex(hex))!
    assert.equal(
      [part.first, part.count, part.day, part.channel, part.open],
      [first, count, whole.day, whole.channel, whole.open],
    )
    for (let i = 0; i < 48; i++) {
      const isIn = i >= first && i < first + count
      assert.is(part.wh[i], isIn ? whole.wh[i] : -1)
      assert.is(part.marked[i], isIn ? whole.marked[i] : 0)
    }
    // Any one bit that is not as it was is noticed.
    for (let bit = 0; bit < hex.length * 4; bit++) {
      const bad = fromHex(hex)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      assert.is(decodeReceivedDay(bad), undefined, `${name}, bit ${bit}`)
    }
  }
})

test('messages, both ways, and as cbor-x reads them', () => {
  const cbor = new Encoder({ useRecords: false, tagUint8Array: false })
  for (const { kind, name, fields, error, hex } of vectors.messages) {
    const bytes = fromHex(hex)
    assert.is(toHex(cbor.encode(cbor.decode(bytes))), hex)
    if (kind === 'ask') {
      assert.is(toHex(encodeAsk(name, fields)), hex)
      assert.equal(decodeAsk(bytes), { name, fields })
    } else if (kind === 'answer') {
      assert.equal(decodeAnswer(name, bytes), { fields: { blocks: fromHex(fields.blocks) } })
    } else assert.equal(decodeAnswer('readProfile', bytes), { error })
  }
})

test('register snapshots and events, both ways', () => {
  for (const { name, hex, ...snapshot } of vectors.snapshots) {
    assert.is(toHex(encodeSnapshot(snapshot)!), hex, name)
    assert.equal(decodeSnapshot(fromHex(hex)), snapshot, name)
  }
  for (const { name, hex, ...entry } of vectors.events) {
    assert.is(toHex(encodeEvent(entry)), hex, name)
    assert.equal(decodeEvent(fromHex(hex), 0), entry, name)
  }
})

test('every message has a vector, which the bridge writes and reads; asks the meter reads too', () => {
  const seen = new Set(vectors.messages.map((vector: { name?: string }) => vector.name))
  for (const { kind, name, fields, hex } of vectors.moreMessages) {
    seen.add(name)
    const given = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'object' ? fromHex((value as { hex: string }).hex) : value,
      ]),
    )
    if (kind === 'ask') {
      assert.is(toHex(encodeAsk(name, given as never)), hex)
      assert.equal(decodeAsk(fromHex(hex)), { name, fields: given })
      assert.equal(takeAsk(fromHex(hex)), { code: messageCode[name as MessageName], fields: Object.values(given) })
    } else {
      assert.is(toHex(encodeAnswer(name, given as never)), hex)
      assert.equal(decodeAnswer(name, fromHex(hex)), { fields: given })
    }
  }
  for (const name of Object.keys(messageCode)) assert.ok(seen.has(name), name)
})

test('seals, both ways, and as the whole tweetnacl package makes them', () => {
  for (const { kind, counter, block, nonce, open: message, sealed } of vectors.seals) {
    assert.is(toHex(nonceOf(kind, link, counter, block)), nonce)
    assert.is(toHex(seal(fromHex(message), fromHex(nonce), key)), sealed)
    assert.is(toHex(nacl.secretbox(fromHex(message), fromHex(nonce), key)), sealed)
    assert.is(toHex(open(fromHex(sealed), fromHex(nonce), key)!), message)
    for (const bit of [0, 77, 8 * 16]) {
      const bad = fromHex(sealed)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      assert.is(open(bad, fromHex(nonce), key), undefined)
    }
  }
})

test('packets and frames, both ways', () => {
  for (const { name, packet, frame } of vectors.packets) {
    assert.is(toHex(encodeFrame(fromHex(packet))), frame, name)
    const found: string[] = []
    createFrameDecoder(
      (bytes) => found.push(toHex(bytes)),
      () => {},
    ).push(fromHex(frame))
    assert.equal(found, [packet], name)
  }
  for (const { name, why, frame } of vectors.dropped) {
    const found: string[] = []
    const decoder = createFrameDecoder(
      (bytes) => found.push(toHex(bytes)),
      (fault) => found.push(fault),
    )
    decoder.push(fromHex(frame))
    decoder.push(fromHex(vectors.packets[0].frame))
    // The next frame is not harmed.
    assert.equal(found, [why, vectors.packets[0].packet], name)
  }
  const packetOf = (name: string) => vectors.packets.find((entry: { name: string }) => entry.name === name).packet
  const eui = euiToBytes(vectors.eui)
  assert.is(toHex(encodeWake(eui, link.hostNonce)), packetOf('wake'))
  assert.is(toHex(encodeAwake(link)), packetOf('awake'))
  assert.equal(decodePacket(fromHex(packetOf('wake'))), { kind: 'wake', version: 2, eui, hostNonce: link.hostNonce })
  assert.equal(decodePacket(fromHex(packetOf('awake'))), {
    kind: 'awake',
    version: 2,
    tag: link.hostNonce.subarray(0, 2),
    boot: link.boot,
    session: link.session,
  })
  const ask = decodePacket(fromHex(packetOf('ask')))
  assert.ok(ask?.kind === 'ask' && ask.counter === 1 && toHex(ask.sealed) === vectors.seals[0].sealed)
  const last = decodePacket(fromHex(packetOf('last answer')))
  assert.ok(last?.kind === 'answer' && last.last && last.block === 1)
})

test.run()

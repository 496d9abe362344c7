// The published bytes of version 1 of the line: records are read, wakes and awakes are recognised, all else is refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromHex } from '../../protocol/bytes.ts'
import { decodeEvent } from '../../protocol/event-entry.ts'
import { decodePacket, isWakeFor, kind, lineVersion } from '../../protocol/link.ts'
import { decodeDayBlock } from '../../protocol/profile-coding.ts'
import { decodeSnapshot } from '../../protocol/register-snapshot.ts'
import { repositoryText } from '../support/repository.ts'

const vectors = JSON.parse(repositoryText('test/vectors/wire-v1.json'))

test('records of version 1 are read', () => {
  for (const { name, channel = 0, day, open, wh, marked, hex } of vectors.days) {
    const marks = Uint8Array.from({ length: 48 }, (_, i) => (marked.includes(i) ? 1 : 0))
    const profile = { channel, day, open, wh: Int32Array.from(wh), marked: marks }
    assert.equal(decodeDayBlock(fromHex(hex)), profile, name)
  }
  for (const { name, hex, ...snapshot } of vectors.snapshots) assert.equal(decodeSnapshot(fromHex(hex)), snapshot, name)
  for (const { name, hex, ...entry } of vectors.events) assert.equal(decodeEvent(fromHex(hex), 0), entry, name)
})

test('of packets of version 1 a wake and an awake are recognised with their version, and nothing else', () => {
  // Some vectors are bytes for the framing only, and no packets.
  const all: { packet: string }[] = [...vectors.packets, ...vectors.conversation]
  const packets = all.filter(({ packet }) => packet.startsWith('1'))
  assert.ok(packets.length > 40)
  const kinds = new Set<string>()
  for (const { packet } of packets) {
    const bytes = fromHex(packet)
    const decoded = decodePacket(bytes)
    const isWake = bytes[0] === 0x11
    if (isWake || bytes[0] === 0x12) {
      assert.ok(decoded?.kind === (isWake ? 'wake' : 'awake') && decoded.version === 1)
      kinds.add(decoded.kind)
    } else {
      assert.is(decoded, undefined)
      kinds.add('refused')
    }
    if (isWake && decoded?.kind === 'wake') assert.ok(isWakeFor(bytes, decoded.eui))
  }
  assert.equal([...kinds].sort(), ['awake', 'refused', 'wake'])
  assert.is(kind.wake >> 4, lineVersion)
})

test.run()

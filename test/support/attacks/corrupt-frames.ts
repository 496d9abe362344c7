// Frames corrupted by a bad line or forged with a right CRC: is any of them ever accepted as something it is not?

import { createRandom, type Random } from '../../../emulation/random.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { messageBytesMax } from '../../../protocol/limits.ts'
import {
  decodePacket,
  encodeAwake,
  encodeSealedAnswer,
  encodeSealedAsk,
  encodeWake,
  kind,
  nonceOf,
} from '../../../protocol/link.ts'
import { open, seal } from '../../../protocol/seal.ts'

export interface CorruptTally {
  frames: number
  /** Of these, with a good CRC all the same. */
  passedCrc: number
  /** Of these, asks and answers, whose seal did not open; and wakes, awakes and what is no packet: these carry no value. */
  stoppedBySeal: number
  withoutValue: number
  /** Opened, though a byte was not as it was sent. */
  accepted: number
}

export function noCorruptTally(): CorruptTally {
  return { frames: 0, passedCrc: 0, stoppedBySeal: 0, withoutValue: 0, accepted: 0 }
}

export function addCorruptTally(to: CorruptTally, from: CorruptTally): void {
  for (const name of Object.keys(to) as (keyof CorruptTally)[]) to[name] += from[name]
}

/** Faults of a line: the bytes that arrive of those sent, which may be the same. */
const spoilers: readonly ((bytes: Uint8Array, other: Uint8Array, random: Random) => Uint8Array)[] = [
  // Some bits are inverted.
  (bytes, _, random) => {
    const out = bytes.slice()
    for (let i = 1 + random.below(8); i > 0; i--) out[random.below(out.length)]! ^= 1 << random.below(8)
    return out
  },
  // A burst.
  (bytes, _, random) => {
    const out = bytes.slice()
    const at = random.below(out.length)
    out.set(random.bytes(Math.min(out.length - at, 1 + random.below(32))), at)
    return out
  },
  // A byte is lost, or comes twice.
  (bytes, _, random) => {
    const at = random.below(bytes.length)
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)])
  },
  (bytes, _, random) => {
    const at = random.below(bytes.length)
    return Uint8Array.from([...bytes.subarray(0, at + 1), ...bytes.subarray(at)])
  },
  // The end of another frame follows the beginning of this one.
  (bytes, other, random) => {
    const at = random.below(bytes.length)
    return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(at)])
  },
  // The end is missing; the next zero closes what is left.
  (bytes, _, random) => Uint8Array.from([...bytes.subarray(0, random.below(bytes.length)), 0]),
]

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/**
 * Corrupts so many frames of one session and passes them to a receiver. `mended`: the packet is corrupted and its CRC is
 * computed again, so that only the seal can detect it.
 */
export function corruptFrames(seed: number, count: number, mended: boolean): CorruptTally {
  const random = createRandom(seed)
  const key = random.bytes(32)
  const link = { hostNonce: random.bytes(8), boot: 1 + random.below(1000), session: 1 + random.below(1000) }
  const packets = Array.from({ length: 256 }, (_, i) => {
    if (i === 0) return encodeWake(random.bytes(8), link.hostNonce)
    if (i === 1) return encodeAwake(link)
    const message = random.bytes(1 + random.below(messageBytesMax))
    if (i % 4 === 0) return encodeSealedAsk(i, seal(message.subarray(0, 16), nonceOf(kind.ask, link, i, 0), key))
    const last = i % 2 === 0
    const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, link, i, i & 31)
    return encodeSealedAnswer(i, i & 31, last, seal(message, nonce, key))
  })
  const tally = noCorruptTally()
  let sent = packets[0]!

  function take(packet: Uint8Array): void {
    if (same(packet, sent)) return
    tally.passedCrc += 1
    const found = decodePacket(packet)
    if (found?.kind !== 'ask' && found?.kind !== 'answer') {
      tally.withoutValue += 1
      return
    }
    const block = found.kind === 'ask' ? 0 : found.block
    const opened = open(found.sealed, nonceOf(packet[0]!, link, found.counter, block), key)
    if (opened === undefined) tally.stoppedBySeal += 1
    else tally.accepted += 1
  }

  const decoder = createFrameDecoder(take, () => {})
  const frames = packets.map((packet) => encodeFrame(packet))
  const closing = Uint8Array.of(0)
  while (tally.frames < count) {
    const which = random.below(packets.length)
    sent = packets[which]!
    const other = random.below(packets.length)
    const spoil = spoilers[random.below(spoilers.length)]!
    if (mended) {
      const spoilt = spoil(sent, packets[other]!, random)
      if (spoilt.length < 1 || spoilt.length > 252 || same(spoilt, sent)) continue
      // The whole of another packet is a packet that was sent.
      if (packets.some((packet) => same(packet, spoilt))) continue
      tally.frames += 1
      take(spoilt)
      continue
    }
    const spoilt = spoil(frames[which]!, frames[other]!, random)
    if (same(spoilt, frames[which]!) || same(spoilt, frames[other]!)) continue
    tally.frames += 1
    decoder.push(spoilt)
    // The remains of a frame without its zero must not affect the next one.
    decoder.push(closing)
  }
  return tally
}

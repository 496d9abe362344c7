// Packets and the session they belong to (SPEC.md sections 4 to 6).

import { copyOf, getU16, getU32, putU16, putU32, sameBytes } from './bytes.ts'

/** First bytes of packets: version 2 in the high half. */
export const kind = { wake: 0x21, awake: 0x22, ask: 0x23, answer: 0x24, lastAnswer: 0x25 } as const

/** Version of this line, in the high half of every kind. */
export const lineVersion = 2

export const hostNonceBytes = 8

/** What both ends agree on when a meter wakes; every nonce of the session is made from it. */
export interface LinkSession {
  /** 8 random bytes of the bridge's side, fresh for every wake. */
  hostNonce: Uint8Array
  /** Starts of the meter, counted in its flash. */
  boot: number
  /** Sessions since that start, from 1. */
  session: number
}

export interface Wake {
  kind: 'wake'
  version: number
  eui: Uint8Array
  hostNonce: Uint8Array
}
export interface Awake {
  kind: 'awake'
  version: number
  tag: Uint8Array
  boot: number
  session: number
}
export interface SealedAsk {
  kind: 'ask'
  counter: number
  sealed: Uint8Array
}
export interface SealedAnswer {
  kind: 'answer'
  counter: number
  block: number
  last: boolean
  sealed: Uint8Array
}
export type Packet = Wake | Awake | SealedAsk | SealedAnswer

/** The 24-byte nonce of one sealed message. `block` is 0 for an ask. */
export function nonceOf(packetKind: number, link: LinkSession, counter: number, block: number): Uint8Array {
  const nonce = new Uint8Array(24)
  nonce[0] = packetKind
  nonce.set(link.hostNonce, 1)
  putU32(nonce, 9, link.boot)
  putU16(nonce, 13, link.session)
  putU16(nonce, 15, counter)
  nonce[17] = block
  return nonce
}

export function encodeWake(eui: Uint8Array, hostNonce: Uint8Array): Uint8Array {
  const packet = new Uint8Array(17)
  packet[0] = kind.wake
  packet.set(eui, 1)
  packet.set(hostNonce, 9)
  return packet
}

export function encodeAwake(link: LinkSession): Uint8Array {
  const packet = new Uint8Array(9)
  packet[0] = kind.awake
  packet.set(link.hostNonce.subarray(0, 2), 1)
  putU32(packet, 3, link.boot)
  putU16(packet, 7, link.session)
  return packet
}

export function encodeSealedAsk(counter: number, sealed: Uint8Array): Uint8Array {
  const packet = new Uint8Array(3 + sealed.length)
  packet[0] = kind.ask
  putU16(packet, 1, counter)
  packet.set(sealed, 3)
  return packet
}

export function encodeSealedAnswer(counter: number, block: number, last: boolean, sealed: Uint8Array): Uint8Array {
  const packet = new Uint8Array(4 + sealed.length)
  packet[0] = last ? kind.lastAnswer : kind.answer
  putU16(packet, 1, counter)
  packet[3] = block
  packet.set(sealed, 4)
  return packet
}

/** True for a wake, of any version, that means this EUI-64. */
export function isWakeFor(packet: Uint8Array, eui: Uint8Array): boolean {
  return packet.length === 17 && (packet[0]! & 15) === 1 && sameBytes(packet.subarray(1, 9), eui)
}

/**
 * Reads a packet; `undefined` when it is none of the five. Wakes and awakes of other versions are read as far as their
 * layout is the same, so that each end can tell the other's version.
 */
export function decodePacket(bytes: Uint8Array): Packet | undefined {
  const first = bytes[0]!
  const count = bytes.length
  const version = first >> 4
  if ((first & 15) === 1 && count === 17) {
    return { kind: 'wake', version: version, eui: copyOf(bytes, 1, 8), hostNonce: copyOf(bytes, 9, hostNonceBytes) }
  }
  if ((first & 15) === 2 && count === 9) {
    return {
      kind: 'awake',
      version: version,
      tag: copyOf(bytes, 1, 2),
      boot: getU32(bytes, 3),
      session: getU16(bytes, 7),
    }
  }
  if (first === kind.ask && count > 3) {
    return { kind: 'ask', counter: getU16(bytes, 1), sealed: copyOf(bytes, 3, count - 3) }
  }
  if ((first === kind.answer || first === kind.lastAnswer) && count > 4) {
    return {
      kind: 'answer',
      counter: getU16(bytes, 1),
      block: bytes[3]!,
      last: first === kind.lastAnswer,
      sealed: copyOf(bytes, 4, count - 4),
    }
  }
  return undefined
}

// Every nonce that the two ends of a line use, computed from the bytes on the line alone.

import { toHex } from '../../../protocol/bytes.ts'
import { createFrameDecoder } from '../../../protocol/frame.ts'
import { decodePacket, kind, type LinkSession, nonceOf, type SealedAnswer } from '../../../protocol/link.ts'

export interface NonceListener {
  /** Takes bytes on their way to the meter, and from it. */
  toMeter(bytes: Uint8Array): void
  toHost(bytes: Uint8Array): void
  /** Power went: of alerts that were sent no awake says any more to which session they belong. */
  powerCut(): void
  /** Nonces in the order of their use. */
  used: string[]
  /** Those used more than once, with different bytes sealed. */
  twice: string[]
}

export function createNonceListener(): NonceListener {
  let hostNonce: Uint8Array = new Uint8Array(8)
  let link: LinkSession | undefined
  let early: SealedAnswer[] = []
  const sealedBy = new Map<string, string>()
  const listener: NonceListener = {
    toMeter: (bytes) => asks.push(bytes),
    toHost: (bytes) => answers.push(bytes),
    powerCut() {
      early = []
      link = undefined
    },
    used: [],
    twice: [],
  }

  function note(nonce: Uint8Array, sealed: Uint8Array): void {
    const name = toHex(nonce)
    const before = sealedBy.get(name)
    if (before !== undefined) listener.twice.push(name)
    sealedBy.set(name, toHex(sealed))
    listener.used.push(name)
  }

  function noteAnswer({ last, counter, block, sealed }: SealedAnswer, to: LinkSession): void {
    note(nonceOf(last ? kind.lastAnswer : kind.answer, to, counter, block), sealed)
  }

  const fail = (why: string) => {
    throw new Error(`a frame of our own is none: ${why}`)
  }
  const asks = createFrameDecoder((bytes) => {
    const packet = decodePacket(bytes)
    if (packet?.kind === 'wake') hostNonce = packet.hostNonce
    if (packet?.kind === 'ask' && link !== undefined) note(nonceOf(kind.ask, link, packet.counter, 0), packet.sealed)
  }, fail)
  const answers = createFrameDecoder((bytes) => {
    const packet = decodePacket(bytes)
    if (packet?.kind === 'awake') {
      link = { hostNonce, boot: packet.boot, session: packet.session }
      for (const answer of early) noteAnswer(answer, link)
      early = []
    } else if (packet?.kind === 'answer' && packet.counter === 0) early.push(packet)
    else if (packet?.kind === 'answer' && link !== undefined) noteAnswer(packet, link)
  }, fail)
  return listener
}

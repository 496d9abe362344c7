// One ask to a meter as a bridge sends it, without a line: wakes it, asks, opens the answer.

import type { Meter } from '../../../firmware/meter.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { decodePacket, encodeSealedAsk, encodeWake, kind, nonceOf, type Packet } from '../../../protocol/link.ts'
import { type Answer, type Ask, decodeAnswer, encodeAsk, type MessageName } from '../../../protocol/messages.ts'
import { open, seal } from '../../../protocol/seal.ts'

export interface DirectLine {
  /** Receives what the meter sends. */
  take(bytes: Uint8Array): void
  /** The fields of each frame of the answer. @throws Error when the meter refuses, or does not answer as it should */
  ask<N extends MessageName>(meter: Meter, name: N, fields: Ask<N>): Answer<N>[]
}

export function createDirectLine(eui: Uint8Array, key: Uint8Array): DirectLine {
  const packets: Packet[] = []
  const decoder = createFrameDecoder(
    (bytes) => packets.push(decodePacket(bytes)!),
    (why) => {
      throw new Error(`the meter sent no frame: ${why}`)
    },
  )

  function say(meter: Meter, packet: Uint8Array): Packet[] {
    packets.length = 0
    meter.received(encodeFrame(packet))
    do meter.step()
    while (meter.busy())
    return [...packets]
  }

  return {
    take: (bytes) => decoder.push(bytes),
    ask(meter, name, fields) {
      const hostNonce = new Uint8Array(8)
      const awake = say(meter, encodeWake(eui, hostNonce)).at(-1)
      if (awake?.kind !== 'awake') throw new Error('the meter does not wake')
      const link = { hostNonce, boot: awake.boot, session: awake.session }
      const sealed = seal(encodeAsk(name, fields), nonceOf(kind.ask, link, 1, 0), key)
      return say(meter, encodeSealedAsk(1, sealed)).map((packet) => {
        if (packet.kind !== 'answer') throw new Error('the meter answers something else')
        const nonce = nonceOf(packet.last ? kind.lastAnswer : kind.answer, link, 1, packet.block)
        const message = open(packet.sealed, nonce, key)
        const answer = message && decodeAnswer(name, message)
        if (answer === undefined) throw new Error(`the answer to ${name} is none`)
        if ('error' in answer) throw new Error(`the meter refuses ${name}: ${answer.error}`)
        return answer.fields
      })
    },
  }
}

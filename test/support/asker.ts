// The bridge's end of the line, as little of it as a test of a board needs: wakes a meter, asks for days, opens answers.

import { sameBytes } from '../../protocol/bytes.ts'
import { createFrameDecoder, encodeFrame } from '../../protocol/frame.ts'
import { dayOfHalfHour } from '../../protocol/half-hour.ts'
import { decodePacket, encodeSealedAsk, encodeWake, kind, type LinkSession, nonceOf } from '../../protocol/link.ts'
import { channel, decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import { dayBlockLength, decodeDayBlock, type ProfileDay } from '../../protocol/profile-coding.ts'
import { open, seal } from '../../protocol/seal.ts'

export interface Asker {
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** Sends a wake; `awake` is true once its answer has come. */
  wake(eui: Uint8Array, hostNonce: Uint8Array): void
  awake(): boolean
  /** Asks for the days that `count` half-hours from `first` on touch; `days` has them once the last block has come. */
  ask(first: number, count: number, channel?: number): void
  days(): ProfileDay[] | undefined
  /** The error code of the last answer, if it was a refusal. */
  refusal(): number | undefined
  /** Bytes that the line has carried, both ways, since the last wake. */
  lineBytes(): number
}

function daysOf(blocks: Uint8Array): ProfileDay[] {
  const days: ProfileDay[] = []
  for (let at = 0; at < blocks.length; at += dayBlockLength(blocks, at)) {
    const length = dayBlockLength(blocks, at)
    if (length === 0) throw new Error('the answer holds something that is no day block')
    days.push(decodeDayBlock(blocks.subarray(at, at + length))!)
  }
  return days
}

export function createAsker(key: Uint8Array, send: (bytes: Uint8Array) => void): Asker {
  let hostNonce: Uint8Array = new Uint8Array(8)
  let link: LinkSession | undefined
  let counter = 0
  let blocks = 0
  let bytes = 0
  let days: ProfileDay[] = []
  let whole = false
  let refused: number | undefined

  function put(frame: Uint8Array): void {
    bytes += frame.length
    send(frame)
  }

  function answer(block: number, last: boolean, sealed: Uint8Array): void {
    const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, link!, counter, block)
    const message = open(sealed, nonce, key)
    if (message === undefined) throw new Error('an answer does not open')
    if (block !== blocks) throw new Error(`block ${block} came, ${blocks} was expected`)
    blocks += 1
    const result = decodeAnswer('readProfile', message)
    if (result === undefined) throw new Error('an answer is no answer to readProfile')
    if ('error' in result) refused = result.error
    else days.push(...daysOf(result.fields.blocks))
    whole = last
  }

  const decoder = createFrameDecoder(
    (packet) => {
      const taken = decodePacket(packet)
      if (taken?.kind === 'awake' && sameBytes(taken.tag, hostNonce.subarray(0, 2))) {
        link = { hostNonce, boot: taken.boot, session: taken.session }
      } else if (taken?.kind === 'answer' && link !== undefined && taken.counter === counter) {
        answer(taken.block, taken.last, taken.sealed)
      }
    },
    (why, count) => {
      throw new Error(`the meter sent ${count} bytes of no frame: ${why}`)
    },
  )

  return {
    received(part) {
      bytes += part.length
      decoder.push(part)
    },
    wake(eui, nonce) {
      hostNonce = nonce
      link = undefined
      counter = 0
      bytes = 0
      const frame = encodeFrame(encodeWake(eui, nonce))
      const preamble = new Uint8Array(frame.length + 2)
      preamble.set(frame, 2)
      put(preamble)
    },
    awake: () => link !== undefined,
    ask(first, count, ofChannel = channel.activeImport) {
      counter += 1
      blocks = 0
      days = []
      whole = false
      refused = undefined
      const message = encodeAsk('readProfile', { channel: ofChannel, firstHalfHour: first, count })
      put(encodeFrame(encodeSealedAsk(counter, seal(message, nonceOf(kind.ask, link!, counter, 0), key))))
    },
    days: () => (whole && refused === undefined ? days : undefined),
    refusal: () => refused,
    lineBytes: () => bytes,
  }
}

/** The day of a half-hour among days that were read. */
export function dayWith(days: ProfileDay[], halfHour: number): ProfileDay | undefined {
  return days.find((profile) => profile.day === dayOfHalfHour(halfHour))
}

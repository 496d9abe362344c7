// The bridge's end of the line, reduced to what tests of a board need: wakes a meter, asks, opens answers.

import { sameBytes } from '../../../protocol/bytes.ts'
import { decodeReceivedDay } from '../../../protocol/day-part.ts'
import { decodeEvent, type EventEntry } from '../../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { dayOfHalfHour } from '../../../protocol/half-hour.ts'
import { eventBytes } from '../../../protocol/limits.ts'
import {
  decodePacket,
  encodeSealedAsk,
  encodeWake,
  kind,
  type LinkSession,
  nonceOf,
  type SealedAnswer,
} from '../../../protocol/link.ts'
import {
  type Answer,
  type Ask,
  channel,
  decodeAnswer,
  encodeAsk,
  type MessageName,
} from '../../../protocol/messages.ts'
import type { ProfileDay } from '../../../protocol/profile-coding.ts'
import { open, seal } from '../../../protocol/seal.ts'

export interface Asker {
  /** Takes bytes from the line, cut anywhere. */
  received(bytes: Uint8Array): void
  /** Sends a wake; `awake` is true once its answer has come. */
  wake(eui: Uint8Array, hostNonce: Uint8Array): void
  awake(): boolean
  /** Alerts that were pushed ahead of the last awake. */
  alerts(): EventEntry[]
  /** Asks anything; `answers` has its parts once the last block has come. */
  request<N extends MessageName>(name: N, fields: Ask<N>): void
  answers<N extends MessageName>(name: N): Answer<N>[] | undefined
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
  for (let at = 0; at < blocks.length; at += blocks[at]!) {
    const profile = decodeReceivedDay(blocks.slice(at, at + blocks[at]!))
    if (profile === undefined) throw new Error('the answer holds something that is no day block')
    days.push(profile)
  }
  return days
}

function eventsOf(entries: Uint8Array): EventEntry[] {
  return Array.from({ length: entries.length / eventBytes }, (_, i) => decodeEvent(entries, i * eventBytes)!)
}

/** The message of a sealed answer. @throws Error when it does not open */
function openAnswer(key: Uint8Array, link: LinkSession, answer: SealedAnswer): Uint8Array {
  const nonce = nonceOf(answer.last ? kind.lastAnswer : kind.answer, link, answer.counter, answer.block)
  const message = open(answer.sealed, nonce, key)
  if (message === undefined) throw new Error('an answer does not open')
  return message
}

/** The fields of an answer, or its error code. @throws Error when it is not an answer to `name` */
function decodedOf<N extends MessageName>(name: N, message: Uint8Array) {
  const result = decodeAnswer(name, message)
  if (result === undefined) throw new Error(`an answer is no answer to ${name}`)
  return result
}

function alertsOf(message: Uint8Array): EventEntry[] {
  const result = decodedOf('readEvents', message)
  return 'error' in result ? [] : eventsOf(result.fields.entries)
}

/** Collects the parts of the answer to one ask. */
function createCollector(name: MessageName) {
  const parts: Uint8Array[] = []
  let whole = false
  let refusal: number | undefined
  return {
    expected: () => parts.length,
    add(message: Uint8Array, last: boolean) {
      const result = decodedOf(name, message)
      if ('error' in result) refusal = result.error
      parts.push(message)
      whole = last
    },
    refusal: () => refusal,
    parts: () => (whole && refusal === undefined ? parts : undefined),
  }
}

export function createAsker(key: Uint8Array, send: (bytes: Uint8Array) => void): Asker {
  let hostNonce: Uint8Array = new Uint8Array(8)
  let link: LinkSession | undefined
  let counter = 0
  let bytes = 0
  let collector = createCollector('sleep')
  let pushed: SealedAnswer | undefined
  let alerts: EventEntry[] = []

  function put(frame: Uint8Array): void {
    bytes += frame.length
    send(frame)
  }

  function take(answer: SealedAnswer, session: LinkSession): void {
    const expected = collector.expected()
    if (answer.block !== expected) throw new Error(`block ${answer.block} came, ${expected} was expected`)
    collector.add(openAnswer(key, session, answer), answer.last)
  }

  const decoder = createFrameDecoder(
    (packet) => {
      const taken = decodePacket(packet)
      if (taken?.kind === 'awake' && sameBytes(taken.tag, hostNonce.subarray(0, 2))) {
        link = { hostNonce, boot: taken.boot, session: taken.session }
        if (pushed !== undefined) alerts = alertsOf(openAnswer(key, link, pushed))
      } else if (taken?.kind === 'answer' && taken.counter === 0) pushed = taken
      else if (taken?.kind === 'answer' && link !== undefined && taken.counter === counter) take(taken, link)
    },
    (why, count) => {
      throw new Error(`the meter sent ${count} bytes of no frame: ${why}`)
    },
  )

  const asker: Asker = {
    received(part) {
      bytes += part.length
      decoder.push(part)
    },
    wake(eui, nonce) {
      hostNonce = nonce
      link = undefined
      pushed = undefined
      alerts = []
      counter = 0
      bytes = 0
      put(Uint8Array.from([0, 0, ...encodeFrame(encodeWake(eui, nonce))]))
    },
    awake: () => link !== undefined,
    alerts: () => alerts,
    request(name, fields) {
      counter += 1
      collector = createCollector(name)
      const message = encodeAsk(name, fields)
      put(encodeFrame(encodeSealedAsk(counter, seal(message, nonceOf(kind.ask, link!, counter, 0), key))))
    },
    answers: (name) => {
      const results = collector.parts()?.map((message) => decodedOf(name, message))
      return results?.flatMap((result) => ('error' in result ? [] : [result.fields]))
    },
    ask(first, count, ofChannel = channel.activeImport) {
      asker.request('readProfile', { channel: ofChannel, firstHalfHour: first, count })
    },
    days: () => asker.answers('readProfile')?.flatMap(({ blocks }) => daysOf(blocks)),
    refusal: () => collector.refusal(),
    lineBytes: () => bytes,
  }
  return asker
}

/** The day of a half-hour among days that were read. */
export function dayWith(days: ProfileDay[], halfHour: number): ProfileDay | undefined {
  return days.find((profile) => profile.day === dayOfHalfHour(halfHour))
}

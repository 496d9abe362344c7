// A meter that has its key and misbehaves: it wakes, takes asks, and answers them as its behaviour says, until it is sent
// to sleep or another meter is woken. (One that goes on sending then blocks a shared pair of wires: no bridge can help that.)

import type { LineDevice, SimLine } from '../../../emulation/sim-line.ts'
import type { VirtualClock } from '../../../emulation/virtual-clock.ts'
import { copyOf, euiToBytes } from '../../../protocol/bytes.ts'
import { encodeEvent, eventCode } from '../../../protocol/event-entry.ts'
import { createFrameDecoder, encodeFrame } from '../../../protocol/frame.ts'
import { eventBytes } from '../../../protocol/limits.ts'
import {
  decodePacket,
  encodeAwake,
  encodeSealedAnswer,
  isWakeFor,
  kind,
  type LinkSession,
  nonceOf,
} from '../../../protocol/link.ts'
import { decodeAsk, encodeAnswer } from '../../../protocol/messages.ts'
import { emptyDay, encodeDayBlock } from '../../../protocol/profile-coding.ts'
import { open, seal } from '../../../protocol/seal.ts'

export const behaviours = [
  'empty',
  'endless',
  'repeated',
  'overlapping',
  'huge',
  'slow',
  'garbage',
  'alerts without end',
  'reboots at each block',
  'silent after its first block',
] as const
export type Behaviour = (typeof behaviours)[number]

/** A day block of one value throughout. */
function blockOf(day: number, wh: number): Uint8Array {
  const profile = emptyDay(day)
  profile.wh.fill(wh)
  return encodeDayBlock(profile)
}

function answerOf(wh: number, ...days: number[]): Uint8Array {
  const parts = days.map((day) => blockOf(day, wh))
  const bytes = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return encodeAnswer('readProfile', { blocks: bytes })
}

/** Ten alerts that the clock was lost, as one message. */
function alerts(sequence: number): Uint8Array {
  const entries = new Uint8Array(10 * eventBytes)
  for (let i = 0; i < 10; i++) {
    const entry = { sequence: sequence + i, code: eventCode.clockLost, atSeconds: 0, value: 0, detail: 0 }
    entries.set(encodeEvent(entry), i * eventBytes)
  }
  return encodeAnswer('readEvents', { entries })
}

interface Frame {
  block: number
  last: boolean
  /** Nothing is sent when it is undefined. */
  message: Uint8Array | undefined
}

/** Frame number `count` of the answer to a read from a day on; undefined when nothing more comes. */
function frameOf(behaviour: Behaviour, day: number, count: number): Frame | undefined {
  const frame = (message: Uint8Array | undefined, block = count & 255, last = false): Frame => ({
    block,
    last,
    message,
  })
  switch (behaviour) {
    case 'empty':
      return frame(answerOf(1))
    case 'endless':
      return frame(answerOf(1, day + 400 + count))
    case 'repeated':
      return frame(answerOf(1, day - 1))
    case 'overlapping':
      return count > 254 ? undefined : frame(answerOf(1, day - 2 + (count % 2), day + (count % 2)))
    case 'huge':
      return frame(answerOf(65_000, day + count), count, count === 254)
    case 'slow':
      return count > 254 ? undefined : frame(count === 0 ? undefined : answerOf(1, day + count - 1), count - 1)
    case 'reboots at each block':
    case 'silent after its first block':
      return count > 0 ? undefined : frame(answerOf(1, day))
    case 'garbage':
    case 'alerts without end':
      return undefined
  }
}

const noise = (count: number) => Uint8Array.from({ length: 120 }, (_, i) => (count * 37 + i * 91) & 255)

function repeatedly(clock: VirtualClock, line: SimLine, everyMs: number, step: (count: number) => boolean): void {
  const next = (count: number) => {
    if (!line.ready()) clock.after(1, () => next(count))
    else if (step(count)) clock.after(everyMs, () => next(count + 1))
  }
  clock.after(1, () => next(0))
}

export function createHostileMeter(
  clock: VirtualClock,
  line: SimLine,
  eui: string,
  key: Uint8Array,
  behaviour: Behaviour,
): LineDevice {
  let link: LinkSession | undefined
  let sessions = 0
  let boot = 1
  /** Increases with each wake and ask, which end what an earlier one still had to send. */
  let turn = 0

  function answer(counter: number, block: number, last: boolean, message: Uint8Array): void {
    if (link === undefined) return
    const sealed = seal(message, nonceOf(last ? kind.lastAnswer : kind.answer, link, counter, block), key)
    line.send(encodeFrame(encodeSealedAnswer(counter, block, last, sealed)))
  }

  /** Calls `step` again and again until it returns false, or another wake or ask comes; as fast as the line carries it. */
  function repeat(everyMs: number, step: (count: number) => boolean): void {
    const mine = ++turn
    repeatedly(clock, line, everyMs, (count) => mine === turn && link !== undefined && step(count))
  }

  function wake(hostNonce: Uint8Array): void {
    sessions += 1
    link = { hostNonce, boot, session: sessions }
    if (behaviour === 'alerts without end') answer(0, 0, true, alerts(sessions * 100))
    line.send(encodeFrame(encodeAwake(link)))
    if (behaviour !== 'garbage') return
    repeat(20, (count) => {
      line.send(noise(count))
      return true
    })
  }

  function answerProfile(counter: number, firstHalfHour: number): void {
    const day = Math.floor(firstHalfHour / 48)
    repeat(behaviour === 'slow' ? 1200 : 5, (count) => {
      const frame = frameOf(behaviour, day, count)
      if (frame === undefined) return false
      if (frame.message !== undefined) answer(counter, frame.block, frame.last, frame.message)
      if (behaviour !== 'reboots at each block') return !frame.last
      link = undefined
      boot += 1
      return false
    })
  }

  const decoder = createFrameDecoder(
    (bytes) => {
      if (isWakeFor(bytes, euiToBytes(eui))) {
        turn += 1
        return wake(copyOf(bytes, 9, 8))
      }
      const packet = decodePacket(bytes)
      if (packet?.kind === 'wake') link = undefined
      if (packet?.kind !== 'ask' || link === undefined) return
      const message = open(packet.sealed, nonceOf(kind.ask, link, packet.counter, 0), key)
      const ask = message && decodeAsk(message)
      if (!ask || 'error' in ask) return
      turn += 1
      if (ask.name === 'readProfile') answerProfile(packet.counter, Number(ask.fields.firstHalfHour))
      else if (ask.name === 'sleep') link = undefined
    },
    () => {},
  )
  return { received: (bytes) => decoder.push(bytes) }
}

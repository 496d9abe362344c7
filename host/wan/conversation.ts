// Asks and answers of one session with a meter that is awake: what every message of the table goes through.

import { decodePacket, encodeSealedAsk } from '../../protocol/link.ts'
import { type DcoSession, dcoBudgetMs } from '../dco/sealer.ts'
import { threeFramesMs } from './limits.ts'
import type { Timing, Turn } from './line.ts'
import { ReadError } from './read-error.ts'
import type { Usage } from './usage.ts'

/** For whom a meter is asked: until when, and on whose account. */
export interface Errand {
  deadlineMs: number
  usage: Usage
}

/** One frame of an answer, opened. */
export interface Opened {
  /** Of the ask that it answers. */
  counter: number
  /** Its place among the frames of that answer, from 0. */
  block: number
  last: boolean
  message: Uint8Array
}

export interface Conversation {
  eui: string
  limits: Turn['limits']
  /** Seals, sends and counts the open message of an ask; answers its counter. @throws ReadError */
  send(message: Uint8Array): Promise<number>
  /**
   * The next frame that `wanted` lets through and that opens, or `undefined` when none came in time. Each of `tries` asks
   * in a row that brought nothing doubles the wait. @throws ReadError when the errand's time is used up
   */
  receive(tries: number, wanted: (counter: number, block: number) => boolean): Promise<Opened | undefined>
  /** False once the line is gone. */
  open(): boolean
}

/** Awaits a DCO call within its budget, and counts it. @throws ReadError */
export async function timed<T>(timing: Timing, usage: Usage, call: Promise<T>): Promise<T> {
  const startMs = timing.nowMs()
  let timer: { cancel(): void } | undefined
  const late = new Promise<never>((_, reject) => {
    timer = timing.after(dcoBudgetMs, () => {
      usage.dcoSlow += 1
      reject(new ReadError('DCO too slow', `the DCO took longer than ${dcoBudgetMs} ms`))
    })
  })
  try {
    return await Promise.race([call, late])
  } finally {
    timer?.cancel()
    usage.dcoCalls += 1
    usage.dcoMsMax = Math.max(usage.dcoMsMax, timing.nowMs() - startMs)
  }
}

/** Milliseconds to wait: the try's share, but never beyond the deadline. @throws ReadError when that has passed */
export function waitMs(timing: Timing, deadlineMs: number, firstMs: number, tries: number): number {
  const left = deadlineMs - timing.nowMs()
  if (left <= 0) throw new ReadError('too late', 'the target response time is used up')
  return Math.min(left, firstMs * 2 ** tries)
}

/** A conversation on behalf of one errand. Several may follow each other in a session. */
export function createConversation(
  timing: Timing,
  turn: Turn,
  session: DcoSession,
  eui: string,
  errand: Errand,
): Conversation {
  const { deadlineMs, usage } = errand
  const firstWaitMs = turn.limits.blockMs + threeFramesMs(turn.limits.baud)
  return {
    eui,
    limits: turn.limits,
    open: turn.open,
    async send(message) {
      const { counter, sealed } = await timed(timing, usage, session.sealAsk(message))
      turn.send(encodeSealedAsk(counter, sealed))
      usage.asks += 1
      return counter
    },
    async receive(tries, wanted) {
      for (;;) {
        const bytes = await turn.receive(waitMs(timing, deadlineMs, firstWaitMs, tries))
        if (bytes === undefined) return undefined
        const packet = decodePacket(bytes)
        if (packet?.kind !== 'answer' || !wanted(packet.counter, packet.block)) continue
        const message = await timed(timing, usage, session.openAnswer(packet))
        if (message !== undefined) return { counter: packet.counter, block: packet.block, last: packet.last, message }
        usage.notOpened += 1
      }
    },
  }
}

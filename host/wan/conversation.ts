// Asks and answers of one task with a meter that is awake: what every message of the table goes through.

import { asksPerSessionMax } from '../../protocol/limits.ts'
import { decodePacket, encodeSealedAsk } from '../../protocol/link.ts'
import { type DcoSession, dcoBudgetMs } from '../dco/sealer.ts'
import { PortError } from './bindings.ts'
import { seemsKeyWrong, whyNoAnswer, whyTooLate } from './diagnosis.ts'
import type { Timing, Turn } from './line.ts'
import { firstWaitMs, learn, type Pace } from './pace.ts'
import { ReadError } from './read-error.ts'
import type { Usage } from './usage.ts'

/** For whom a meter is asked: until when, and on whose account. */
export interface MeterTask {
  deadlineMs: number
  usage: Usage
}

/** A meter that is awake, through all sessions of one turn on the line. */
export interface SessionContext {
  eui: string
  /** The session that its last awake opened. */
  session: DcoSession
  pace: Pace
  /** Sessions in this turn, asks sent, and frames that opened: what tells a wrong key from a bad line. */
  sessions: number
  asks: number
  opened: number
}

/** One frame of an answer, opened. */
export interface Opened {
  /** The number of the ask that it answers. */
  ask: number
  /** Its place among the frames of that answer, from 0. */
  block: number
  last: boolean
  message: Uint8Array
}

export interface Conversation {
  eui: string
  /** Seals, sends and counts the open message of an ask; answers its number, which no other ask of this turn has. @throws ReadError */
  send(message: Uint8Array): Promise<number>
  /**
   * The next frame that `wanted` lets through and that opens, or `undefined` when none came in time: `patiently` waits as
   * for a meter never heard before. @throws ReadError when the task's time is used up
   */
  receive(wanted: (ask: number, block: number) => boolean, patiently?: boolean): Promise<Opened | undefined>
  /**
   * After an ask that has brought nothing: wakes the meter again when it is time to, and when the line was gone in between.
   * @throws ReadError to give it up
   */
  silent(): Promise<void>
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

/** Waits until a line that went away is back. @throws ReadError when it is not */
export async function lineBack(turn: Turn): Promise<void> {
  await turn.reopen().catch((error) => {
    throw error instanceof PortError ? new ReadError('no port', `the line went away: ${error.message}`) : error
  })
}

/**
 * A conversation on behalf of one task. Several may follow each other in a session; `wakeAgain` opens another one, for
 * those that follow, too.
 */
export function createConversation(
  timing: Timing,
  turn: Turn,
  contact: SessionContext,
  task: MeterTask,
  wakeAgain: () => Promise<void>,
): Conversation {
  const { deadlineMs, usage } = task
  const { limits } = turn
  const { eui, pace } = contact
  /** When each ask was sent, by its number. */
  const sentMs = new Map<number, number>()
  let lastOpenedMs = timing.nowMs()
  /** Asks in a row that brought nothing, of this session. */
  let silentAsks = 0

  // Numbers of asks begin anew with each session.
  const numberOf = (counter: number) => contact.sessions * (asksPerSessionMax + 1) + counter

  return {
    eui,
    async send(message) {
      const { counter, sealed } = await timed(timing, usage, contact.session.sealAsk(message))
      turn.send(encodeSealedAsk(counter, sealed))
      usage.asks += 1
      contact.asks += 1
      sentMs.set(numberOf(counter), timing.nowMs())
      return numberOf(counter)
    },

    async receive(wanted, patiently = false) {
      const firstMs = firstWaitMs(patiently ? {} : pace, 'blockMs', limits)
      const untilMs = Math.min(deadlineMs, timing.nowMs() + firstMs * 2 ** silentAsks)
      for (;;) {
        // However much comes, the wait is no longer than it was to be.
        const leftMs = untilMs - timing.nowMs()
        const bytes = leftMs > 0 ? await turn.receive(leftMs) : undefined
        if (bytes === undefined && timing.nowMs() >= deadlineMs) throw whyTooLate(contact, turn.heard, limits)
        if (bytes === undefined) return undefined
        const packet = decodePacket(bytes)
        const number = packet?.kind === 'answer' ? numberOf(packet.counter) : -1
        if (packet?.kind !== 'answer' || !wanted(number, packet.block)) {
          usage.framesRefused += 1
          continue
        }
        const message = await timed(timing, usage, contact.session.openAnswer(packet))
        if (message === undefined) {
          usage.notOpened += 1
          continue
        }
        learn(pace, 'blockMs', timing.nowMs() - Math.max(lastOpenedMs, sentMs.get(number) ?? 0))
        lastOpenedMs = timing.nowMs()
        contact.opened += 1
        silentAsks = 0
        return { ask: number, block: packet.block, last: packet.last, message }
      }
    },

    async silent() {
      silentAsks += 1
      const gone = !turn.open()
      if (gone) await lineBack(turn)
      else if (silentAsks < limits.asksPerSession) return
      const neverAnswered = !gone && pace.blockMs === undefined && seemsKeyWrong(contact, turn.heard)
      if (neverAnswered || timing.nowMs() - lastOpenedMs >= limits.silenceMs) {
        throw whyNoAnswer(contact, turn.heard, limits)
      }
      await wakeAgain()
      silentAsks = 0
    },
  }
}

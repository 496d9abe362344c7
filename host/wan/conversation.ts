// Asks and answers of one task, with a meter that is awake.

import { asksPerSessionMax } from '../../protocol/limits.ts'
import { decodePacket, encodeSealedAsk, type SealedAnswer } from '../../protocol/link.ts'
import { type DcoSession, dcoBudgetMs } from '../dco/sealer.ts'
import { PortError } from './bindings.ts'
import { seemsKeyWrong, whyNoAnswer, whyTooLate } from './diagnosis.ts'
import { firstWaitMs, learn, type Pace } from './pace.ts'
import { ReadError } from './read-error.ts'
import type { Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'

/** Work with a meter: its deadline, and where its cost is counted. */
export interface MeterTask {
  deadlineMs: number
  usage: Usage
}

/** The state of the sessions with a meter in one turn on the line. */
export interface SessionContext {
  eui: string
  /** The session opened by the last awake. */
  session: DcoSession
  pace: Pace
  /** Sessions in this turn, asks sent, frames that opened. They distinguish a wrong key from a bad line. */
  sessions: number
  asks: number
  opened: number
}

/** One frame of an answer, opened. */
export interface Opened {
  /** Number of the ask. */
  ask: number
  /** Position among the frames of the answer, from 0. */
  block: number
  last: boolean
  message: Uint8Array
}

export interface Conversation {
  eui: string
  /** Seals and sends an ask. Returns its number, unique in this turn. @throws ReadError */
  send(message: Uint8Array): Promise<number>
  /**
   * The next frame that `wanted` accepts and that opens, or `undefined` when none comes in time. `patiently` waits as long
   * as for a meter whose response time is not known. @throws ReadError after the task's deadline
   */
  receive(wanted: (ask: number, block: number) => boolean, patiently?: boolean): Promise<Opened | undefined>
  /**
   * To be called after an ask without an answer. Wakes the meter again after two of them (`asksPerSession`), and when the
   * port was closed meanwhile. @throws ReadError when the meter is given up
   */
  silent(): Promise<void>
}

/** Awaits a DCO call, at most `dcoBudgetMs`, and counts it. @throws ReadError */
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

/** Waits until a port that was lost is open again. @throws ReadError */
export async function waitForLine(turn: Turn): Promise<void> {
  await turn.reopen().catch((error) => {
    throw error instanceof PortError ? new ReadError('no port', `the line went away: ${error.message}`) : error
  })
}

/**
 * The next answer that `isWanted` accepts, or undefined when none comes by `untilMs`. Other frames are counted as refused
 * and do not extend the wait.
 */
async function nextAnswer(
  timing: Timing,
  turn: Turn,
  usage: Usage,
  untilMs: number,
  isWanted: (answer: SealedAnswer) => boolean,
): Promise<SealedAnswer | undefined> {
  for (;;) {
    const leftMs = untilMs - timing.nowMs()
    const bytes = leftMs > 0 ? await turn.receive(leftMs) : undefined
    if (bytes === undefined) return undefined
    const packet = decodePacket(bytes)
    if (packet?.kind === 'answer' && isWanted(packet)) return packet
    usage.framesRefused += 1
  }
}

/**
 * A conversation for one task. Several may follow each other in a session. `wakeAgain` opens another session, which the
 * conversations after this one then use too.
 */
export function createConversation(
  timing: Timing,
  turn: Turn,
  context: SessionContext,
  task: MeterTask,
  wakeAgain: () => Promise<void>,
): Conversation {
  const { deadlineMs, usage } = task
  const { limits } = turn
  const { eui, pace } = context
  /** When each ask was sent, by its number. */
  const sentMs = new Map<number, number>()
  let lastOpenedMs = timing.nowMs()
  /** Consecutive asks of this session without an answer. */
  let silentAsks = 0

  // Counters restart at 1 in each session.
  const numberOf = (counter: number) => context.sessions * (asksPerSessionMax + 1) + counter

  return {
    eui,
    async send(message) {
      const { counter, sealed } = await timed(timing, usage, context.session.sealAsk(message))
      turn.send(encodeSealedAsk(counter, sealed))
      usage.asks += 1
      context.asks += 1
      sentMs.set(numberOf(counter), timing.nowMs())
      return numberOf(counter)
    },

    async receive(wanted, patiently = false) {
      const firstMs = firstWaitMs(patiently ? {} : pace, 'blockMs', limits)
      const untilMs = Math.min(deadlineMs, timing.nowMs() + firstMs * 2 ** silentAsks)
      for (;;) {
        const packet = await nextAnswer(timing, turn, usage, untilMs, (answer) =>
          wanted(numberOf(answer.counter), answer.block),
        )
        if (packet === undefined && timing.nowMs() >= deadlineMs) throw whyTooLate(context, turn.traffic, limits)
        if (packet === undefined) return undefined
        const number = numberOf(packet.counter)
        const message = await timed(timing, usage, context.session.openAnswer(packet))
        if (message === undefined) {
          usage.notOpened += 1
          continue
        }
        learn(pace, 'blockMs', timing.nowMs() - Math.max(lastOpenedMs, sentMs.get(number) ?? 0))
        lastOpenedMs = timing.nowMs()
        context.opened += 1
        silentAsks = 0
        return { ask: number, block: packet.block, last: packet.last, message }
      }
    },

    async silent() {
      silentAsks += 1
      const gone = !turn.open()
      if (gone) await waitForLine(turn)
      else if (silentAsks < limits.asksPerSession) return
      const neverAnswered = !gone && pace.blockMs === undefined && seemsKeyWrong(context, turn.traffic)
      if (neverAnswered || timing.nowMs() - lastOpenedMs >= limits.silenceMs) {
        throw whyNoAnswer(context, turn.traffic, limits)
      }
      await wakeAgain()
      silentAsks = 0
    },
  }
}

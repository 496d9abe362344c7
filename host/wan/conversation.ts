// Asks and answers of one task, with a meter that is awake.

import { asksPerSessionMax } from '../../protocol/limits.ts'
import { decodePacket, encodeSealedAsk } from '../../protocol/link.ts'
import { type DcoSession, dcoBudgetMs } from '../dco/sealer.ts'
import { PortError } from './bindings.ts'
import { seemsKeyWrong, whyNoAnswer, whyTooLate } from './diagnosis.ts'
import { firstWaitMs, learn, type Pace } from './pace.ts'
import { ReadError } from './read-error.ts'
import type { Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'
import type { Priority } from './waiting-requests.ts'

/** Work with a meter: its deadline, and where its cost is counted. */
export interface MeterTask {
  /** Ms UTC, by the clock as it is when the task is given. */
  deadlineMs: number
  usage: Usage
  /** On demand when it is left out. */
  priority?: Priority
}

/** A task on its line, where setting the clock changes nothing. */
export interface LineTask extends Omit<MeterTask, 'deadlineMs'> {
  /** Its deadline, by `Timing.steadyMs`. */
  endMs: number
  /** How long the meter has not answered wakes for this task. Kept from one turn on the line to the next. */
  silence?: { sinceMs: number; wakes: number }
}

/** Where a conversation takes place: the turn on the line and the sessions in it. Both change when it is paused. */
export interface Seat {
  turn: Turn
  context: SessionContext
  /** Opens another session, which the conversations after this one then use too. @throws ReadError */
  wakeAgain(): Promise<void>
  /** True when the conversation must let another have the meter or the line; `progressMs` as for `Turn.shouldYield`. */
  mustPause(progressMs: number): boolean
  /** Lets others have the meter and the line. Resolves in a new session. @throws ReadError, YieldError */
  pause(): Promise<void>
}

/** A session was broken off because others wait for the line. Its tasks are queued again. */
export class YieldError extends Error {}

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
  /** To be called when an answer brought something new: a half-hour, an entry, a register. */
  progressed(): void
  /**
   * To be called after an ask without an answer, or with one that brought nothing new. Wakes the meter again after two of them (`asksPerSession`), and when the
   * port was closed meanwhile. @throws ReadError when the meter is given up
   */
  silent(): Promise<void>
}

/** Awaits a DCO call of a session, and counts it. One that takes over `dcoBudgetMs` fails, unless the DCO says otherwise. @throws ReadError */
export async function timed<T>(
  timing: Timing,
  usage: Usage,
  session: DcoSession,
  call: (session: DcoSession) => Promise<T>,
): Promise<T> {
  const startMs = timing.steadyMs()
  const fails = session.lateFails?.() !== false
  let timer: { cancel(): void } | undefined
  const late = new Promise<never>((_, reject) => {
    timer = timing.after(dcoBudgetMs, () => {
      usage.dcoSlow += 1
      if (fails) reject(new ReadError('DCO too slow', `the DCO took longer than ${dcoBudgetMs} ms`))
    })
  })
  try {
    return await Promise.race([call(session), late])
  } finally {
    timer?.cancel()
    usage.dcoCalls += 1
    usage.dcoMsMax = Math.max(usage.dcoMsMax, timing.steadyMs() - startMs)
  }
}

/** Waits until a port that was lost is open again. @throws ReadError */
export async function waitForLine(turn: Turn): Promise<void> {
  await turn.reopen().catch((error) => {
    throw error instanceof PortError ? new ReadError('no port', `the line went away: ${error.message}`) : error
  })
}

/** A wait for the line is divided into pieces of this length, so that others are noticed, milliseconds. */
export const yieldCheckMs = 250

/** The wait for packets of one task: with its deadline, its pauses, and the time since the meter gave something new. */
function createWait(timing: Timing, seat: Seat, endMs: number) {
  const wait = {
    /** When the meter last gave something new, and when a frame last opened. Pauses do not count. */
    progressMs: timing.steadyMs(),
    openedMs: timing.steadyMs(),
    /** Consecutive asks of this session without an answer. */
    silentAsks: 0,
    /** Whether others had the line since the last ask. */
    paused: false,

    /** The next packet before a time; `undefined` when none came, or when others had the line meanwhile. */
    async packet(untilMs: number, mayPause: boolean): Promise<Uint8Array | undefined> {
      for (;;) {
        if (mayPause && seat.mustPause(wait.progressMs)) {
          await pause()
          return undefined
        }
        const leftMs = untilMs - timing.steadyMs()
        const bytes = leftMs > 0 ? await seat.turn.receive(Math.min(leftMs, yieldCheckMs)) : undefined
        if (bytes !== undefined) return bytes
        const { turn, context } = seat
        if (timing.steadyMs() >= endMs) throw whyTooLate(context, turn.traffic, turn.limits)
        if (timing.steadyMs() >= untilMs || !turn.open()) return undefined
      }
    },
  }

  async function pause(): Promise<void> {
    const startedMs = timing.steadyMs()
    await seat.pause()
    const forMs = timing.steadyMs() - startedMs
    wait.progressMs += forMs
    wait.openedMs += forMs
    wait.silentAsks = 0
    wait.paused = true
  }

  return wait
}

/**
 * A conversation for one task. Several may follow each other in a session.
 */
export function createConversation(timing: Timing, seat: Seat, eui: string, task: LineTask): Conversation {
  const { endMs, usage } = task
  const { limits } = seat.turn
  const { pace } = seat.context
  const wait = createWait(timing, seat, endMs)
  const dco = <T>(call: (session: DcoSession) => Promise<T>) => timed(timing, usage, seat.context.session, call)
  /** When each ask was sent, by its number. */
  const sentMs = new Map<number, number>()
  // Counters restart at 1 in each session.
  const numberOf = (counter: number) => seat.context.sessions * (asksPerSessionMax + 1) + counter

  return {
    eui,
    async send(message) {
      const { counter, sealed } = await dco((session) => session.sealAsk(message))
      seat.turn.send(encodeSealedAsk(counter, sealed))
      usage.asks += 1
      seat.context.asks += 1
      sentMs.set(numberOf(counter), timing.steadyMs())
      return numberOf(counter)
    },

    async receive(wanted, patiently = false) {
      const firstMs = firstWaitMs(patiently ? {} : pace, 'blockMs', limits)
      const untilMs = Math.min(endMs, timing.steadyMs() + limits.wanRoundTripMs + firstMs * 2 ** wait.silentAsks)
      for (;;) {
        // Frames that are not wanted do not extend the wait.
        const bytes = await wait.packet(untilMs, !patiently)
        if (bytes === undefined) return undefined
        const packet = decodePacket(bytes)
        const number = packet?.kind === 'answer' ? numberOf(packet.counter) : -1
        if (packet?.kind !== 'answer' || !wanted(number, packet.block)) {
          usage.framesRefused += 1
          continue
        }
        const message = await dco((session) => session.openAnswer(packet))
        if (message === undefined) {
          usage.notOpened += 1
          continue
        }
        learn(pace, 'blockMs', timing.steadyMs() - Math.max(wait.openedMs, sentMs.get(number) ?? 0))
        wait.openedMs = timing.steadyMs()
        seat.context.opened += 1
        wait.silentAsks = 0
        return { ask: number, block: packet.block, last: packet.last, message }
      }
    },

    progressed() {
      wait.progressMs = timing.steadyMs()
      seat.turn.responds(true)
    },

    async silent() {
      // Another had the line: the meter has not been silent.
      const others = wait.paused
      wait.paused = false
      if (others) return
      wait.silentAsks += 1
      const gone = !seat.turn.open()
      if (gone) await waitForLine(seat.turn)
      const idle = timing.steadyMs() - wait.progressMs >= limits.silenceMs
      if (!gone && !idle && wait.silentAsks < limits.asksPerSession) return
      const neverAnswered = !gone && pace.blockMs === undefined && seemsKeyWrong(seat.context, seat.turn.traffic)
      if (neverAnswered || idle) throw whyNoAnswer(seat.context, seat.turn.traffic, limits)
      await seat.wakeAgain()
      wait.silentAsks = 0
    },
  }
}

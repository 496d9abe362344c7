// Replays the asks of a recording to a meter, session by session, and compares the answers. The DCO seals the asks again, as
// a nonce is never reused.

import type { MessageName } from '../../protocol/messages.ts'
import type { MeterSessions } from '../wan/meter-session.ts'
import type { Line, Timing } from '../wan/serial-line.ts'
import { noUsage } from '../wan/usage.ts'
import { type Comparison, compareAnswers } from './compare.ts'
import { type RecordedSession, wholeAnswerOf } from './recorded-asks.ts'
import { askWhole } from './whole-answer.ts'

/** Asks that change the meter: replayed only with `withChanges`, and sent once. */
export const changes: readonly MessageName[] = ['takeBilling', 'acknowledgeAlerts', 'setClock', 'writeSettings']

export interface Played {
  /** Number of the session in the recording, from 1, and the ask's counter in it. */
  session: number
  counter: number
  name: MessageName
  message: Uint8Array
  /** Absent when the answer was not compared, for the reason `why`. */
  comparison?: Comparison
  why?: 'it changes the meter' | 'the recording has no whole answer'
}

export interface ReplayParts {
  sessions: MeterSessions
  timing: Timing
  line: Line
  /** The meter to which the asks are sent; default: the recording's. */
  eui?: string | undefined
  withChanges: boolean
  /** For each session. */
  timeoutMs: number
}

/** Replays sessions in order. `asking` is called before each ask, `played` after its comparison. @throws ReadError */
export async function replay(
  recorded: readonly RecordedSession[],
  parts: ReplayParts,
  played: (one: Played) => void,
  asking: (one: Played) => void = () => {},
): Promise<void> {
  const { sessions, timing, line, eui, withChanges, timeoutMs } = parts
  const leave = (one: Played) => {
    asking(one)
    played({ ...one, why: 'it changes the meter' })
  }
  for (const [i, one] of recorded.entries()) {
    const asks = [...one.asks].map(([counter, ask]) => ({ session: i + 1, counter, ...ask }))
    const isLeft = (name: MessageName) => changes.includes(name) && !withChanges
    const summaryOf = ({ session, counter, name, message }: (typeof asks)[number]) => ({
      session,
      counter,
      name,
      message,
    })
    if (asks.every(({ name }) => isLeft(name))) {
      for (const ask of asks) leave(summaryOf(ask))
      continue
    }
    const task = { deadlineMs: timing.nowMs() + timeoutMs, usage: noUsage() }
    await sessions.withSession(line, eui ?? one.eui, task, async (conversation) => {
      for (const ask of asks) {
        if (isLeft(ask.name)) {
          leave(summaryOf(ask))
          continue
        }
        asking(summaryOf(ask))
        const { messages } = await askWhole(
          conversation,
          timing,
          ask.message,
          changes.includes(ask.name) ? 1 : undefined,
        )
        const before = wholeAnswerOf(ask)
        if (before === undefined) played({ ...summaryOf(ask), why: 'the recording has no whole answer' })
        else {
          const twoMeters = eui !== undefined && eui !== one.eui
          played({ ...summaryOf(ask), comparison: compareAnswers(ask.name, before, messages, twoMeters) })
        }
      }
    })
  }
}

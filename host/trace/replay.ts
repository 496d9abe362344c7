// Plays the host's side of a recording against a meter: the same asks in the same sessions, sealed afresh by the DCO, as a
// nonce is never used twice; and compares what is answered.

import type { MessageName } from '../../protocol/messages.ts'
import type { Line, Timing } from '../wan/line.ts'
import type { MeterSessions } from '../wan/meter-session.ts'
import { noUsage } from '../wan/usage.ts'
import { type Comparison, compareAnswers } from './compare.ts'
import { type RecordedSession, wholeAnswerOf } from './recorded-asks.ts'
import { askWhole } from './whole-answer.ts'

/** Asks that change the meter: played only when that is wanted, and sent once. */
export const changes: readonly MessageName[] = ['takeBilling', 'acknowledgeAlerts', 'setClock', 'writeSettings']

export interface Played {
  /** Place of the session in the recording, from 1, and the ask's counter there. */
  session: number
  counter: number
  name: MessageName
  message: Uint8Array
  /** `undefined` when it was not compared: `why` says it. */
  comparison?: Comparison
  why?: 'it changes the meter' | 'the recording has no whole answer'
}

export interface ReplayParts {
  sessions: MeterSessions
  timing: Timing
  line: Line
  /** The meter that is played to, instead of the recording's. */
  eui?: string | undefined
  withChanges: boolean
  /** For each session. */
  timeoutMs: number
}

/** Plays sessions in order, and tells of each ask before it is sent, and as its answer is compared. @throws ReadError */
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
    const tell = ({ session, counter, name, message }: (typeof asks)[number]) => ({ session, counter, name, message })
    if (asks.every(({ name }) => isLeft(name))) {
      for (const ask of asks) leave(tell(ask))
      continue
    }
    const task = { deadlineMs: timing.nowMs() + timeoutMs, usage: noUsage() }
    await sessions.withSession(line, eui ?? one.eui, task, async (conversation) => {
      for (const ask of asks) {
        if (isLeft(ask.name)) {
          leave(tell(ask))
          continue
        }
        asking(tell(ask))
        const { messages } = await askWhole(
          conversation,
          timing,
          ask.message,
          changes.includes(ask.name) ? 1 : undefined,
        )
        const before = wholeAnswerOf(ask)
        if (before === undefined) played({ ...tell(ask), why: 'the recording has no whole answer' })
        else {
          const twoMeters = eui !== undefined && eui !== one.eui
          played({ ...tell(ask), comparison: compareAnswers(ask.name, before, messages, twoMeters) })
        }
      }
    })
  }
}

// Runs the same asks on two meters and compares the answers and the response times.

import { dayMs } from '../../protocol/half-hour.ts'
import { channel, decodeAnswer, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import type { Conversation } from '../wan/conversation.ts'
import type { MeterSessions } from '../wan/meter-session.ts'
import type { Line, Timing } from '../wan/serial-line.ts'
import { noUsage } from '../wan/usage.ts'
import { type Comparison, compareAnswers } from './compare.ts'
import { askProfile, askWhole, type WholeAnswer } from './whole-answer.ts'

/** One of the two meters. */
export interface Side {
  line: Line
  eui: string
}

export interface ParityRow {
  command: string
  /** Milliseconds of each meter: the median of all rounds. */
  tookMs: [number, number]
  /** Absent for the wake, which has no content to compare. */
  comparison?: Comparison
}

interface Step {
  command: string
  name: MessageName
  ask(conversation: Conversation, timing: Timing): Promise<WholeAnswer>
}

/** Days of 13 months, the longest history that a meter keeps. */
const longestDays = 397

function single(command: string, name: MessageName, message: Uint8Array): Step {
  return { command, name, ask: (conversation, timing) => askWhole(conversation, timing, message) }
}

function days(command: string, ofChannel: number, firstDay: number, count: number): Step {
  const ask = (conversation: Conversation, timing: Timing) =>
    askProfile(conversation, timing, ofChannel, firstDay * 48, count * 48)
  return { command, name: 'readProfile', ask }
}

/** The asks, in order. `today`: days since 1970. */
export function scenario(today: number): Step[] {
  return [
    single('inventory', 'readInventory', encodeAsk('readInventory', {})),
    single('registers', 'readRegisters', encodeAsk('readRegisters', {})),
    ...Object.entries(channel).map(([name, number]) => days(`a day, ${name}`, number, today - 1, 1)),
    single('daily reads', 'readDailyReads', encodeAsk('readDailyReads', { firstDay: 0, count: 65536 })),
    single('billing', 'readBilling', encodeAsk('readBilling', { firstNumber: 0 })),
    single('events', 'readEvents', encodeAsk('readEvents', { log: 1, firstSequence: 0 })),
    single('security log', 'readEvents', encodeAsk('readEvents', { log: 2, firstSequence: 0 })),
    single('clock', 'readClock', encodeAsk('readClock', {})),
    single('self-test', 'selfTest', encodeAsk('selfTest', {})),
    days('13 months', channel.activeImport, today - longestDays, longestDays),
  ]
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/**
 * Sends each ask to both meters, one after the other, `rounds` times. `begins` is called before each command, `row` with the
 * comparison of its last answers. The first meter's clock gives the current day. @throws ReadError
 */
export async function parity(
  sides: readonly [Side, Side],
  parts: { sessions: MeterSessions; timing: Timing; rounds: number; timeoutMs: number },
  row: (row: ParityRow) => void,
  begins: (command: string) => void = () => {},
): Promise<void> {
  const { sessions, timing, rounds, timeoutMs } = parts
  const wakes: [number[], number[]] = [[], []]

  async function answerOf(side: 0 | 1, step: Step): Promise<WholeAnswer> {
    const { line, eui } = sides[side]
    const startMs = timing.nowMs()
    return sessions.withSession(line, eui, { deadlineMs: startMs + timeoutMs, usage: noUsage() }, (conversation) => {
      wakes[side].push(timing.nowMs() - startMs)
      return step.ask(conversation, timing)
    })
  }

  const clock = single('clock', 'readClock', encodeAsk('readClock', {}))
  // This also opens both lines and shows that both meters answer.
  const [clockAnswer = new Uint8Array()] = (await answerOf(0, clock)).messages
  const read = decodeAnswer('readClock', clockAnswer)
  await answerOf(1, clock)
  const hasTime = read !== undefined && 'fields' in read && read.fields.status === 0
  const today = Math.floor((hasTime ? read.fields.utcMs : timing.nowMs()) / dayMs)
  for (const wake of wakes) wake.length = 0

  for (const step of scenario(today)) {
    const took: [number[], number[]] = [[], []]
    begins(step.command)
    let comparison: Comparison | undefined
    for (let round = 0; round < rounds; round++) {
      const [first, second] = [await answerOf(0, step), await answerOf(1, step)]
      took[0].push(first.tookMs)
      took[1].push(second.tookMs)
      if (round === rounds - 1) comparison = compareAnswers(step.name, first.messages, second.messages, true)
    }
    row({ command: step.command, tookMs: [median(took[0]), median(took[1])], ...(comparison && { comparison }) })
  }
  row({ command: 'wake to awake', tookMs: [median(wakes[0]), median(wakes[1])] })
}

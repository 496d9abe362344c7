// One ask and its whole answer as it was sealed, for comparing; the bridge's own reads (host/wan/gather.ts) take what they need.

import { answerBlocksMax } from '../../protocol/limits.ts'
import { decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import type { Conversation } from '../wan/conversation.ts'
import type { Timing } from '../wan/line.ts'
import { ReadError } from '../wan/read-error.ts'
import { recordsIn } from './records.ts'

export interface WholeAnswer {
  /** The open messages of its frames, in order. */
  messages: Uint8Array[]
  /** From the ask that brought it to its last frame. */
  tookMs: number
}

/**
 * Asks, and waits until every frame of the answer has come. When frames are lost it asks anew, `triesMax` times in all: once
 * only for what changes the meter. @throws ReadError
 */
export async function askWhole(
  conversation: Conversation,
  timing: Timing,
  message: Uint8Array,
  triesMax = 4,
): Promise<WholeAnswer> {
  for (let tries = 0; tries < triesMax; tries++) {
    const startMs = timing.nowMs()
    const mine = await conversation.send(message)
    const blocks = new Map<number, Uint8Array>()
    let last: number | undefined
    for (;;) {
      const opened = await conversation.receive(
        (number, block) => number === mine && !blocks.has(block),
        triesMax === 1,
      )
      if (opened === undefined) break
      blocks.set(opened.block, opened.message)
      if (opened.last) last = opened.block
      if (last === undefined || blocks.size <= last) continue
      const inOrder = [...blocks].sort(([a], [b]) => a - b).map(([, one]) => one)
      return { messages: inOrder, tookMs: timing.nowMs() - startMs }
    }
    if (blocks.size === 0 && tries + 1 < triesMax) await conversation.silent()
  }
  throw new ReadError('no answer', `${conversation.eui} does not answer whole, asked ${triesMax} times`)
}

/** Half-hours of a channel, asked on while an answer ends only because frames have no more numbers. @throws ReadError */
export async function askProfile(
  conversation: Conversation,
  timing: Timing,
  channel: number,
  first: number,
  count: number,
): Promise<WholeAnswer> {
  const whole: WholeAnswer = { messages: [], tookMs: 0 }
  for (let from = first; from < first + count; ) {
    const ask = encodeAsk('readProfile', { channel, firstHalfHour: from, count: first + count - from })
    const { messages, tookMs } = await askWhole(conversation, timing, ask)
    whole.messages.push(...messages)
    whole.tookMs += tookMs
    const last = messages.at(-1)
    if (last === undefined || messages.length < answerBlocksMax) return whole
    const answer = decodeAnswer('readProfile', last)
    const newest =
      answer && 'fields' in answer ? recordsIn('readProfile', answer.fields.blocks).records.at(-1) : undefined
    if (newest === undefined) return whole
    from = (newest.number + 1) * 48
  }
  return whole
}

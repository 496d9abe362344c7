// Sends an ask and collects the complete answer, for comparisons. The bridge's reads (host/wan/gather.ts) repeat only what is
// missing.

import { answerBlocksMax } from '../../protocol/limits.ts'
import { decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import type { Conversation } from '../wan/conversation.ts'
import { ReadError } from '../wan/read-error.ts'
import type { Timing } from '../wan/serial-line.ts'
import { recordsIn } from './records.ts'

export interface WholeAnswer {
  /** The open messages of its frames, in order. */
  messages: Uint8Array[]
  /** Time from the ask to the last frame of the answer. */
  tookMs: number
}

/**
 * Sends an ask and waits for every frame of the answer. When frames are lost it repeats the ask, up to `triesMax` times in all:
 * 1 for an ask that changes the meter. @throws ReadError
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
  throw new ReadError('no answer', `${conversation.eui} gives no complete answer in ${triesMax} tries`)
}

/** Reads half-hours of a channel; asks again when an answer ends because it has the maximum number of frames. @throws ReadError */
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

// Asks with an answer of one frame: registers, clock, inventory, settings, self-test, acknowledgements.

import { type Answer, type Ask, decodeAnswer, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'

/** Asks that change something each time. They are sent once: without an answer it is not known whether they were executed. */
const sentOnce: readonly MessageName[] = ['takeBilling', 'setClock', 'writeSettings']

/**
 * Sends an ask and returns the answer. Asks that only read are repeated when no answer comes, unless `once`.
 * @throws ReadError
 */
export async function ask<N extends MessageName>(
  conversation: Conversation,
  name: N,
  fields: Ask<N>,
  once: boolean = sentOnce.includes(name),
): Promise<Answer<N>> {
  const message = encodeAsk(name, fields)
  const mine = new Set<number>()
  for (;;) {
    mine.add(await conversation.send(message))
    // A slow meter may answer an earlier try; that answer is as good.
    const opened = await conversation.receive((number, block) => mine.has(number) && block === 0, once)
    if (opened !== undefined) {
      conversation.progressed()
      return answerIn(conversation.eui, name, opened.message)
    }
    if (once)
      throw new ReadError('no answer', `${conversation.eui} does not answer ${name}: whether it was done is not known`)
    await conversation.silent()
  }
}

function answerIn<N extends MessageName>(eui: string, name: N, message: Uint8Array): Answer<N> {
  const decoded = decodeAnswer(name, message)
  if (decoded === undefined) throw new ReadError('malformed', `${eui} sealed something that is no answer to ${name}`)
  if ('error' in decoded) throw new ReadError('refused', `the meter refuses ${name} with error ${decoded.error}`)
  return decoded.fields
}

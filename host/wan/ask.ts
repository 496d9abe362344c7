// Messages that are answered in one frame: registers, clock, inventory, settings, self-test, acknowledgements.

import { type Answer, type Ask, decodeAnswer, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'

/** Asks that change something each time: sent once, because an answer that is lost says nothing about what was done. */
const sentOnce: readonly MessageName[] = ['takeBilling', 'setClock', 'writeSettings']

/**
 * Asks one thing. What only reads is asked again when no answer comes, unless `once`.
 * @throws ReadError
 */
export async function ask<N extends MessageName>(
  talk: Conversation,
  name: N,
  fields: Ask<N>,
  once: boolean = sentOnce.includes(name),
): Promise<Answer<N>> {
  const message = encodeAsk(name, fields)
  const mine = new Set<number>()
  for (;;) {
    mine.add(await talk.send(message))
    // A slow meter may be answering an earlier try: what it says is as good.
    const opened = await talk.receive((number, block) => mine.has(number) && block === 0, once)
    if (opened !== undefined) return answerIn(talk.eui, name, opened.message)
    if (once) throw new ReadError('no answer', `${talk.eui} does not answer ${name}: whether it was done is not known`)
    await talk.silent()
  }
}

function answerIn<N extends MessageName>(eui: string, name: N, message: Uint8Array): Answer<N> {
  const decoded = decodeAnswer(name, message)
  if (decoded === undefined) throw new ReadError('malformed', `${eui} sealed something that is no answer to ${name}`)
  if ('error' in decoded) throw new ReadError('refused', `the meter refuses ${name} with error ${decoded.error}`)
  return decoded.fields
}

// Messages that are answered in one frame: registers, clock, inventory, settings, self-test, acknowledgements.

import { type Answer, type Ask, decodeAnswer, encodeAsk, type MessageName } from '../../protocol/messages.ts'
import type { Conversation } from './conversation.ts'
import { ReadError } from './read-error.ts'

/** Asks that change something each time: sent once, because an answer that is lost says nothing about what was done. */
const sentOnce: readonly MessageName[] = ['takeBilling', 'setClock', 'writeSettings']

/**
 * Asks one thing. What only reads is asked again when no answer comes, as often as the line's limits say.
 * @throws ReadError
 */
export async function ask<N extends MessageName>(
  talk: Conversation,
  name: N,
  fields: Ask<N>,
  triesMax: number = sentOnce.includes(name) ? 1 : talk.limits.askTries,
): Promise<Answer<N>> {
  const message = encodeAsk(name, fields)
  const counters = new Set<number>()
  for (let tries = 0; tries < triesMax; tries++) {
    counters.add(await talk.send(message))
    // A slow meter may be answering an earlier try: what it says is as good.
    const opened = await talk.receive(tries, (counter, block) => counters.has(counter) && block === 0)
    if (opened !== undefined) return answerIn(talk.eui, name, opened.message)
    if (!talk.open()) throw new ReadError('no port', 'the line went away while the meter was asked')
  }
  const doubt = sentOnce.includes(name) ? '; whether it was done is not known' : ''
  throw new ReadError(
    'no answer',
    `${talk.eui} is awake and answers nothing to ${name} that opens: its key may not be the DCO's${doubt}`,
  )
}

function answerIn<N extends MessageName>(eui: string, name: N, message: Uint8Array): Answer<N> {
  const decoded = decodeAnswer(name, message)
  if (decoded === undefined) throw new ReadError('rubbish', `${eui} sealed something that is no answer to ${name}`)
  if ('error' in decoded) throw new ReadError('refused', `the meter refuses ${name} with error ${decoded.error}`)
  return decoded.fields
}

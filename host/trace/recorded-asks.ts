// The asks and answers of a recording, by session.

import type { LinkSession } from '../../protocol/link.ts'
import type { MessageName } from '../../protocol/messages.ts'
import type { TracedFrame } from './sessions.ts'

export interface RecordedAsk {
  name: MessageName
  /** The open message. */
  message: Uint8Array
  blocks: Map<number, Uint8Array>
  /** Number of the last block, once it was seen. */
  last: number | undefined
}

export interface RecordedSession {
  eui: string
  boot: number
  session: number
  asks: Map<number, RecordedAsk>
}

/** Limits of what is held in memory for a replay: asks, and bytes of their answers. */
const asksMax = 10000
const answerBytesMax = 2 ** 28

/** The open messages of an answer, in order; undefined when the recording does not have all of them. */
export function wholeAnswerOf({ blocks, last }: RecordedAsk): Uint8Array[] | undefined {
  if (last === undefined || blocks.size !== last + 1) return undefined
  return [...blocks].sort(([a], [b]) => a - b).map(([, message]) => message)
}

/** Sessions with the meter `eui`, or with all meters, and the messages that were opened in them. Sleep asks are left out. */
export function recordedSessions(
  frames: Iterable<TracedFrame>,
  eui?: string,
): { sessions: RecordedSession[]; sealed: number; opened: number; tooMany: boolean } {
  const sessions = new Map<LinkSession, RecordedSession>()
  let sealed = 0
  let opened = 0
  let asks = 0
  let answerBytes = 0
  let tooMany = false
  for (const frame of frames) {
    if (frame.read?.fields.sealed === undefined || (eui !== undefined && frame.eui !== eui)) continue
    sealed += 1
    const { message, link, open, read, eui: meter } = frame
    if (message === undefined || link === undefined || open === undefined || meter === undefined) continue
    opened += 1
    const { boot, session } = link
    const mine = sessions.get(link) ?? { eui: meter, boot, session, asks: new Map() }
    sessions.set(link, mine)
    const counter = Number(read.fields.counter)
    if (message.is === 'ask') {
      if (message.name === 'sleep') continue
      asks += 1
      tooMany ||= asks > asksMax || answerBytes > answerBytesMax
      if (!tooMany) mine.asks.set(counter, { name: message.name, message: open, blocks: new Map(), last: undefined })
      continue
    }
    const ask = mine.asks.get(counter)
    if (ask === undefined) continue
    answerBytes += open.length
    const block = Number(read.fields.block)
    ask.blocks.set(block, open)
    if (read.name === 'last answer') ask.last = block
  }
  const found = [...sessions.values()].filter((one) => one.asks.size > 0)
  return { sessions: found, sealed, opened, tooMany }
}

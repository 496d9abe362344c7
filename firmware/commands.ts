// What the meter does for each message of the table. Answers come in parts that each fit one frame.

import { messageBytesMax } from '../protocol/limits.ts'
import type { Ask, MessageName } from '../protocol/messages.ts'
import { channel, encodeAnswer, encodeRefusal, errorCode } from '../protocol/messages.ts'
import type { ProfileLog } from './profile-log.ts'

/** One open message of an answer, and whether it is the last. */
export interface AnswerPart {
  message: Uint8Array
  last: boolean
}

/** Gives the parts of an answer in order; called until one is the last. */
export type NextPart = () => AnswerPart

/** Bytes of blocks in one part: an array head, the status, a byte string's head of two. */
const blocksBytesMax = messageBytesMax - 4

function refusal(error: number): NextPart {
  return () => ({ message: encodeRefusal(error), last: true })
}

function readProfile(log: ProfileLog, ask: Ask<'readProfile'>): NextPart {
  if (ask.channel !== channel.activeImport) return refusal(errorCode.notRecorded)
  const cursor = log.read(ask.firstHalfHour, ask.count)
  // One block is always read ahead: only then is it known whether a part is the last.
  let ahead = cursor.next()

  return () => {
    const blocks = new Uint8Array(blocksBytesMax)
    let used = 0
    while (ahead !== undefined && used + ahead.length <= blocksBytesMax) {
      blocks.set(ahead, used)
      used += ahead.length
      ahead = cursor.next()
    }
    return { message: encodeAnswer('readProfile', { blocks: blocks.subarray(0, used) }), last: ahead === undefined }
  }
}

/** The answer to an ask that was decoded; `undefined` for `sleep`, which is not answered. */
export function answerTo(
  log: ProfileLog,
  ask: { name: MessageName; fields: unknown } | { error: number },
): NextPart | undefined {
  if ('error' in ask) return refusal(ask.error)
  if (ask.name === 'readProfile') return readProfile(log, ask.fields as Ask<'readProfile'>)
  return undefined
}

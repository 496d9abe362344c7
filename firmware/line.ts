// What the meter knows of its line, as plain values: nothing of it is lost while the functions of session.ts are not in memory.

import type { CborValue } from '../protocol/cbor.ts'
import type { LinkSession } from '../protocol/link.ts'

/** One open message of an answer, and whether it is the last. */
export interface AnswerPart {
  message: Uint8Array
  last: boolean
}

/** Gives the parts of an answer in order; called until one is the last. */
export type NextPart = () => AnswerPart

/** An ask that was opened: its code and fields, or an error as a negative code. */
export interface Ask {
  code: number
  fields: CborValue[]
}

/** A session that goes on. */
export interface Session {
  link: LinkSession
  /** Counter of the last ask that opened. */
  counter: number
  /** When it came, or the last block of its answer went. */
  heardMs: number
  /** Blocks of the answer that went, and what gives the next; `undefined` when it is whole. */
  block: number
  part: NextPart | undefined
}

/** All that the meter knows of its line. */
export interface Line {
  send: (bytes: Uint8Array) => void
  /** Sessions since the start. */
  sessions: number
  framesDropped: number
  /** Asks that did not open, and how many of them the security log knows. */
  notOpened: number
  notOpenedNoted: number
  /** When the first of two wakes came, on meters that need two; -1 for none. */
  firstWakeMs: number
  /** `undefined` while the meter sleeps. */
  session: Session | undefined
  /** An ask that waits to be done and answered. */
  ask: Ask | undefined
  /** What the security log is to be told: the code of an event, 0 for none, and its value. */
  event: number
  eventValue: number
}

export function newLine(send: (bytes: Uint8Array) => void): Line {
  return {
    send: send,
    sessions: 0,
    framesDropped: 0,
    notOpened: 0,
    notOpenedNoted: 0,
    firstWakeMs: -1,
    session: undefined,
    ask: undefined,
    event: 0,
    eventValue: 0,
  }
}

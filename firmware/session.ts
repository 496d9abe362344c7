// The meter's end of a session (SPEC.md sections 4 to 6): asleep until a wake with its EUI, awake until told to sleep.

import { copyOf, getU16 } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { encodeFrame } from '../protocol/frame.ts'
import { answerBlocksMax, sessionIdleMs, sessionsPerBootMax } from '../protocol/limits.ts'
import {
  encodeAwake,
  encodeSealedAnswer,
  hostNonceBytes,
  isWakeFor,
  kind,
  type LinkSession,
  nonceOf,
} from '../protocol/link.ts'
import { open, seal } from '../protocol/seal.ts'
import { alertsMessage, answerTo, type NextPart } from './commands.ts'
import type { Metering } from './counting.ts'
import { quirk } from './device-profiles.ts'
import { act, action } from './metering.ts'

/** What outlives a session. */
export interface LineState {
  /** Sessions since the start. */
  sessions: number
  framesDropped: number
  /** Asks that did not open, and how many of them the security log knows. */
  notOpened: number
  notOpenedNoted: number
  /** When the first of two wakes came, on meters that need two; -1 for none. */
  firstWakeMs: number
}

export interface Session {
  /** Takes a packet from the line. `upMs` is a time that never jumps. */
  packet(bytes: Uint8Array, upMs: number): void
  /** Sends the next block of an answer, if there is one and `ready` allows it; sleeps when idle too long. */
  step(upMs: number, ready: boolean): void
  /** True while an answer has blocks left. */
  busy(): boolean
  /** False when the meter sleeps: then this session is over. */
  awake(): boolean
}

/** Within this time of the first wake the second one counts, on meters that need two. */
const secondWakeMs = 60000

/** A session for a packet that came while the meter was asleep; `send` takes bytes for the line. */
export function openSession(metering: Metering, line: LineState, send: (bytes: Uint8Array) => void): Session {
  const settings = metering.settings
  const journal = metering.logs.journal
  let link: LinkSession | undefined
  let lastCounter = 0
  let lastHeardMs = 0
  let part: NextPart | undefined
  let block = 0

  function sleep(): void {
    link = undefined
    part = undefined
    if (line.notOpened > line.notOpenedNoted) {
      act(metering, action.note, eventCode.badAsk, line.notOpened - line.notOpenedNoted)
      line.notOpenedNoted = line.notOpened
    }
  }

  function sendAnswer(to: LinkSession, counter: number, last: boolean, message: Uint8Array): void {
    const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, to, counter, block)
    send(encodeFrame(encodeSealedAnswer(counter, block, last, seal(message, nonce, settings.key))))
  }

  function wake(bytes: Uint8Array, upMs: number): void {
    if (metering.quirks & quirk.twoWakes && !link) {
      const second = line.firstWakeMs >= 0 && upMs - line.firstWakeMs <= secondWakeMs
      line.firstWakeMs = second ? -1 : upMs
      if (!second) return
    }
    sleep()
    // A session number used twice would repeat nonces: go on as after a start.
    if (line.sessions >= sessionsPerBootMax) {
      act(metering, action.countStart)
      line.sessions = 0
    }
    line.sessions += 1
    const woken = { hostNonce: copyOf(bytes, 9, hostNonceBytes), boot: journal.boots, session: line.sessions }
    // A wake of another version is answered, so that the bridge can say what is wrong, and goes no further.
    if (bytes[0] === kind.wake) {
      link = woken
      lastCounter = 0
      lastHeardMs = upMs
      block = 0
      // Alerts go ahead of the awake, as an answer that nobody asked for: counter 0.
      const alerts = alertsMessage(metering)
      if (alerts) sendAnswer(woken, 0, true, alerts)
    }
    send(encodeFrame(encodeAwake(woken)))
  }

  function ask(counter: number, sealed: Uint8Array, upMs: number): void {
    if (!link || counter <= lastCounter) return
    const message = open(sealed, nonceOf(kind.ask, link, counter, 0), settings.key)
    if (!message) {
      line.notOpened += 1
      return
    }
    lastCounter = counter
    lastHeardMs = upMs
    block = 0
    part = answerTo(metering, line, message)
    if (!part) sleep()
  }

  function packet(bytes: Uint8Array, upMs: number): void {
    if (isWakeFor(bytes, settings.eui)) wake(bytes, upMs)
    else if (bytes[0] === kind.ask) ask(getU16(bytes, 1), bytes.subarray(3), upMs)
    // Another meter's turn on a line that several share: what comes next is not for this one.
    else if (bytes[0] === kind.wake) sleep()
  }

  function step(upMs: number, ready: boolean): void {
    if (!link) return
    if (!part) {
      if (upMs - lastHeardMs > sessionIdleMs || upMs < lastHeardMs) sleep()
      return
    }
    if (!ready) return
    const next = part()
    const last = next.last || block === answerBlocksMax - 1
    sendAnswer(link, lastCounter, last, next.message)
    block += 1
    if (last) part = undefined
    lastHeardMs = upMs
  }

  return { packet: packet, step: step, busy: () => part !== undefined, awake: () => link !== undefined }
}

// The meter's end of a session (SPEC.md sections 4 to 6): asleep until a wake with its EUI, awake until told to sleep.

import { sameBytes } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { answerBlocksMax, sessionIdleMs, sessionsPerBootMax } from '../protocol/limits.ts'
import type { LinkSession, Packet, SealedAsk } from '../protocol/link.ts'
import { decodePacket, encodeAwake, encodeSealedAnswer, kind, nonceOf } from '../protocol/link.ts'
import { decodeAsk, forgetMessages } from '../protocol/messages.ts'
import { open, seal } from '../protocol/seal.ts'
import { alertsMessage, answerTo, type LineCounts, type NextPart } from './commands.ts'
import { quirk } from './device-profiles.ts'
import { countStart } from './journal.ts'
import { type Metering, note } from './metering.ts'

export interface Session {
  /** Takes a packet from the line. `upMs` is a time that never jumps. */
  packet(bytes: Uint8Array, upMs: number): void
  /** Sends the next block of an answer, if there is one and `ready` allows it; sleeps when idle too long. */
  step(upMs: number, ready: boolean): void
  /** True while an answer has blocks left. */
  busy(): boolean
  awake(): boolean
}

const version = 1

/** Within this time of the first wake the second one counts, on meters that need two. */
const secondWakeMs = 60000

/** `send` takes packets for the line. */
export function createSession(
  metering: Metering,
  counts: LineCounts,
  send: (packet: Uint8Array) => void,
): Session {
  const settings = metering.settings
  const journal = metering.logs.journal
  let link: LinkSession | undefined
  let sessions = 0
  let lastCounter = 0
  let lastHeardMs = 0
  let firstWakeMs = -1
  let notOpenedNoted = 0
  let part: NextPart | undefined
  let block = 0

  function sleep(): void {
    link = undefined
    part = undefined
    forgetMessages()
    if (counts.notOpened > notOpenedNoted) {
      note(metering, eventCode.badAsk, counts.notOpened - notOpenedNoted, 0)
      notOpenedNoted = counts.notOpened
    }
  }

  /** Alerts go ahead of the awake, as an answer that nobody asked for: counter 0. */
  function pushAlerts(to: LinkSession): void {
    const message = alertsMessage(metering)
    if (message === undefined) return
    send(encodeSealedAnswer(0, 0, true, seal(message, nonceOf(kind.lastAnswer, to, 0, 0), settings.key)))
  }

  function wake(eui: Uint8Array, hostNonce: Uint8Array, ofVersion: number, upMs: number): void {
    if (!sameBytes(eui, settings.eui)) return
    if (metering.quirks & quirk.twoWakes && link === undefined) {
      const second = firstWakeMs >= 0 && upMs - firstWakeMs <= secondWakeMs
      firstWakeMs = second ? -1 : upMs
      if (!second) return
    }
    sleep()
    // A session number used twice would repeat nonces: go on as after a start.
    if (sessions >= sessionsPerBootMax) {
      countStart(journal)
      sessions = 0
    }
    sessions += 1
    const woken = { hostNonce: hostNonce, boot: journal.boots, session: sessions }
    if (ofVersion === version) {
      link = woken
      lastCounter = 0
      lastHeardMs = upMs
      pushAlerts(woken)
    }
    send(encodeAwake(woken))
  }

  function ask(packet: SealedAsk, upMs: number): void {
    if (link === undefined || packet.counter <= lastCounter) return
    const message = open(packet.sealed, nonceOf(kind.ask, link, packet.counter, 0), settings.key)
    if (message === undefined) {
      counts.notOpened += 1
      return
    }
    lastCounter = packet.counter
    lastHeardMs = upMs
    block = 0
    part = answerTo(metering, counts, decodeAsk(message))
    if (part === undefined) sleep()
  }

  function packet(bytes: Uint8Array, upMs: number): void {
    const taken: Packet | undefined = decodePacket(bytes)
    if (taken === undefined) return
    if (taken.kind === 'wake') wake(taken.eui, taken.hostNonce, taken.version, upMs)
    else if (taken.kind === 'ask') ask(taken, upMs)
  }

  function step(upMs: number, ready: boolean): void {
    if (link === undefined) return
    if (part === undefined) {
      if (upMs - lastHeardMs > sessionIdleMs || upMs < lastHeardMs) sleep()
      return
    }
    if (!ready) return
    const next = part()
    const last = next.last || block === answerBlocksMax - 1
    const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, link, lastCounter, block)
    send(encodeSealedAnswer(lastCounter, block, last, seal(next.message, nonce, settings.key)))
    block += 1
    if (last) part = undefined
    lastHeardMs = upMs
  }

  return { packet: packet, step: step, busy: () => part !== undefined, awake: () => link !== undefined }
}

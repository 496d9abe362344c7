// The meter's end of a session (SPEC.md sections 4 to 6): asleep until a wake with its EUI, awake until told to sleep.

import { sameBytes } from '../protocol/bytes.ts'
import { answerBlocksMax, sessionIdleMs, sessionsPerBootMax } from '../protocol/limits.ts'
import type { LinkSession, Packet, SealedAsk } from '../protocol/link.ts'
import { decodePacket, encodeAwake, encodeSealedAnswer, kind, nonceOf } from '../protocol/link.ts'
import { decodeAsk } from '../protocol/messages.ts'
import { open, seal } from '../protocol/seal.ts'
import type { NextPart } from './commands.ts'
import { answerTo } from './commands.ts'
import type { ProfileLog } from './profile-log.ts'
import type { Settings } from './settings.ts'

export interface Session {
  /** Takes a packet from the line. */
  packet(bytes: Uint8Array, nowMs: number): void
  /** Sends the next block of an answer, if there is one and `ready` allows it; sleeps when idle too long. */
  step(nowMs: number, ready: boolean): void
  /** True while an answer has blocks left. */
  busy(): boolean
}

const version = 1

/** `send` takes packets for the line. */
export function createSession(settings: Settings, log: ProfileLog, send: (packet: Uint8Array) => void): Session {
  let link: LinkSession | undefined
  let sessions = 0
  let lastCounter = 0
  let lastHeardMs = 0
  let part: NextPart | undefined
  let block = 0

  function sleep(): void {
    link = undefined
    part = undefined
  }

  function wake(eui: Uint8Array, hostNonce: Uint8Array, ofVersion: number, nowMs: number): void {
    if (!sameBytes(eui, settings.eui)) return
    sleep()
    // A session number used twice would repeat nonces: go on as after a start.
    if (sessions >= sessionsPerBootMax) {
      log.countBoot()
      sessions = 0
    }
    sessions += 1
    const woken = { hostNonce: hostNonce, boot: log.boot(), session: sessions }
    if (ofVersion === version) {
      link = woken
      lastCounter = 0
      lastHeardMs = nowMs
    }
    send(encodeAwake(woken))
  }

  function ask(packet: SealedAsk, nowMs: number): void {
    if (link === undefined || packet.counter <= lastCounter) return
    const message = open(packet.sealed, nonceOf(kind.ask, link, packet.counter, 0), settings.key)
    if (message === undefined) return
    lastCounter = packet.counter
    lastHeardMs = nowMs
    block = 0
    part = answerTo(log, decodeAsk(message))
    if (part === undefined) sleep()
  }

  function packet(bytes: Uint8Array, nowMs: number): void {
    const taken: Packet | undefined = decodePacket(bytes)
    if (taken === undefined) return
    if (taken.kind === 'wake') wake(taken.eui, taken.hostNonce, taken.version, nowMs)
    else if (taken.kind === 'ask') ask(taken, nowMs)
  }

  function step(nowMs: number, ready: boolean): void {
    if (link === undefined) return
    if (part === undefined) {
      // A clock that went back must not keep a meter awake.
      if (nowMs - lastHeardMs > sessionIdleMs || nowMs < lastHeardMs) sleep()
      return
    }
    if (!ready) return
    const next = part()
    const last = next.last || block === answerBlocksMax - 1
    const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, link, lastCounter, block)
    send(encodeSealedAnswer(lastCounter, block, last, seal(next.message, nonce, settings.key)))
    block += 1
    if (last) part = undefined
    lastHeardMs = nowMs
  }

  function busy(): boolean {
    return part !== undefined
  }

  return { packet: packet, step: step, busy: busy }
}

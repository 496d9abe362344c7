// Assigns recorded frames to meters and sessions, and with keys opens them. Wakes contain the EUI-64 and awakes the session;
// asks and answers contain neither.

import { euiFromBytes, sameBytes } from '../../protocol/bytes.ts'
import { type CborValue, decodeCbor } from '../../protocol/cbor.ts'
import { decodePacket, kind, type LinkSession, type SealedAnswer, type SealedAsk } from '../../protocol/link.ts'
import { decodeAnswer, decodeAsk, type MessageName } from '../../protocol/messages.ts'
import type { Opener, Sealed } from '../dco/opener.ts'
import { framesOf, type LineFrame } from './line-frames.ts'
import { type ReadPacket, readPacket } from './packet-table.ts'
import { readPackets, type SkippedPackets, type TakeBytes } from './pcapng-read.ts'

export type MessageFields = { [name: string]: number | string | Uint8Array }

/** The message in a sealed packet. */
export type Message =
  | { is: 'ask' | 'answer' | 'alerts'; name: MessageName; fields: MessageFields }
  | { is: 'refusal'; name?: MessageName; error: number }
  /** Not in the message table, or the answer to an ask that was not recorded: as CBOR, or as bytes when it is not CBOR. */
  | { is: 'unknown'; items: CborValue | Uint8Array }

/** A frame with its meter and session, which are known from earlier frames (for alerts: from the awake after them). */
export interface TracedFrame extends LineFrame {
  read?: ReadPacket | undefined
  /** The meter and the session, when they are known. */
  eui?: string
  link?: LinkSession
  message?: Message
  /** The open message, when it was opened. */
  open?: Uint8Array
  /** True when there is a key for the meter and the message does not open with it. */
  notOpened?: true
}

interface Session {
  eui: string
  link: LinkSession
  /** Names of the asks, by counter. */
  asks: Map<number, MessageName>
}

interface LineState {
  wakes: { eui: string; hostNonce: Uint8Array }[]
  /** The newest last. */
  sessions: Session[]
  /** Alerts received before their awake. */
  early: { frame: TracedFrame; answer: SealedAnswer }[]
}

// Memory is bounded: a recording may cover weeks.
const wakesMax = 16
const sessionsMax = 8
const asksMax = 256
const heldMax = 64

function remember<T>(list: T[], one: T, most: number): void {
  list.push(one)
  if (list.length > most) list.shift()
}

function sealedOf(packet: SealedAsk | SealedAnswer): Sealed {
  const { counter, sealed } = packet
  if (packet.kind === 'ask') return { kind: kind.ask, counter, block: 0, sealed }
  return { kind: packet.last ? kind.lastAnswer : kind.answer, counter, block: packet.block, sealed }
}

function unknown(open: Uint8Array): Message {
  const items = decodeCbor(open)
  return { is: 'unknown', items: items === undefined ? open : items }
}

function answerMessage(name: MessageName | undefined, open: Uint8Array): Message {
  const decoded = decodeAnswer(name ?? 'acknowledgeAlerts', open)
  if (decoded !== undefined && 'error' in decoded) return { is: 'refusal', error: decoded.error, ...(name && { name }) }
  if (name === undefined || decoded === undefined) return unknown(open)
  return { is: 'answer', name, fields: decoded.fields as MessageFields }
}

function messageOf(session: Session, packet: SealedAsk | SealedAnswer, open: Uint8Array): Message {
  if (packet.kind === 'answer' && packet.counter > 0) return answerMessage(session.asks.get(packet.counter), open)
  if (packet.kind === 'answer') {
    const alerts = decodeAnswer('readEvents', open)
    const good = alerts !== undefined && 'fields' in alerts
    return good ? { is: 'alerts', name: 'readEvents', fields: alerts.fields } : unknown(open)
  }
  const ask = decodeAsk(open)
  if ('error' in ask) return unknown(open)
  session.asks.set(packet.counter, ask.name)
  const [oldest] = session.asks.keys()
  if (session.asks.size > asksMax && oldest !== undefined) session.asks.delete(oldest)
  return { is: 'ask', name: ask.name, fields: ask.fields }
}

/** Opens a frame in a session. @returns false when it does not open there */
function openIn(session: Session, frame: TracedFrame, packet: SealedAsk | SealedAnswer, opener: Opener): boolean {
  const open = opener.open(session.eui, session.link, sealedOf(packet))
  if (open === undefined) return false
  Object.assign(frame, { eui: session.eui, link: session.link, open, message: messageOf(session, packet, open) })
  return true
}

/** Assigns the frames of a recording, in order. Without an opener nothing is opened. */
export function* followSessions(frames: Iterable<LineFrame>, opener?: Opener): Generator<TracedFrame> {
  const lines = new Map<string, LineState>()
  /** Frames that wait for an awake, and those after them, in order. */
  const held: TracedFrame[] = []
  const waiting = new Set<TracedFrame>()

  function settle(state: LineState, session: Session | undefined): void {
    for (const { frame, answer } of state.early) {
      waiting.delete(frame)
      if (session === undefined) continue
      Object.assign(frame, { eui: session.eui, link: session.link })
      if (opener?.knows(session.eui) && !openIn(session, frame, answer, opener)) frame.notOpened = true
    }
    state.early = []
  }

  function sealedPacket(state: LineState, frame: TracedFrame, packet: SealedAsk | SealedAnswer): void {
    if (packet.kind === 'answer' && packet.counter === 0) {
      waiting.add(frame)
      state.early.push({ frame, answer: packet })
      return
    }
    const newest = state.sessions.at(-1)
    // In a recording that begins within a session the meter is not known.
    if (newest === undefined) return
    Object.assign(frame, { eui: newest.eui, link: newest.link })
    if (opener === undefined) return
    // A late frame may belong to the previous session.
    const opened = [...state.sessions].reverse().some((session) => openIn(session, frame, packet, opener))
    if (!opened && opener.knows(newest.eui)) frame.notOpened = true
  }

  function follow(state: LineState, frame: TracedFrame): void {
    const packet = frame.packet === undefined ? undefined : decodePacket(frame.packet)
    if (packet === undefined) return
    if (packet.kind === 'wake') {
      frame.eui = euiFromBytes(packet.eui)
      remember(state.wakes, { eui: frame.eui, hostNonce: packet.hostNonce }, wakesMax)
    } else if (packet.kind === 'awake') {
      const woken = state.wakes.findLast(({ hostNonce }) => sameBytes(hostNonce.subarray(0, 2), packet.tag))
      if (woken === undefined) return
      const link = { hostNonce: woken.hostNonce, boot: packet.boot, session: packet.session }
      const session = { eui: woken.eui, link, asks: new Map() }
      Object.assign(frame, { eui: session.eui, link })
      remember(state.sessions, session, sessionsMax)
      settle(state, session)
    } else sealedPacket(state, frame, packet)
  }

  try {
    for (const one of frames) {
      const state = lines.get(one.line) ?? { wakes: [], sessions: [], early: [] }
      lines.set(one.line, state)
      const frame: TracedFrame = { ...one, read: one.packet && readPacket(one.packet) }
      follow(state, frame)
      held.push(frame)
      // Frames do not wait for a missing awake for ever.
      if (held.length > heldMax) for (const each of lines.values()) settle(each, undefined)
      for (let next = held[0]; next !== undefined && !waiting.has(next); next = held[0]) {
        held.shift()
        yield next
      }
    }
  } catch (error) {
    // The frames before the fault are still returned.
    yield* held
    throw error
  }
  yield* held
}

/** The frames of a recording, assigned to sessions. @throws RecordingError where the file cannot be read */
export function* traceRecording(take: TakeBytes, skipped: SkippedPackets, opener?: Opener): Generator<TracedFrame> {
  function* frames(): Generator<LineFrame> {
    for (const recorded of readPackets(take, skipped)) yield* framesOf(recorded)
  }
  yield* followSessions(frames(), opener)
}

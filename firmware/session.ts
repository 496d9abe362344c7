// The meter's end of a session (SPEC.md sections 4 to 6): asleep until a wake with its EUI, awake until told to sleep.
//
// The state is plain values, and nothing here writes to flash: an ask is opened (`hear`), what it changes is done by
// meter.ts, then it is answered (`reply`, `sendNext`). So a board has one of the three in memory at a time (RAM in DESIGN.md).

import { copyOf, getU16 } from '../protocol/bytes.ts'
import { eventCode } from '../protocol/event-entry.ts'
import { encodeFrame } from '../protocol/frame.ts'
import { answerBlocksMax, sessionIdleMs } from '../protocol/limits.ts'
import { encodeAwake, encodeSealedAnswer, hostNonceBytes, isWakeFor, kind, nonceOf } from '../protocol/link.ts'
import { takeAsk } from '../protocol/message-layout.ts'
import { open, seal } from '../protocol/seal.ts'
import { alertsMessage, answerTo } from './commands.ts'
import type { Metering } from './counting.ts'
import { quirk } from './device-profiles.ts'
import type { Line, Session } from './line.ts'

/** Within this time of the first wake the second one counts, on meters that need two. */
const secondWakeMs = 60000

function sleep(line: Line): void {
  line.session = undefined
  if (line.notOpened > line.notOpenedNoted) {
    line.event = eventCode.badAsk
    line.eventValue = line.notOpened - line.notOpenedNoted
    line.notOpenedNoted = line.notOpened
  }
}

function sendAnswer(metering: Metering, line: Line, session: Session, last: boolean, message: Uint8Array): void {
  const nonce = nonceOf(last ? kind.lastAnswer : kind.answer, session.link, session.counter, session.block)
  const sealed = seal(message, nonce, metering.settings.key)
  line.send(encodeFrame(encodeSealedAnswer(session.counter, session.block, last, sealed)))
}

function wake(metering: Metering, line: Line, packet: Uint8Array): void {
  const upMs = metering.upMs
  if (metering.quirks & quirk.twoWakes && !line.session) {
    const second = line.firstWakeMs >= 0 && upMs - line.firstWakeMs <= secondWakeMs
    line.firstWakeMs = second ? -1 : upMs
    if (!second) return
  }
  sleep(line)
  line.sessions += 1
  const link = {
    hostNonce: copyOf(packet, 9, hostNonceBytes),
    boot: metering.logs.journal.boots,
    session: line.sessions,
  }
  // A wake of another version is answered, so that the bridge can say what is wrong, and goes no further.
  if (packet[0] === kind.wake) {
    const session: Session = { link: link, counter: 0, heardMs: upMs, block: 0 }
    line.session = session
    // Alerts go ahead of the awake, as an answer that nobody asked for: counter 0.
    const alerts = alertsMessage(metering)
    if (alerts) sendAnswer(metering, line, session, true, alerts)
  }
  line.send(encodeFrame(encodeAwake(link)))
}

/** Takes a packet from the line: wakes, or opens an ask, which then waits in `line.ask`. */
export function hear(metering: Metering, line: Line, packet: Uint8Array): void {
  if (isWakeFor(packet, metering.settings.eui)) {
    wake(metering, line, packet)
    return
  }
  const session = line.session
  if (!session) return
  // A line with many meters has one session at a time: whoever hears another being woken is not meant any more.
  if (packet[0] === kind.wake && packet.length === 9 + hostNonceBytes) sleep(line)
  // On a pair of wires a meter hears itself.
  if ((packet[0]! & 15) !== (kind.ask & 15)) return
  const counter = getU16(packet, 1)
  // One that is repeated, or of another version, counts as one that does not open.
  const message =
    packet[0] === kind.ask &&
    counter > session.counter &&
    open(packet.subarray(3), nonceOf(kind.ask, session.link, counter, 0), metering.settings.key)
  if (!message) {
    line.notOpened += 1
    return
  }
  session.counter = counter
  session.heardMs = metering.upMs
  session.block = 0
  line.ask = takeAsk(message)
}

/** Begins the answer to the ask that waited, once it is done; `outcome` is what doing it gave. */
export function reply(metering: Metering, line: Line, outcome: number): void {
  const ask = line.ask!
  const answer = answerTo(metering, line, ask, outcome)
  line.ask = undefined
  if (answer) {
    line.session!.answer = answer
    line.session!.ask = ask
  } else sleep(line)
}

/**
 * Puts an answer in parts aside; the next `reply` goes on from where it was. What makes parts of it would otherwise stay in
 * memory beside what writes.
 */
export function putAside(line: Line): void {
  const session = line.session
  const answer = session ? session.answer : undefined
  if (!answer || answer instanceof Uint8Array) return
  line.ask = session!.ask
  session!.answer = undefined
}

/** Sends the next block of an answer, if there is one and the line is ready; sleeps when idle too long. */
export function sendNext(metering: Metering, line: Line): void {
  const session = line.session!
  const upMs = metering.upMs
  const answer = session.answer
  if (!answer) {
    if (upMs - session.heardMs > sessionIdleMs || upMs < session.heardMs) sleep(line)
    return
  }
  if (!metering.board.uart.ready()) return
  const next = answer instanceof Uint8Array ? { message: answer, last: true } : answer()
  const last = next.last || session.block === answerBlocksMax - 1
  sendAnswer(metering, line, session, last, next.message)
  session.block += 1
  if (last) session.answer = undefined
  session.heardMs = upMs
}

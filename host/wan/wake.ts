// Wakes a meter, and receives the alerts that it sends before its awake (protocol/SPEC.md section 6).

import { euiToBytes, sameBytes } from '../../protocol/bytes.ts'
import { decodeEvent, type EventEntry } from '../../protocol/event-entry.ts'
import { eventBytes } from '../../protocol/limits.ts'
import { decodePacket, encodeWake, lineVersion, type SealedAnswer } from '../../protocol/link.ts'
import { decodeAnswer } from '../../protocol/messages.ts'
import type { Dco, DcoSession } from '../dco/sealer.ts'
import { type LineTask, timed, waitForLine, YieldError, yieldCheckMs } from './conversation.ts'
import { whyNoAwake } from './diagnosis.ts'
import { wakePreambleBytes } from './line-limits.ts'
import { firstWaitMs, learn, type Pace } from './pace.ts'
import { ReadError } from './read-error.ts'
import type { Timing, Turn } from './serial-line.ts'

/** A meter that is awake. */
export interface Woken {
  session: DcoSession
  /** Alerts sent before the awake, oldest first. */
  alerts: EventEntry[]
}

/** Frames kept until the awake, which is needed to open them: one of this session and those of earlier wakes. */
const earlyFramesMax = 4

/** Others get the line after a wake has been unanswered for so long, milliseconds. */
const yieldAfterMs = 800

/** Silence of a meter ends a task after this number of wakes at the earliest, however long others had the line. */
const wakesMin = 3

/** How many times the wait for an awake doubles. */
const doublingsMax = 3

/** The alerts in an open message; `undefined` when it is something else. */
export function alertsIn(message: Uint8Array): EventEntry[] | undefined {
  const decoded = decodeAnswer('readEvents', message)
  if (decoded === undefined || 'error' in decoded) return undefined
  const { entries } = decoded.fields
  const alerts: EventEntry[] = []
  for (let at = 0; at < entries.length; at += eventBytes) {
    const entry = decodeEvent(entries, at)
    if (entry === undefined) return undefined
    alerts.push(entry)
  }
  return alerts
}

/** Opens frames received before the awake, the newest first: an older one belongs to a wake that was given up. */
async function openEarly(
  timing: Timing,
  session: DcoSession,
  early: readonly SealedAnswer[],
  task: LineTask,
): Promise<EventEntry[]> {
  for (const frame of [...early].reverse()) {
    const message = await timed(timing, task.usage, session, () => session.openAlerts(frame))
    const alerts = message === undefined ? undefined : alertsIn(message)
    if (alerts !== undefined) return alerts
    task.usage.notOpened += 1
  }
  return []
}

/** Opens a session of the DCO. @throws ReadError when there is no key for the meter, or it cannot be read */
function openSession(dco: Dco, eui: string): DcoSession {
  let session: DcoSession | undefined
  try {
    session = dco.open(eui)
  } catch (error) {
    throw new ReadError('no key', (error as Error).message)
  }
  if (session === undefined) {
    throw new ReadError('no key', `the DCO has no key for ${eui}: smets1 provision gives it one`)
  }
  return session
}

/** The meter has not answered and others wait: their turn comes first, and it is woken again afterwards. */
function givesWay(turn: Turn): YieldError {
  turn.responds(false)
  return new YieldError('other meters wait for the line')
}

/** Wakes a meter by the task's deadline and counts the cost in its usage. @throws ReadError, YieldError */
export async function wake(
  timing: Timing,
  dco: Dco,
  turn: Turn,
  eui: string,
  task: LineTask,
  pace: Pace,
): Promise<Woken> {
  const { endMs, usage } = task
  const { limits } = turn
  const startMs = timing.steadyMs()
  const silence = task.silence ?? { sinceMs: startMs, wakes: 0 }
  const firstMs = firstWaitMs(pace, 'awakeMs', limits)
  const early: SealedAnswer[] = []
  let otherVersion: number | undefined
  if (startMs >= endMs) throw new ReadError('too late', 'the target response time is used up')
  for (let tries = 0; ; tries++) {
    const session = openSession(dco, eui)
    const sentMs = timing.steadyMs()
    // The WAN takes its time whatever the try: only the wait for the meter doubles.
    const wanMs = limits.wanWakeMs + limits.wanRoundTripMs
    const untilMs = Math.min(endMs, sentMs + wanMs + firstMs * 2 ** Math.min(tries, doublingsMax))
    turn.send(encodeWake(euiToBytes(eui), session.hostNonce), wakePreambleBytes)
    usage.wakeUps += 1
    silence.wakes += 1
    while (timing.steadyMs() < untilMs) {
      if (timing.steadyMs() - sentMs >= yieldAfterMs + wanMs && turn.shouldYield(sentMs)) throw givesWay(turn)
      const bytes = await turn.receive(Math.min(untilMs - timing.steadyMs(), yieldCheckMs))
      if (bytes === undefined && turn.open()) continue
      if (bytes === undefined) break
      const packet = decodePacket(bytes)
      // Alerts come ahead of the awake, which says how to open them.
      if (packet?.kind === 'answer' && packet.counter === 0) {
        early.push(packet)
        if (early.length > earlyFramesMax) early.shift()
        continue
      }
      // A late awake to an earlier wake carries that wake's tag.
      const isMine = packet?.kind === 'awake' && sameBytes(packet.tag, session.hostNonce.subarray(0, 2))
      if (isMine && packet.version === lineVersion && packet.boot === 0) {
        throw new ReadError(
          'refused',
          `${eui} says that its flash is worn out: it records nothing any more and cannot be read`,
        )
      }
      if (isMine && packet.version === lineVersion) {
        learn(pace, 'awakeMs', Math.max(0, timing.steadyMs() - sentMs - wanMs))
        turn.responds(true)
        usage.sessions += 1
        session.bind(packet.boot, packet.session)
        return { session, alerts: await openEarly(timing, session, early, task) }
      }
      usage.framesRefused += 1
      // An awake is not authenticated: the meter itself may still answer.
      if (isMine) otherVersion = packet.version
    }
    if (!turn.open()) await waitForLine(turn)
    else turn.responds(false)
    if (otherVersion !== undefined) {
      throw new ReadError(
        'malformed',
        `${eui} speaks version ${otherVersion} of the line, this bridge version ${lineVersion}: bring both to the same`,
      )
    }
    const isSilent = silence.wakes >= wakesMin && timing.steadyMs() - silence.sinceMs >= limits.silenceMs
    if (isSilent || timing.steadyMs() >= endMs) throw whyNoAwake(eui, silence.wakes, turn.traffic, limits)
    if (turn.shouldYield(sentMs)) throw givesWay(turn)
  }
}

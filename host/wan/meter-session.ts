// Sessions with meters: wakes one, does for it everything that waits, sends it back to sleep (protocol/SPEC.md section 6).
//
// A wake-up is what costs most on the SMETS1 WAN, so errands to one meter that wait at the same time share a session: both
// channels of a 4.8.3, or the requests of several parties.

import type { EventEntry } from '../../protocol/event-entry.ts'
import { encodeSealedAsk } from '../../protocol/link.ts'
import { encodeAsk } from '../../protocol/messages.ts'
import type { Dco } from '../dco/sealer.ts'
import { ask } from './ask.ts'
import { PortError } from './bindings.ts'
import { type Conversation, createConversation, type MeterTask, type SessionContext, timed } from './conversation.ts'
import type { Line, Timing, Turn } from './line.ts'
import type { Pace } from './pace.ts'
import { ReadError, type ReadFault } from './read-error.ts'
import type { Usage } from './usage.ts'
import { wake } from './wake.ts'

export interface MeterSessionParts {
  dco: Dco
  timing: Timing
  /** Takes what a meter tells unasked. Once it resolves, the meter is told that it need not say so again. */
  alerted?(eui: string, alerts: EventEntry[]): Promise<void>
  /** Sees to the clock of a meter that has told these; false when its alerts are not to be acknowledged yet. */
  keepClock?(eui: string, talk: Conversation, alerts: readonly EventEntry[]): Promise<boolean>
}

export interface MeterSessions {
  /**
   * Does `work` in a session with a meter, within the task's time and on its account. Tasks to one meter are done one
   * after the other, in the order of asking. @throws ReadError, and whatever `work` throws
   */
  withSession<T>(line: Line, eui: string, task: MeterTask, work: (talk: Conversation) => Promise<T>): Promise<T>
}

interface Waiting {
  /** The line with this task's own place in its queue. */
  line: Line
  task: MeterTask
  /** Does the work; what it returns tells the asker. It never rejects. */
  work(talk: Conversation): Promise<{ tell(): void; error?: unknown }>
  fail(error: unknown): void
}

/** Tasks of one session, so that other meters on the line get their turn. */
const errandsPerSession = 32

/** After these nothing more can be expected of the session. */
const fatal: readonly ReadFault[] = ['no port', 'no answer', 'wrong key', 'malformed', 'DCO too slow']

function endsSession(error: unknown): boolean {
  return error !== undefined && (!(error instanceof ReadError) || fatal.includes(error.fault))
}

function onlyReadErrors(error: unknown): void {
  if (!(error instanceof ReadError)) throw error
}

export function createMeterSessions(parts: MeterSessionParts): MeterSessions {
  const { dco, timing } = parts
  /** By meter that is being attended to: whose errands wait. */
  const waitingByMeter = new Map<string, Waiting[]>()
  /** By meter that was attended to: how quickly it answers. */
  const paces = new Map<string, Pace>()

  /**
   * Ends a session in good order: alerts that were handed on are acknowledged, the meter is sent to sleep. What goes wrong
   * in it harms nobody: alerts are told again at the next wake, and a meter left alone sleeps by itself.
   */
  async function end(
    turn: Turn,
    contact: SessionContext,
    talk: Conversation,
    handedOn: EventEntry[],
    usage: Usage,
  ): Promise<void> {
    const sequence = handedOn.at(-1)?.sequence
    if (sequence !== undefined) await ask(talk, 'acknowledgeAlerts', { sequence }, true).catch(onlyReadErrors)
    const sleep = timed(timing, usage, contact.session.sealAsk(encodeAsk('sleep', {})))
    await sleep.then(({ counter, sealed }) => turn.send(encodeSealedAsk(counter, sealed)), onlyReadErrors)
  }

  async function handOn(eui: string, alerts: EventEntry[]): Promise<EventEntry[]> {
    if (alerts.length === 0 || parts.alerted === undefined) return []
    return parts.alerted(eui, alerts).then(
      () => alerts,
      () => [],
    )
  }

  function paceOf(eui: string): Pace {
    const pace = paces.get(eui) ?? {}
    paces.set(eui, pace)
    return pace
  }

  /** Opens another session in the same turn, after asks that brought nothing. @throws ReadError */
  async function wakeAgain(turn: Turn, contact: SessionContext, task: MeterTask): Promise<void> {
    // What it tells unasked is told again at the next wake: it was not acknowledged.
    const again = wake(timing, dco, turn, contact.eui, task, contact.pace).catch((error) => {
      if (!(error instanceof ReadError) || error.fault !== 'no awake') throw error
      throw new ReadError(
        'no answer',
        `${contact.eui} was awake and answers nothing more, wakes too: has it lost power?`,
      )
    })
    contact.session = (await again).session
    contact.sessions += 1
  }

  /** One session, for those who wait. */
  async function attend(turn: Turn, eui: string, queue: Waiting[]): Promise<void> {
    const sharing = [...queue]
    const payer = sharing[0]!.task
    const deadlineMs = Math.max(...sharing.map(({ task }) => task.deadlineMs))
    const pace = paceOf(eui)
    let contact: SessionContext
    let handedOn: EventEntry[]
    try {
      const woken = await wake(timing, dco, turn, eui, { ...payer, deadlineMs }, pace)
      contact = { eui, session: woken.session, pace, sessions: 1, asks: 0, opened: woken.alerts.length }
      const task = { ...payer, deadlineMs }
      const opening = createConversation(timing, turn, contact, task, () => wakeAgain(turn, contact, task))
      // Which of two keys the meter has, found out with an ask that may go unheard.
      if (!contact.session.settled()) await ask(opening, 'readClock', {})
      handedOn = await handOn(eui, woken.alerts)
      if ((await parts.keepClock?.(eui, opening, woken.alerts)) === false) handedOn = []
    } catch (error) {
      // Whoever waited for this wake has waited for nothing; who came later gets one of its own.
      for (const one of queue.splice(0, sharing.length)) one.fail(error)
      return
    }
    for (let done = 0; queue.length > 0; done++) {
      const one = queue[0]!
      turn.charge(one.task.usage)
      const talk = createConversation(timing, turn, contact, one.task, () => wakeAgain(turn, contact, one.task))
      const { tell, error } = await one.work(talk)
      queue.shift()
      const over = endsSession(error)
      const last = queue.length === 0 || done + 1 === errandsPerSession
      // The end of the session comes first, so that what an task cost is whole when it is told.
      if (last && !over) await end(turn, contact, talk, handedOn, one.task.usage)
      tell()
      if (last || over) return
    }
  }

  async function serve(eui: string, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const waiting = queue.length
      const first = queue[0]!
      try {
        await first.line.use(first.task.usage, (turn) => attend(turn, eui, queue))
      } catch (error) {
        if (error instanceof PortError) {
          for (const one of queue.splice(0, waiting)) one.fail(new ReadError('no port', error.message))
        } else if (queue[0] === first) {
          // It got no turn: too late, or the bridge stops. Those behind it may have more time, and ask on their own.
          queue.shift()
          first.fail(error)
        }
      }
    }
    waitingByMeter.delete(eui)
  }

  return {
    withSession(line, eui, task, work) {
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          line,
          task,
          fail: reject,
          work: (talk) =>
            work(talk).then(
              (value) => ({ tell: () => resolve(value) }),
              (error) => ({ tell: () => reject(error), error }),
            ),
        }
        const queue = waitingByMeter.get(eui)
        if (queue !== undefined) {
          queue.push(waiting)
          return
        }
        const own = [waiting]
        waitingByMeter.set(eui, own)
        void serve(eui, own)
      })
    },
  }
}

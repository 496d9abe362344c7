// Sessions with meters: wakes a meter, runs the tasks that wait for it, and sends it back to sleep (protocol/SPEC.md
// section 6).
//
// A wake-up is the most expensive thing on the SMETS1 WAN, so tasks for one meter that wait at the same time share a
// session: both channels of a 4.8.3, or the requests of several parties.

import type { EventEntry } from '../../protocol/event-entry.ts'
import { encodeSealedAsk } from '../../protocol/link.ts'
import { encodeAsk } from '../../protocol/messages.ts'
import type { Dco } from '../dco/sealer.ts'
import { ask } from './ask.ts'
import { PortError } from './bindings.ts'
import { type Conversation, createConversation, type MeterTask, type SessionContext, timed } from './conversation.ts'
import type { Pace } from './pace.ts'
import { ReadError, type ReadFault } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'
import { wake } from './wake.ts'

export interface MeterSessionParts {
  dco: Dco
  timing: Timing
  /** Receives the alerts that a meter sends when it wakes. When it resolves, the alerts are acknowledged to the meter. */
  alerted?(eui: string, alerts: EventEntry[]): Promise<void>
  /** Checks a meter's clock, given its alerts; false when the alerts are not to be acknowledged yet. */
  keepClock?(eui: string, conversation: Conversation, alerts: readonly EventEntry[]): Promise<boolean>
}

export interface MeterSessions {
  /**
   * Runs `work` in a session with a meter, by the task's deadline, and counts the cost in its usage. Tasks for one meter
   * run one after the other, in the order of the calls. @throws ReadError, and whatever `work` throws
   */
  withSession<T>(line: Line, eui: string, task: MeterTask, work: (conversation: Conversation) => Promise<T>): Promise<T>
}

interface QueuedTask {
  /** The line, with this task's own place in the line queue. */
  line: Line
  task: MeterTask
  /** Runs the work and returns a function that passes the result to the caller. It never rejects. */
  run(conversation: Conversation): Promise<{ settle(): void; error?: unknown }>
  fail(error: unknown): void
}

/** Tasks in one session at most, so that other meters on the line get their turn. */
const tasksPerSession = 32

/** After one of these faults the session is of no more use. */
const fatal: readonly ReadFault[] = ['no port', 'no answer', 'wrong key', 'malformed', 'DCO too slow']

function endsSession(error: unknown): boolean {
  return error !== undefined && (!(error instanceof ReadError) || fatal.includes(error.fault))
}

function ignoreReadError(error: unknown): void {
  if (!(error instanceof ReadError)) throw error
}

/**
 * Ends a session: acknowledges the alerts that were delivered and sends the meter to sleep. A failure here does no
 * harm: the meter repeats its alerts at the next wake, and falls asleep by itself.
 */
async function endSession(
  { timing }: MeterSessionParts,
  turn: Turn,
  context: SessionContext,
  conversation: Conversation,
  delivered: EventEntry[],
  usage: Usage,
): Promise<void> {
  const sequence = delivered.at(-1)?.sequence
  if (sequence !== undefined) {
    await ask(conversation, 'acknowledgeAlerts', { sequence }, true).catch(ignoreReadError)
  }
  const sleep = timed(timing, usage, context.session.sealAsk(encodeAsk('sleep', {})))
  await sleep.then(({ counter, sealed }) => turn.send(encodeSealedAsk(counter, sealed)), ignoreReadError)
}

/** Returns the alerts that were delivered: all or none. */
async function deliverAlerts(parts: MeterSessionParts, eui: string, alerts: EventEntry[]): Promise<EventEntry[]> {
  if (alerts.length === 0 || parts.alerted === undefined) return []
  return parts.alerted(eui, alerts).then(
    () => alerts,
    () => [],
  )
}

/** Opens another session in the same turn, after asks that got no answer. @throws ReadError */
async function wakeAgain(
  { dco, timing }: MeterSessionParts,
  turn: Turn,
  context: SessionContext,
  task: MeterTask,
): Promise<void> {
  // Alerts of this wake are not used: they are not acknowledged, so the meter repeats them at the next wake.
  const again = wake(timing, dco, turn, context.eui, task, context.pace).catch((error) => {
    if (!(error instanceof ReadError) || error.fault !== 'no awake') throw error
    throw new ReadError('no answer', `${context.eui} was awake and answers nothing more, wakes too: has it lost power?`)
  })
  context.session = (await again).session
  context.sessions += 1
}

/** Wakes the meter for all tasks that wait now; the first task pays. @throws ReadError */
async function openSession(
  parts: MeterSessionParts,
  turn: Turn,
  eui: string,
  task: MeterTask,
  pace: Pace,
): Promise<{ context: SessionContext; delivered: EventEntry[] }> {
  const { dco, timing } = parts
  const { session, alerts } = await wake(timing, dco, turn, eui, task, pace)
  const context: SessionContext = { eui, session, pace, sessions: 1, asks: 0, opened: alerts.length }
  const conversation = createConversation(timing, turn, context, task, () => wakeAgain(parts, turn, context, task))
  // While a key is rotated: an ask without effects shows which of the two keys the meter has.
  if (!session.settled()) await ask(conversation, 'readClock', {})
  const delivered = await deliverAlerts(parts, eui, alerts)
  const acknowledge = (await parts.keepClock?.(eui, conversation, alerts)) !== false
  return { context, delivered: acknowledge ? delivered : [] }
}

/** Runs one session: wakes the meter and runs the tasks in the queue, those that are added meanwhile included. */
async function runSession(
  parts: MeterSessionParts,
  turn: Turn,
  eui: string,
  queue: QueuedTask[],
  first: QueuedTask,
  pace: Pace,
): Promise<void> {
  const waiting = queue.length
  const deadlineMs = Math.max(...queue.map(({ task }) => task.deadlineMs))
  let opened: Awaited<ReturnType<typeof openSession>>
  try {
    opened = await openSession(parts, turn, eui, { ...first.task, deadlineMs }, pace)
  } catch (error) {
    // Fails the tasks for which the meter was woken. Tasks added since then get a wake of their own.
    for (const one of queue.splice(0, waiting)) one.fail(error)
    return
  }
  const { context, delivered } = opened
  let done = 0
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    const { task } = next
    turn.charge(task.usage)
    const conversation = createConversation(parts.timing, turn, context, task, () =>
      wakeAgain(parts, turn, context, task),
    )
    const { settle, error } = await next.run(conversation)
    queue.shift()
    done += 1
    const over = endsSession(error)
    const last = queue.length === 0 || done === tasksPerSession
    // The session ends before the result is passed on, so that the task's usage is complete by then.
    if (last && !over) await endSession(parts, turn, context, conversation, delivered, task.usage)
    settle()
    if (last || over) return
  }
}

export function createMeterSessions(parts: MeterSessionParts): MeterSessions {
  /** Tasks that wait, by the EUI-64 of the meter. */
  const queues = new Map<string, QueuedTask[]>()
  /** Response times of each meter so far. */
  const paces = new Map<string, Pace>()

  function paceOf(eui: string): Pace {
    const pace = paces.get(eui) ?? {}
    paces.set(eui, pace)
    return pace
  }

  async function processQueue(eui: string, queue: QueuedTask[]): Promise<void> {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const task = first
      const waiting = queue.length
      try {
        await task.line.use(task.task.usage, (turn) => runSession(parts, turn, eui, queue, task, paceOf(eui)))
      } catch (error) {
        if (error instanceof PortError) {
          for (const one of queue.splice(0, waiting)) one.fail(new ReadError('no port', error.message))
        } else if (queue[0] === task) {
          // It got no turn: its deadline has passed, or the bridge stops. The tasks behind it may have more time.
          queue.shift()
          task.fail(error)
        }
      }
    }
    queues.delete(eui)
  }

  return {
    withSession(line, eui, task, work) {
      return new Promise((resolve, reject) => {
        const queued: QueuedTask = {
          line,
          task,
          fail: reject,
          run: (conversation) =>
            work(conversation).then(
              (value) => ({ settle: () => resolve(value) }),
              (error) => ({ settle: () => reject(error), error }),
            ),
        }
        const queue = queues.get(eui)
        if (queue !== undefined) {
          queue.push(queued)
          return
        }
        const own = [queued]
        queues.set(eui, own)
        void processQueue(eui, own)
      })
    },
  }
}

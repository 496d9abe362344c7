// Sessions with meters: wakes a meter, runs the tasks that wait for it, and sends it back to sleep (protocol/SPEC.md
// section 6).
//
// A wake-up is the most expensive thing on the SMETS1 WAN, so tasks for one meter that wait at the same time share a
// session: both channels of a 4.8.3, or the requests of several parties.

import type { EventEntry } from '../../protocol/event-entry.ts'
import { encodeSealedAsk } from '../../protocol/link.ts'
import { encodeAsk } from '../../protocol/messages.ts'
import { ask } from './ask.ts'
import { PortError } from './bindings.ts'
import {
  type Conversation,
  createConversation,
  type LineTask,
  type MeterTask,
  type Seat,
  type SessionContext,
  timed,
  YieldError,
} from './conversation.ts'
import { insert, isUnanswered, type MeterParts, type QueuedTask, remove, runTask, wakeAgain } from './meter-tasks.ts'
import type { Pace } from './pace.ts'
import { ReadError, type ReadFault } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import type { Usage } from './usage.ts'
import { wake } from './wake.ts'

export interface MeterSessionParts extends MeterParts {
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
  const sleep = timed(timing, usage, context.session, (session) => session.sealAsk(encodeAsk('sleep', {})))
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

/** Wakes the meter for all tasks that wait now; the first task pays. @throws ReadError, YieldError */
async function openSession(
  parts: MeterSessionParts,
  turn: Turn,
  eui: string,
  task: LineTask,
  pace: Pace,
): Promise<{ context: SessionContext; delivered: EventEntry[] }> {
  const { dco, timing } = parts
  const { session, alerts } = await wake(timing, dco, turn, eui, task, pace)
  const context: SessionContext = { eui, session, pace, sessions: 1, asks: 0, opened: alerts.length }
  const seat: Seat = {
    turn,
    context,
    wakeAgain: () => wakeAgain(parts, seat, task),
    mustPause: turn.shouldYield,
    async pause() {
      throw new YieldError('other meters wait for the line')
    },
  }
  const conversation = createConversation(timing, seat, eui, task)
  // While a key is rotated: an ask without effects shows which of the two keys the meter has.
  if (!session.settled()) await ask(conversation, 'readClock', {})
  const delivered = await deliverAlerts(parts, eui, alerts)
  const acknowledge = (await parts.keepClock?.(eui, conversation, alerts)) !== false
  return { context, delivered: acknowledge ? delivered : [] }
}

/**
 * Runs one session: wakes the meter and runs the tasks in the queue, those that are added meanwhile included. A task that
 * pauses stays in the queue.
 */
async function runSession(
  parts: MeterSessionParts,
  turn: Turn,
  eui: string,
  queue: QueuedTask[],
  first: QueuedTask,
  pace: Pace,
): Promise<void> {
  const waiting = [...queue]
  const endMs = Math.max(...queue.map(({ task }) => task.endMs))
  first.task.silence ??= { sinceMs: parts.timing.steadyMs(), wakes: 0 }
  for (const one of waiting) one.waitsFor = 'awake'
  let opened: Awaited<ReturnType<typeof openSession>>
  try {
    opened = await openSession(parts, turn, eui, { ...first.task, endMs }, pace)
  } catch (error) {
    for (const one of waiting) one.waitsFor = 'meter'
    if (error instanceof YieldError) return
    // Fails the tasks for which the meter was woken. Tasks added since then get a wake of their own.
    for (const one of waiting) if (remove(queue, one)) one.fail(error)
    return
  }
  const { context, delivered } = opened
  for (const one of waiting) one.waitsFor = 'meter'
  let done = 0
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    const one = next
    const outcome = await runTask(parts, one, queue, turn, context)
    const conversation = createConversation(parts.timing, lastSeat(turn, context), eui, one.task)
    if (outcome === 'paused') {
      if (queue[0] !== one) continue
      // The meter repeats its alerts at the next wake.
      await endSession(parts, turn, context, conversation, [], one.task.usage)
      return
    }
    remove(queue, one)
    done += 1
    const over = endsSession(outcome.error)
    const last = queue.length === 0 || done === tasksPerSession || turn.shouldYield(parts.timing.steadyMs())
    // The session ends before the result is passed on, so that the task's usage is complete by then.
    if (last && !over) await endSession(parts, turn, context, conversation, delivered, one.task.usage)
    outcome.settle()
    if (last || over) return
  }
}

/** A seat for the end of a session, which nobody interrupts and for which no meter is woken again. */
function lastSeat(turn: Turn, context: SessionContext): Seat {
  return { turn, context, wakeAgain: async () => {}, mustPause: () => false, pause: async () => {} }
}

function notAwake(eui: string): ReadError {
  return new ReadError(
    'no awake',
    `${eui} answers no wake within the target response time: is it powered, and on this line?`,
  )
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
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      const one = next
      const waiting = [...queue]
      try {
        one.waitsFor = 'line'
        await one.line.use(one.task.usage, (turn) => {
          one.waitsFor = 'meter'
          const first = queue[0]
          return first === undefined ? Promise.resolve() : runSession(parts, turn, eui, queue, first, paceOf(eui))
        })
      } catch (error) {
        if (error instanceof PortError) {
          for (const each of waiting) if (remove(queue, each)) each.fail(new ReadError('no port', error.message))
        } else if (remove(queue, one)) {
          // It got no turn: its deadline has passed, or the bridge stops. The tasks behind it may have more time.
          const late = error instanceof ReadError && error.fault === 'too late'
          one.fail(late && isUnanswered(one) ? notAwake(eui) : error)
        }
      }
    }
    queues.delete(eui)
  }

  return {
    withSession: (line, eui, task, work) =>
      new Promise((resolve, reject) => {
        const queued = createTask({ timing: parts.timing, line, eui, task, queues }, work, resolve, reject)
        const queue = queues.get(eui)
        if (queue !== undefined) {
          insert(queue, queued)
          return
        }
        const own = [queued]
        queues.set(eui, own)
        void processQueue(eui, own)
      }),
  }
}

/** The time that a wake has to say why it failed, milliseconds. */
const wakeGraceMs = 20

interface NewTask {
  timing: Timing
  line: Line
  eui: string
  task: MeterTask
  queues: ReadonlyMap<string, QueuedTask[]>
}

/** A task that leaves its queue when its deadline passes before it has had a session. */
function createTask<T>(
  { timing, line, eui, task, queues }: NewTask,
  work: (conversation: Conversation) => Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): QueuedTask {
  const { deadlineMs, ...rest } = task
  const leftMs = deadlineMs - timing.nowMs()
  const finish = (settle: () => void) => {
    late.cancel()
    settle()
  }
  const queued: QueuedTask = {
    line,
    task: { ...rest, endMs: timing.steadyMs() + leftMs },
    waitsFor: 'meter',
    fail: (error) => finish(() => reject(error)),
    work: (conversation) =>
      work(conversation).then(
        (value) => ({ settle: () => finish(() => resolve(value)) }),
        (error) => ({ settle: () => finish(() => reject(error)), error }),
      ),
  }
  let late = timing.after(Math.max(0, leftMs), () => {
    if (queued.waitsFor === 'meter') expire('other reads of this meter took up the target response time')
    // The wake ends at this time too, and knows more of the cause.
    else if (queued.waitsFor === 'awake') late = timing.after(wakeGraceMs, () => expire(undefined))
  })
  const expire = (why: string | undefined) => {
    if (!remove(queues.get(eui) ?? [], queued)) return
    reject(why === undefined ? notAwake(eui) : new ReadError('too late', why))
  }
  return queued
}

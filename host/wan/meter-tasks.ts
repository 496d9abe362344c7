// The tasks that wait for one meter: the most urgent is done first, in the meter's session, and one that pauses goes on in a
// later session where it was.

import type { Dco } from '../dco/sealer.ts'
import {
  type Conversation,
  createConversation,
  type LineTask,
  type Seat,
  type SessionContext,
  YieldError,
} from './conversation.ts'
import { ReadError } from './read-error.ts'
import type { Line, Timing, Turn } from './serial-line.ts'
import { priority } from './waiting-requests.ts'
import { wake } from './wake.ts'

export interface MeterParts {
  dco: Dco
  timing: Timing
}

/** Work that has begun: its place in a session, and how it ends. */
interface RunningTask {
  seat: Seat
  /** Resolves with a function that passes the result to the caller. It never rejects. */
  ended: Promise<{ settle(): void; error?: unknown }>
  /** Resolves when the work pauses, each time anew. */
  paused: Promise<'paused'>
  resume(): void
}

export interface QueuedTask {
  /** The line, with this task's own place in the line queue. */
  line: Line
  task: LineTask
  work(conversation: Conversation): Promise<{ settle(): void; error?: unknown }>
  running?: RunningTask
  /** What it waits for: its meter, which others read; the line; an awake of the meter; or an answer. */
  waitsFor: 'meter' | 'line' | 'awake' | 'answer'
  fail(error: unknown): void
}

/** False when the task was not in the queue any more. */
export function remove(queue: QueuedTask[], one: QueuedTask): boolean {
  const at = queue.indexOf(one)
  if (at >= 0) queue.splice(at, 1)
  return at >= 0
}

/** True when a meter was woken for the task and has not answered. */
export function isUnanswered({ running, task }: QueuedTask): boolean {
  return running === undefined && (task.silence?.wakes ?? 0) > 0
}

/** Opens another session in the same turn, after asks that got no answer. @throws ReadError, YieldError */
export async function wakeAgain({ dco, timing }: MeterParts, { turn, context }: Seat, task: LineTask): Promise<void> {
  // Alerts of this wake are not used: they are not acknowledged, so the meter repeats them at the next wake.
  const again = wake(timing, dco, turn, context.eui, task, context.pace).catch((error) => {
    if (!(error instanceof ReadError) || error.fault !== 'no awake') throw error
    throw new ReadError('no answer', `${context.eui} was awake and answers nothing more, wakes too: has it lost power?`)
  })
  context.session = (await again).session
  context.sessions += 1
}

const urgencyOf = ({ task }: QueuedTask) => task.priority ?? priority.onDemand

/** Adds the newest task to a queue, which is kept in order: the most urgent first, then the first that was added. */
export function insert(queue: QueuedTask[], one: QueuedTask): void {
  const at = queue.findLastIndex((other) => urgencyOf(other) <= urgencyOf(one)) + 1
  queue.splice(at, 0, one)
}

/** Begins the work of a task in a session. */
function begin(parts: MeterParts, one: QueuedTask, queue: QueuedTask[], turn: Turn, context: SessionContext) {
  let notePause: (what: 'paused') => void = () => {}
  const seat: Seat = {
    turn,
    context,
    wakeAgain: async () => {
      // Another meter's turn comes before the retry: the work goes on in the session after it.
      await wakeAgain(parts, seat, one.task).catch((error) => {
        if (!(error instanceof YieldError)) throw error
        return seat.pause()
      })
    },
    mustPause: (progressMs) => queue[0] !== one || seat.turn.shouldYield(progressMs),
    pause: () =>
      new Promise<void>((resolve) => {
        running.resume = resolve
        notePause('paused')
        running.paused = nextPause()
      }),
  }
  const nextPause = () =>
    new Promise<'paused'>((resolve) => {
      notePause = resolve
    })
  const running: RunningTask = { seat, paused: nextPause(), ended: Promise.resolve({ settle() {} }), resume() {} }
  one.running = running
  running.ended = one.work(createConversation(parts.timing, seat, context.eui, one.task))
}

/** Runs a task until it ends or pauses. */
export async function runTask(
  parts: MeterParts,
  one: QueuedTask,
  queue: QueuedTask[],
  turn: Turn,
  context: SessionContext,
): Promise<{ settle(): void; error?: unknown } | 'paused'> {
  turn.charge(one.task.usage)
  one.waitsFor = 'answer'
  if (one.running === undefined) begin(parts, one, queue, turn, context)
  else {
    const { seat, resume } = one.running
    // Numbers of asks stay unique for the work: they continue after those of its earlier sessions.
    context.sessions = Math.max(context.sessions, seat.context.sessions + (seat.context === context ? 0 : 1))
    seat.turn = turn
    seat.context = context
    resume()
  }
  const { running } = one
  const outcome = running === undefined ? 'paused' : await Promise.race([running.ended, running.paused])
  if (outcome === 'paused') one.waitsFor = 'meter'
  return outcome
}

// Calls that move the clock of a bench on virtual time.

import { type Call, call, needed } from './call.ts'
import type { Controlled } from './controlled.ts'
import type { ClockState, ControlledClock } from './controlled-clock.ts'
import { flag, instant, listOf, object, oneOf, text, whole } from './shape.ts'

const clockState = object(
  {
    clock: oneOf(['virtual', 'real']),
    now: instant,
    scale: whole(0, 1_000_000, { description: 'how many times as fast as real time it runs; 0: it stands' }),
    waitsFor: listOf(text(), { description: 'exchanges with Users that are open: no time passes meanwhile' }),
  },
  {
    movingTo: text({ format: 'date-time', description: 'where an advance that is under way ends' }),
    problem: text({ description: 'why the last advance ended before its end' }),
  },
)

const wait = flag({ description: 'false: answer at once, and show in clock how far it is; true unless given' })

function clockOf({ clock }: Controlled): ControlledClock {
  return needed(clock, 'this bench runs in real time: start one with smets1 up --virtual-time')
}

/** Begins an advance, and waits for its end unless the caller would rather not. */
async function move(
  controlled: Controlled,
  begin: (clock: ControlledClock) => Promise<ClockState>,
  waits: boolean,
): Promise<ClockState> {
  const clock = clockOf(controlled)
  const wasMoving = clock.state().movingTo !== undefined
  const moved = begin(clock)
  // One that cannot begin is refused at once; what ends it later is shown in the state.
  if (waits || wasMoving || clock.state().movingTo === undefined) return moved
  moved.catch(() => {})
  return clock.state()
}

export const clockCalls: readonly Call[] = [
  call({
    name: 'clock',
    method: 'GET',
    path: '/clock',
    scope: 'read',
    summary: 'the time of a bench on virtual time, how fast it runs, and what it waits for',
    input: object({}),
    output: clockState,
    run: (controlled) => clockOf(controlled).state(),
  }),
  call({
    name: 'clock-advance',
    method: 'POST',
    path: '/clock/advance',
    scope: 'test',
    summary: 'let time pass: everything due on the way happens in order, at its instant',
    input: object({ by: text({ examples: ['25h', '15m', '2d'] }) }, { wait }),
    output: clockState,
    run: (controlled, { by, wait: waits = true }) => move(controlled, (clock) => clock.advance(by), waits),
  }),
  call({
    name: 'clock-to',
    method: 'POST',
    path: '/clock/to',
    scope: 'test',
    summary: 'let time pass up to an instant, UTC where it has no zone',
    input: object({ instant: text({ examples: ['2026-11-01T00:00'] }) }, { wait }),
    output: clockState,
    run: (controlled, { instant: at, wait: waits = true }) => move(controlled, (clock) => clock.to(at), waits),
  }),
  call({
    name: 'clock-scale',
    method: 'POST',
    path: '/clock/scale',
    scope: 'test',
    summary: 'run at so many times the speed of real time; 0: stand',
    input: object({ scale: whole(0, 1_000_000) }),
    output: clockState,
    run: (controlled, { scale }) => clockOf(controlled).scale(scale),
  }),
  call({
    name: 'clock-stop',
    method: 'POST',
    path: '/clock/stop',
    scope: 'test',
    summary: 'stop the clock, and an advance that is under way',
    input: object({}),
    output: clockState,
    run: (controlled) => clockOf(controlled).stop(),
  }),
]

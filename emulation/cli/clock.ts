// smets1 clock: shows and moves the clock of a bench on virtual time.

import { type Command, type Io, type Options, stateOption, textOption } from '../../host/cli/command.ts'
import { callControl } from '../../host/cli/control-client.ts'
import type { Call } from '../../host/http/control/call.ts'
import { clockCalls } from '../../host/http/control/clock-calls.ts'
import type { ClockState } from '../../host/http/control/controlled-clock.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import type { StatePaths } from '../../host/state/state-directory.ts'

/** Real time between two looks at a clock that moves, and until the first word on how far it is. */
const lookEveryMs = 100
const quietMs = 2000

/** Actions with the call that each makes, and the name of its value there. */
const actions: { readonly [action: string]: { call: string; value?: string; example: string } } = {
  show: { call: 'clock', example: '' },
  advance: { call: 'clock-advance', value: 'by', example: '25h' },
  to: { call: 'clock-to', value: 'instant', example: '2026-11-01T00:00' },
  scale: { call: 'clock-scale', value: 'scale', example: '600' },
  stop: { call: 'clock-stop', example: '' },
}

const usage = (message: string) => new CommandError(exitCode.usage, message)

/** What the words of the command line ask for. @throws CommandError */
function asked(words: readonly string[]): { call: Call; input: { [name: string]: unknown } } {
  const [name = 'show', given, ...more] = words
  const action = actions[name]
  const call = clockCalls.find((one) => one.name === action?.call)
  if (action === undefined || call === undefined)
    throw usage(`smets1 clock does ${Object.keys(actions).join(', ')}, not ${name}`)
  const { value, example } = action
  if (more.length > 0 || (value === undefined && given !== undefined))
    throw usage(`smets1 clock ${name} takes ${value === undefined ? 'no value' : 'one value'}`)
  if (value === undefined) return { call, input: {} }
  if (given === undefined) throw usage(`smets1 clock ${name} needs a value, as in smets1 clock ${name} ${example}`)
  if (value !== 'scale') return { call, input: { [value]: given, wait: false } }
  if (!/^\d{1,7}$/.test(given)) throw usage(`the scale is a whole number, as in smets1 clock scale 600, not ${given}`)
  return { call, input: { scale: Number(given) } }
}

function isState(value: unknown): value is ClockState {
  return typeof value === 'object' && value !== null && 'now' in value && 'scale' in value
}

/** Makes a call, and shows how far a clock that it moves has come. @throws CommandError */
async function movedState(paths: StatePaths, call: Call, input: object, url: string | undefined, io: Io) {
  const make = async (one: Call, values: object): Promise<ClockState> => {
    const state = await callControl(paths, one, { ...values }, { url })
    if (isState(state)) return state
    throw new CommandError(exitCode.failed, `${one.name} answers what is no clock: is the bench of another version?`)
  }
  const show = clockCalls.find(({ name }) => name === 'clock')
  let state = await make(call, input)
  let shown = false
  for (
    let waitedMs = 0;
    show !== undefined && 'wait' in input && state.movingTo !== undefined;
    waitedMs += lookEveryMs
  ) {
    if (waitedMs >= quietMs && (io.isTerminal || waitedMs % quietMs === 0)) {
      const text = `${state.now} on the way to ${state.movingTo}${waiting(state)}`
      io.stderr(io.isTerminal ? `\r${text}\x1b[K` : `${text}\n`)
      shown = io.isTerminal
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    state = await make(show, {})
  }
  if (shown) io.stderr('\r\x1b[K')
  return state
}

function waiting({ waitsFor }: ClockState): string {
  return waitsFor.length === 0 ? '' : `; waits for ${waitsFor.join(', and for ')}`
}

function speedOf({ scale, movingTo }: ClockState): string {
  if (movingTo !== undefined) return `on the way to ${movingTo}`
  return scale === 0 ? 'stands' : `runs ${scale} times as fast as real time`
}

export const clockCommand: Command = {
  name: 'clock',
  argument: '[action] [value]',
  summary:
    'show and move the clock of a bench on virtual time: show (unless given), advance 25h, to 2026-11-01T00:00, scale 600, stop',
  options: [
    ['--json', 'the clock as JSON'],
    ['--url <url>', 'address of the control API (as the bench has written it in its state directory, unless given)'],
    ['--state <dir>', 'the state directory of the bench', '.smets1'],
  ],
  examples: [
    'smets1 clock',
    'smets1 clock advance 25h',
    'smets1 clock to 2026-11-01T00:00',
    'smets1 clock scale 600',
    'smets1 clock stop',
  ],
  async run(options: Options, io) {
    const { call, input } = asked((options.argument as string[] | undefined) ?? [])
    const state = await movedState(stateOption(options), call, input, textOption(options, 'url'), io)
    io.stdout(
      options.json === true
        ? `${JSON.stringify(state)}\n`
        : `${state.clock} time ${state.now}, ${speedOf(state)}${waiting(state)}\n`,
    )
    // Of an advance that this command made.
    if (!('wait' in input) || state.problem === undefined) return exitCode.ok
    io.stderr(`${state.problem}\n`)
    return exitCode.failed
  },
}

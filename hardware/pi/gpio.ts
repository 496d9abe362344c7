// Pulse inputs on GPIO lines: one gpiomon for each, started again when it ends.

import type { Timers } from '../emulator/emulated-board.ts'
import type { GpioTools } from './gpio-tools.ts'
import type { MonitorVersion } from './gpiomon.ts'
import {
  headerChip,
  isBanner,
  monitorArguments,
  monitorProblem,
  monitorVersion,
  needsFilter,
  parseEdge,
} from './gpiomon.ts'
import { createPulseFilter } from './pulse-filter.ts'
import type { PulseInput } from './pulse-input.ts'
import { inputName, pulseKinds } from './pulse-input.ts'

export interface PulseInputs {
  /** Pulses since the last call, in the order of `pulseKinds`; 0 for an input that is not there. */
  take(): number[]
  /** Lets the lines go. */
  close(): void
}

export type OpenedInputs = { ok: true; inputs: PulseInputs } | { ok: false; problem: string }

export interface GpioWorld {
  tools: GpioTools
  timers: Timers
  /** Takes what a person should know while the meter runs: an input is lost, an input is back. */
  say(text: string): void
}

/** A gpiomon of version 1 that has lived so long has its line; it says nothing, but ends at once when it cannot have it. */
const settledMs = 300
const retryMsFirst = 1000
const retryMsMax = 60000
/** A gpiomon that lived so long has worked; the next wait is the shortest again. */
const workedMs = 10000
const notInstalled = 'gpiomon and gpiodetect are not installed. Install them: sudo apt install gpiod'
/** Nothing that gpiomon prints is longer. */
const lineCharactersMax = 200

interface Watch {
  /** Settles when the line is watched, or with what is wrong. Later losses are said, not told. */
  begun: Promise<string | undefined>
  close(): void
}

/** Keeps one input watched; calls `pulse` for each pulse. */
function watchInput(
  input: PulseInput,
  chip: string,
  version: MonitorVersion,
  { tools, timers, say }: GpioWorld,
  pulse: () => void,
): Watch {
  const name = inputName(input)
  let stop: () => void = () => {}
  let timer: unknown
  let closed = false
  let retryMs = retryMsFirst
  let lastProblem: string | undefined
  let begin: (problem: string | undefined) => void = () => {}
  const begun = new Promise<string | undefined>((resolve) => {
    begin = resolve
  })
  let hasBegun = false
  let isPuzzled = false

  function watched(): void {
    if (!hasBegun) {
      hasBegun = true
      begin(undefined)
    } else if (lastProblem !== undefined) say(`pulse input ${name} is watched again`)
    lastProblem = undefined
  }

  function ended(words: string, livedMs: number): void {
    timers.clear(timer)
    if (closed) return
    const problem = monitorProblem(words)
    if (!hasBegun) {
      closed = true
      begin(problem)
      return
    }
    if (livedMs >= workedMs) retryMs = retryMsFirst
    if (problem !== lastProblem) {
      say(`pulse input ${name} is lost, its pulses are not counted: ${problem}; trying again until it is back`)
      lastProblem = problem
    }
    timer = timers.set(start, retryMs)
    retryMs = Math.min(retryMsMax, retryMs * 2)
  }

  function start(): void {
    const filter = needsFilter(version, input) ? createPulseFilter(input.edge, input.debounceMs) : undefined
    const startedMs = timers.nowMs()
    let rest = ''

    function take(line: string): void {
      const edge = parseEdge(line)
      if (isBanner(line)) watched()
      else if (edge === undefined) {
        if (!isPuzzled) say(`pulse input ${name}: gpiomon says "${line}", which is no edge; left out`)
        isPuzzled = true
      } else if (filter === undefined || filter.edge(edge.rising, edge.atMs)) pulse()
    }

    stop = tools.monitor(monitorArguments(version, chip, input), {
      text(text) {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!.slice(0, lineCharactersMax)
        for (const line of lines) take(line.slice(0, lineCharactersMax))
      },
      ended: (words) => ended(words, timers.nowMs() - startedMs),
    })
    timer = version === 1 ? timers.set(watched, settledMs) : undefined
  }

  start()
  return {
    begun,
    close() {
      closed = true
      timers.clear(timer)
      stop()
    },
  }
}

/** Paths of the chips of the inputs, in their order; or what is wrong with the machine, the tools or a chip. */
async function findChips(wanted: PulseInput[], tools: GpioTools): Promise<string[] | string> {
  // The machine before its tools: who has no GPIO is not to install anything.
  for (const { chip } of wanted) {
    const problem = chip === undefined ? undefined : tools.chipProblem(chip)
    if (problem !== undefined) return problem
  }
  if (wanted.every(({ chip }) => chip !== undefined)) return wanted.map(({ chip }) => chip!)
  const all = tools.chips()
  if (all.length === 0) {
    return (
      'there is no /dev/gpiochip*: this machine has no GPIO lines (it is not a Pi), or a container hides them ' +
      '(docker run --device /dev/gpiochip0). --board emulated needs none.'
    )
  }
  const printed = await tools.run('gpiodetect', [])
  if (printed === undefined) return notInstalled
  const header = headerChip(printed)
  if (header !== undefined) return tools.chipProblem(header) ?? wanted.map(({ chip }) => chip ?? header)
  for (const chip of all) {
    const problem = tools.chipProblem(chip)
    if (problem !== undefined) return problem
  }
  const found = printed.trim().replaceAll('\n', ', ') || 'nothing'
  return `no chip here is that of a Pi's header (gpiodetect: ${found}). Name it, as in gpiochip0:17.`
}

/** Two inputs that name one line, in words. */
function twice(wanted: PulseInput[], chips: string[]): string | undefined {
  for (const [i, one] of wanted.entries()) {
    const other = wanted.find((two, j) => j > i && two.line === one.line && chips[j] === chips[i])
    if (other !== undefined) return `${inputName(one)} and ${inputName(other)} are one line; each needs its own.`
  }
  return undefined
}

/**
 * Watches the inputs until they are closed. Ready when every line is had.
 * @returns the problem, with the way out, when one cannot be had
 */
export async function openPulseInputs(wanted: PulseInput[], world: GpioWorld): Promise<OpenedInputs> {
  const chips = await findChips(wanted, world.tools)
  if (typeof chips === 'string') return { ok: false, problem: `no GPIO: ${chips}` }
  const problem = twice(wanted, chips)
  if (problem !== undefined) return { ok: false, problem }
  const printed = await world.tools.run('gpiomon', ['--version'])
  if (printed === undefined) return { ok: false, problem: `no GPIO: ${notInstalled}` }
  const version = monitorVersion(printed)
  if (version === undefined) {
    const first = printed.trim().split('\n')[0]
    return { ok: false, problem: `no GPIO: gpiomon says "${first}"; versions 1 and 2 of libgpiod are known` }
  }

  let counts = pulseKinds.map(() => 0)
  const watches = wanted.map((input, i) =>
    watchInput(input, chips[i]!, version, world, () => {
      counts[pulseKinds.indexOf(input.kind)]! += 1
    }),
  )
  function close(): void {
    for (const watch of watches) watch.close()
  }
  const problems = await Promise.all(watches.map((watch) => watch.begun))
  const failed = problems.findIndex((problem) => problem !== undefined)
  if (failed >= 0) {
    close()
    return { ok: false, problem: `no pulse input ${inputName(wanted[failed]!)}: ${problems[failed]}` }
  }
  return {
    ok: true,
    inputs: {
      take() {
        const taken = counts
        counts = pulseKinds.map(() => 0)
        return taken
      },
      close,
    },
  }
}

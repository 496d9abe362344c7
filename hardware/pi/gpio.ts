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
import { createPulseFilter, type PulseFilter } from './pulse-filter.ts'
import type { PulseInput } from './pulse-input.ts'
import { inputName, pulseKinds } from './pulse-input.ts'

export interface PulseInputs {
  /** Pulses since the last call, in the order of `pulseKinds`; 0 for an input that is not there. */
  take(): number[]
  /** Releases the lines. */
  close(): void
}

export type OpenedInputs = { ok: true; inputs: PulseInputs } | { ok: false; problem: string }

export interface GpioWorld {
  tools: GpioTools
  timers: Timers
  /** Reports what a person should know while the meter runs: an input is lost, an input is back. */
  say(text: string): void
}

/** A gpiomon of version 1 that runs so long has its line: it prints nothing, but ends at once when it cannot have it. */
const settledMs = 300
const retryMsFirst = 1000
const retryMsMax = 60000
/** A gpiomon that ran so long has worked: the next wait is the shortest again. */
const workedMs = 10000
const notInstalled = 'gpiomon and gpiodetect are not installed. Install them: sudo apt install gpiod'
/** Nothing that gpiomon prints is longer. */
const lineCharactersMax = 200

interface Watch {
  /** Settles when the line is watched, or with what is wrong. Later losses are reported by `say`. */
  begun: Promise<string | undefined>
  close(): void
}

/** Splits text into lines, wherever it is cut. */
function lineSplitter(take: (line: string) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, lineCharactersMax)
    for (const line of lines) take(line.slice(0, lineCharactersMax))
  }
}

/** Keeps one input watched; calls `pulse` for each pulse. */
class InputWatch implements Watch {
  readonly begun: Promise<string | undefined>
  private readonly input: PulseInput
  private readonly chip: string
  private readonly version: MonitorVersion
  private readonly world: GpioWorld
  private readonly pulse: () => void
  private begin: (problem: string | undefined) => void = () => {}
  private stop: () => void = () => {}
  private timer: unknown
  private closed = false
  private hasBegun = false
  private saidUnknown = false
  private retryMs = retryMsFirst
  private lastProblem: string | undefined

  constructor(input: PulseInput, chip: string, version: MonitorVersion, world: GpioWorld, pulse: () => void) {
    this.input = input
    this.chip = chip
    this.version = version
    this.world = world
    this.pulse = pulse
    this.begun = new Promise((resolve) => {
      this.begin = resolve
    })
    this.start()
  }

  close(): void {
    this.closed = true
    this.world.timers.clear(this.timer)
    this.stop()
  }

  private say(words: string): void {
    this.world.say(`pulse input ${inputName(this.input)}${words}`)
  }

  private start(): void {
    const { input, version, world } = this
    const { timers } = world
    const filter = needsFilter(version, input) ? createPulseFilter(input.edge, input.debounceMs) : undefined
    const startedMs = timers.nowMs()
    this.stop = world.tools.monitor(monitorArguments(version, this.chip, input), {
      text: lineSplitter((line) => this.take(line, filter)),
      ended: (words) => this.ended(words, timers.nowMs() - startedMs),
    })
    this.timer = version === 1 ? timers.set(() => this.watched(), settledMs) : undefined
  }

  private take(line: string, filter: PulseFilter | undefined): void {
    const edge = parseEdge(line)
    if (isBanner(line)) this.watched()
    else if (edge === undefined) {
      if (!this.saidUnknown) this.say(`: gpiomon says "${line}", which is not an edge; ignored`)
      this.saidUnknown = true
    } else if (filter === undefined || filter.edge(edge.rising, edge.atMs)) this.pulse()
  }

  private watched(): void {
    if (!this.hasBegun) {
      this.hasBegun = true
      this.begin(undefined)
    } else if (this.lastProblem !== undefined) this.say(' is watched again')
    this.lastProblem = undefined
  }

  private ended(words: string, livedMs: number): void {
    const { timers } = this.world
    timers.clear(this.timer)
    if (this.closed) return
    const problem = monitorProblem(words)
    if (!this.hasBegun) {
      this.closed = true
      this.begin(problem)
      return
    }
    if (livedMs >= workedMs) this.retryMs = retryMsFirst
    if (problem !== this.lastProblem) {
      this.say(` is lost, its pulses are not counted: ${problem}; trying again until it is back`)
      this.lastProblem = problem
    }
    this.timer = timers.set(() => this.start(), this.retryMs)
    this.retryMs = Math.min(retryMsMax, this.retryMs * 2)
  }
}

/** Paths of the chips of the inputs, in their order; or what is wrong with the machine, the tools or a chip. */
async function findChips(wanted: PulseInput[], tools: GpioTools): Promise<string[] | string> {
  // The machine before its tools: nobody without GPIO should have to install anything.
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
 * Watches the inputs until they are closed. Settles when every line is watched.
 * @returns the problem, with what to do, when one cannot be watched
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
  const watches = wanted.map(
    (input, i) =>
      new InputWatch(input, chips[i] ?? '', version, world, () => {
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

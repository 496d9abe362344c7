// A command of `smets1`, its flags and its output.

import { CommandError, exitCode } from '../state/errors.ts'
import { type StatePaths, stateOf, statePaths } from '../state/state-directory.ts'
import { portProblem } from '../wan/port-url.ts'

export interface Io {
  stdout(text: string): void
  stderr(text: string): void
  /** True when a person watches stderr. */
  isTerminal: boolean
  env: { [name: string]: string | undefined }
  /** Locks a file that another process may use (runtime/lock-file.ts). */
  takeLock?: ((path: string, what: string) => { release(): void }) | undefined
}

export type Options = { [name: string]: unknown }

/**
 * A flag. Its form says whether it takes a value, and which: `--json`, `--state <dir>`, `--format <table|csv|json>`. Then
 * its meaning, and its default if that is a constant.
 */
export type Flag = readonly [form: string, meaning: string, value?: string | number]

/** The flags of a command in the order of its help; a text is the heading of the flags after it. */
export type OptionTable = readonly (string | Flag)[]

/** A command. Its help, the reading of its command line, shell completion and the reference come from this table. */
export interface Command {
  name: string
  /** Positional argument: `<srv>`, `[file]` for one that may be missing, `<files...>` for a list.
   * It arrives as `options.argument`; of several, such as `<action> [name]`, as a list. */
  argument?: string
  summary: string
  options: OptionTable
  /** Flags of earlier versions, without dashes, and what a user does instead: the end of a sentence. */
  removed?: { readonly [name: string]: string }
  examples: readonly string[]
  run(options: Options, io: Io): Promise<number>
}

/** The flags of a command without the headings. */
export function flagsOf({ options }: Pick<Command, 'options'>): Flag[] {
  return options.filter((option) => typeof option !== 'string')
}

/** An option as text; undefined when it was not given. @throws CommandError when it has no value */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value === 'boolean' || Array.isArray(value) || value === '') {
    throw new CommandError(exitCode.usage, `--${kebab(name)} needs one value`)
  }
  return String(value)
}

/** An option as the URL of a port. Nothing is opened. @throws CommandError */
export function portOption(options: Options, name: string): string | undefined {
  const url = textOption(options, name)
  const wrong = url === undefined ? undefined : portProblem(url)
  if (wrong !== undefined) throw new CommandError(exitCode.usage, `--${kebab(name)}: ${wrong}`)
  return url
}

/** An option as a whole number in a range. @throws CommandError */
export function wholeOption(options: Options, name: string, from: number, to: number): number | undefined {
  const text = textOption(options, name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < from || number > to) {
    throw new CommandError(exitCode.usage, `--${kebab(name)} is a whole number from ${from} to ${to}, not ${text}`)
  }
  return number
}

/** `from-time` of `fromTime`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Every key of `options` that was given, for commands that pass settings on. */
export function given(options: Options, names: readonly string[]): Options {
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]))
}

/** The state directory that `--state` names. @throws CommandError when it is not there */
export function stateOption(options: Options): StatePaths {
  const paths = statePaths(textOption(options, 'state') ?? '.smets1')
  if (stateOf(paths) === 'absent')
    throw new CommandError(
      exitCode.usage,
      `${paths.root} is not there: smets1 up makes it, and so does smets1 provision`,
    )
  return paths
}

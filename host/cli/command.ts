// What a command of `smets1` is, and where its words go.

import { CommandError, exitCode } from '../state/command-error.ts'
import { type StatePaths, stateOf, statePaths } from '../state/state-directory.ts'

export const exitCodeHelp =
  'Exit codes: 0 ok, 1 an expectation failed, 2 usage or configuration, 3 key missing, 10 schema, 20 port unavailable, 124 timed out'

export interface Io {
  stdout(text: string): void
  stderr(text: string): void
  /** True when a person watches stderr. */
  isTerminal: boolean
  env: { [name: string]: string | undefined }
}

export type Options = { [name: string]: unknown }

export interface Command {
  name: string
  /** Positional argument, such as `<srv>`; it arrives as `options.argument`. */
  argument?: string
  summary: string
  /** Flag, meaning, default. */
  options: readonly (readonly [string, string, (string | number | boolean)?])[]
  examples: readonly string[]
  run(options: Options, io: Io): Promise<number>
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

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Every key of `options` that was given, for commands that hand settings on. */
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

// Parses a command line by the table of its command.

import { parseArgs } from 'node:util'
import { CommandError, exitCode } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'
import { type Command, type Flag, flagsOf, type Options } from './command.ts'

/** The name in the form of a flag: `no-catch-up` of `--no-catch-up`, `state` of `--state <dir>`. */
export function flagName(form: string): string {
  return /^--([\w-]+)/.exec(form)?.[1] ?? form
}

/** What a flag takes, as its form says it: `dir` of `--state <dir>`; undefined for a flag without a value. */
export function flagValue(form: string): string | undefined {
  return /<(.+)>$/.exec(form)?.[1]
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function usageError(message: string): CommandError {
  return new CommandError(exitCode.usage, message)
}

function unknownFlag(command: Command, name: string): CommandError {
  const instead = command.removed?.[name]
  if (instead !== undefined) return usageError(`--${name} ${instead}`)
  const near = nearMatch(
    name,
    flagsOf(command).map(([form]) => flagName(form)),
  )
  const hint = near === undefined ? '' : `; did you mean --${near}?`
  return usageError(`smets1 ${command.name} has no flag --${name}${hint} (smets1 ${command.name} --help lists all)`)
}

/** The value of a flag, as it was typed. @throws CommandError */
function readValue([form]: Flag, value: string | undefined, isInline: boolean): string | true {
  const name = flagName(form)
  if (flagValue(form) === undefined) {
    if (value !== undefined) throw usageError(`--${name} takes no value: leave "=${value}" out`)
    return true
  }
  // After a flag whose value was forgotten comes the next flag. A number may be negative.
  if (value === undefined || (!isInline && /^-(?!\d|$)/.test(value)))
    throw usageError(`--${name} needs a value: ${form}; one that begins with a minus is written --${name}=-…`)
  return value
}

/** The positional arguments as `options.argument`. @throws CommandError for too few or too many */
function readArgument({ name, argument }: Command, given: readonly string[]): Options {
  const expected = argument?.split(' ') ?? []
  const isList = argument?.includes('...') === true
  const most = isList ? Number.POSITIVE_INFINITY : expected.length
  if (given.length > most) {
    const takes = argument === undefined ? 'none' : expected.length === 1 ? `one, ${argument}` : argument
    throw usageError(`unexpected argument "${given[most]}": smets1 ${name} takes ${takes}`)
  }
  const missing = expected[given.length]
  if (missing?.startsWith('<')) throw usageError(`smets1 ${name} needs ${missing}: smets1 ${name} --help`)
  if (given.length === 0) return {}
  return { argument: isList || expected.length > 1 ? given : given[0] }
}

/**
 * The options of a command: camelCase names, defaults filled in, true for a flag without a value, `catchUp: false` for
 * `--no-catch-up`, and an array for a flag that was given more than once.
 * @throws CommandError
 */
export function readCommandLine(command: Command, words: readonly string[]): Options {
  const flags = new Map(flagsOf(command).map((flag) => [flagName(flag[0]), flag]))
  const types = [...flags].map(([name, [form]]) => {
    const type: 'boolean' | 'string' = flagValue(form) === undefined ? 'boolean' : 'string'
    return [name, { type, multiple: true }] as const
  })
  // Version 0.1 took names in camelCase, too.
  const args = words.map((word) =>
    word.replace(/^--\w+/, (name) => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)),
  )
  const parsed = parseArgs({
    args,
    options: Object.fromEntries(types),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given: { [name: string]: (string | boolean)[] } = {}
  const positional: string[] = []
  for (const token of parsed.tokens) {
    if (token.kind === 'positional') positional.push(token.value)
    if (token.kind !== 'option') continue
    const flag = flags.get(token.name)
    if (flag === undefined) throw unknownFlag(command, token.name)
    const value = readValue(flag, token.value, token.inlineValue === true)
    const isNo = token.name.startsWith('no-')
    const key = camel(isNo ? token.name.slice('no-'.length) : token.name)
    given[key] = [...(given[key] ?? []), isNo ? false : value]
  }
  const options: Options = {}
  for (const [form, , value] of flags.values()) if (value !== undefined) options[camel(flagName(form))] = value
  for (const [key, values] of Object.entries(given)) {
    const isRepeated = values.length > 1 && typeof values[0] === 'string'
    options[key] = isRepeated ? values : values[0]
  }
  return { ...options, ...readArgument(command, positional) }
}

/** Whether help is asked for: before `--`, after which there are arguments only. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? words.length : end).some((word) => word === '--help' || word === '-h')
}

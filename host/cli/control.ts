// smets1 control: makes any call of the control API of a running bench.

import { readFileSync } from 'node:fs'
import type { Call } from '../http/control/call.ts'
import { calls } from '../http/control/calls.ts'
import { fromText, membersOf } from '../http/control/shape.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'
import { type Command, type Options, stateOption, textOption, wholeOption } from './command.ts'
import { callControl } from './control-client.ts'

type Input = { [name: string]: unknown }

/** @throws CommandError naming the call that is meant */
function callNamed(name: string): Call {
  const found = calls.find((one) => one.name === name)
  if (found !== undefined) return found
  const near = nearMatch(
    name,
    calls.map((one) => one.name),
  )
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new CommandError(exitCode.usage, `there is no call "${name}"${hint} (smets1 control lists all)`)
}

/** `name=value` words, each as the call's schema has it. @throws CommandError */
function inputFrom(call: Call, words: readonly string[]): Input {
  const members = membersOf(call.input)
  const input: Input = {}
  for (const word of words) {
    const at = word.indexOf('=')
    const name = word.slice(0, at)
    if (at < 1) throw new CommandError(exitCode.usage, `"${word}" has no value: write NAME=VALUE`)
    const member = members[name]
    if (member === undefined) {
      const known = Object.keys(members).join(', ') || 'no values'
      throw new CommandError(exitCode.usage, `${call.name} takes ${known}, not ${name}`)
    }
    input[name] = fromText(word.slice(at + 1), member)
  }
  return input
}

/** A JSON object from a file, `-` for standard input. @throws CommandError */
function inputFile(options: Options): Input {
  const path = textOption(options, 'input')
  if (path === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8'))
  } catch (error) {
    throw new CommandError(exitCode.usage, `--input ${path}: ${(error as Error).message}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new CommandError(exitCode.usage, `--input ${path}: expected one JSON object`)
}

function listing(): { call: string; scope: string; values: string; summary: string }[] {
  return calls.map(({ name, scope, input, summary }) => {
    const needed: unknown[] = Array.isArray(input.schema.required) ? input.schema.required : []
    const values = Object.keys(membersOf(input)).map((one) => (needed.includes(one) ? `${one}=…` : `[${one}=…]`))
    return { call: name, scope, values: values.join(' '), summary }
  })
}

/** A line for each call, and one for its values. */
function textOf(rows: ReturnType<typeof listing>): string {
  const width = Math.max(...rows.map(({ call }) => call.length))
  const lines = rows.flatMap(({ call, scope, values, summary }) => [
    `  ${call.padEnd(width)}  ${summary} (scope ${scope})`,
    ...(values === '' ? [] : [`  ${' '.repeat(width)}  ${values}`]),
  ])
  return `${lines.join('\n')}\n`
}

export const controlCommand: Command = {
  name: 'control',
  argument: '[call] [values...]',
  summary: 'see and change a running bench through its control API (without a call: list all calls)',
  options: [
    ['--input <file>', 'values as one JSON object in a file, - for standard input; NAME=VALUE words are added to it'],
    ['--xml', 'print the XML of the answer alone'],
    ['--timeout <s>', 'seconds to wait for the answer', 60],
    ['--url <url>', 'address of the control API (as the bench has written it in its state directory, unless given)'],
    ['--json', 'the answer as JSON on one line'],
    ['--state <dir>', 'the state directory of the bench, which has the tokens', '.smets1'],
  ],
  examples: [
    'smets1 control',
    'smets1 control status',
    'smets1 control messages srv=4.8.1 limit=10',
    'smets1 control message number=3 --xml',
  ],
  async run(options, io) {
    const [name, ...words] = (options.argument as string[] | undefined) ?? []
    if (name === undefined) {
      io.stdout(options.json === true ? `${JSON.stringify(listing())}\n` : textOf(listing()))
      return exitCode.ok
    }
    const call = callNamed(name)
    const input = { ...inputFile(options), ...inputFrom(call, words) }
    const timeoutMs = (wholeOption(options, 'timeout', 1, 3600) ?? 60) * 1000
    const answer = await callControl(stateOption(options), call, input, { url: textOption(options, 'url'), timeoutMs })
    const xml = typeof answer === 'object' && answer !== null && 'xml' in answer ? answer.xml : undefined
    if (options.xml !== true) io.stdout(`${JSON.stringify(answer, null, options.json === true ? 0 : 2)}\n`)
    else if (typeof xml === 'string') io.stdout(`${xml}\n`)
    else throw new CommandError(exitCode.usage, `the answer of ${name} has no XML: leave --xml out`)
    return exitCode.ok
  },
}

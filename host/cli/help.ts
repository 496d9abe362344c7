// Help as text of at most 80 columns, from the tables of the commands.

import type { Command } from './command.ts'

const columns = 80
/** Column in which the meaning of a flag or command begins. */
const meaningAt = 28

const exitCodes =
  'Exit codes: 0 ok, 1 an expectation failed, 2 usage or configuration, 3 key missing, 10 schema, ' +
  '20 port unavailable, 124 timed out'

/** A text in lines of at most 80 columns, each indented. A word that is longer stays whole. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > columns) {
      lines.push(' '.repeat(indent) + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, ' '.repeat(indent) + line]
}

/** A name and what it means, in two columns; a long name has a line of its own. */
function row(name: string, meaning: string): string {
  const lines = wrap(meaning, meaningAt)
  const start = `  ${name}`
  if (start.length + 2 > meaningAt) return [start, ...lines].join('\n')
  return start.padEnd(meaningAt) + lines.join('\n').trimStart()
}

/** An example. A long one is broken before a flag and continued as a shell does it. */
function exampleLines(example: string): string {
  const keep = '\u00a0'
  // Room for the deeper indent of the next lines and for the backslash.
  const lines = wrap(example.replace(/ (?!--)/g, keep), 6)
  const [first = '', ...more] = lines.map((line) => line.trimStart().replaceAll(keep, ' '))
  const last = more.length - 1
  if (more.length === 0) return `  ${first}`
  return [`  ${first} \\`, ...more.map((line, i) => `    ${line}${i === last ? '' : ' \\'}`)].join('\n')
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const usage = ['smets1', command.name, command.argument, '[options]'].filter((part) => part !== undefined).join(' ')
  const lines = [...wrap(sentence(command.summary), 0), '', `Usage: ${usage}`]
  if (typeof command.options[0] !== 'string') lines.push('', 'Options')
  for (const option of command.options) {
    if (typeof option === 'string') {
      lines.push('', option)
      continue
    }
    const [form, meaning, value] = option
    lines.push(row(form, value === undefined ? meaning : `${meaning} (default: ${value})`))
  }
  if (command.examples.length > 0) lines.push('', 'Examples', ...command.examples.map(exampleLines))
  lines.push('', ...wrap(exitCodes, 0))
  return `${lines.join('\n')}\n`
}

/** Help of the program: its commands in groups. */
export function programHelp(groups: readonly { title: string; commands: readonly Command[] }[]): string {
  const lines = ['Usage: smets1 <command> [options]']
  for (const { title, commands } of groups) {
    lines.push('', title)
    for (const { name, argument, summary } of commands)
      lines.push(row(argument === undefined ? name : `${name} ${argument}`, summary))
  }
  lines.push('', ...wrap('smets1 <command> --help shows the flags of a command, with defaults and examples.', 0))
  lines.push('', ...wrap(exitCodes, 0))
  return `${lines.join('\n')}\n`
}

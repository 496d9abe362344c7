// smets1 man: the manual page, from the tables of the commands.

import { errorTable, exitCode } from '../state/errors.ts'
import { version } from '../state/version.ts'
import type { Command } from './command.ts'

/** Text for roff: backslashes, hyphens and a control character at the beginning of a line are escaped. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
}

function commandLines({ name, argument, summary, options, examples }: Command): string[] {
  const lines = [`.SS ${roff([name, argument].filter((part) => part !== undefined).join(' '))}`]
  lines.push(roff(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`))
  for (const option of options) {
    if (typeof option === 'string') {
      lines.push('.PP', `.I ${roff(option)}`)
      continue
    }
    const [form, meaning, value] = option
    lines.push('.TP', `.B ${roff(form)}`, roff(value === undefined ? meaning : `${meaning} (default: ${value})`))
  }
  if (examples.length > 0) lines.push('.PP', 'Examples:', '.nf', ...examples.map(roff), '.fi')
  return lines
}

/** The page smets1(1). */
export function manPage(commands: readonly Command[]): string {
  const codes = new Map<number, string>([[exitCode.ok, 'ok']])
  for (const row of Object.values(errorTable)) {
    codes.set(row.exitCode, [codes.get(row.exitCode), row.meaning].filter((text) => text !== undefined).join('; '))
  }
  const lines = [
    `.TH SMETS1 1 "" "smets1 ${version}" "User Commands"`,
    '.SH NAME',
    'smets1 \\- a stand\\-in SMETS1 electricity meter and the S1SP bridge in front of it',
    '.SH SYNOPSIS',
    '.B smets1',
    'command [options]',
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    ...[...codes].flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B NO_COLOR',
    'No colour when it is set and not empty.',
  ]
  return `${lines.join('\n')}\n`
}

/** The command; `all` loads every command. */
export function manCommand(all: () => Promise<readonly Command[]>): Command {
  return {
    name: 'man',
    summary: 'print the manual page of all commands, for man',
    options: [],
    examples: ['smets1 man | man -l -', 'smets1 man > /usr/local/share/man/man1/smets1.1'],
    async run(_options, io) {
      io.stdout(manPage(await all()))
      return exitCode.ok
    },
  }
}

// smets1 completion: scripts for shells, from the tables of the commands.

import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, flagsOf } from './command.ts'
import { flagName, flagValue } from './command-line.ts'

/** Words that a flag takes, as its form lists them: `table`, `csv` of `--format <table|csv>`. */
function choicesOf(form: string): string[] {
  const value = flagValue(form) ?? ''
  return value.includes('|') ? value.split('|') : []
}

/** Words that a command does: create, list, delete of `(action: create, list, delete)` in its summary. */
function actionsOf({ argument, summary }: Command): string[] {
  if (argument?.startsWith('<action>') !== true && argument?.startsWith('<shell>') !== true) return []
  return /\(\w+: ([^)]+)\)/.exec(summary)?.[1]?.split(', ') ?? []
}

const flagWords = (command: Command) => [...flagsOf(command).map(([form]) => `--${flagName(form)}`), '--help']

function bash(commands: readonly Command[]): string {
  const words = commands.map((command) => {
    return `    ${command.name}) words="${[...actionsOf(command), ...flagWords(command)].join(' ')}" ;;`
  })
  const choices = commands.flatMap((command) =>
    flagsOf(command).flatMap(([form]) => {
      const list = choicesOf(form)
      return list.length === 0 ? [] : [`    "${command.name} --${flagName(form)}") words="${list.join(' ')}" ;;`]
    }),
  )
  return `# bash completion of smets1: source <(smets1 completion bash)
_smets1() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  case "\${COMP_WORDS[1]} $previous" in
${choices.join('\n')}
  esac
  if [ -z "$words" ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(' ')} --help --version"
    else case "\${COMP_WORDS[1]}" in
${words.join('\n')}
    esac; fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _smets1 smets1
`
}

/** Text in single quotes, for zsh and fish. */
const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "'\\''")}'`

function zsh(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`)
  const cases = commands.map((command) => {
    const specs = flagsOf(command).map(([form, meaning]) => {
      const text = meaning.replace(/[[\]:]/g, ' ')
      const choices = choicesOf(form)
      const value =
        flagValue(form) === undefined ? '' : `:value:${choices.length > 0 ? `(${choices.join(' ')})` : '_files'}`
      return quoted(`*--${flagName(form)}[${text}]${value}`)
    })
    const actions = actionsOf(command)
    const first = actions.length > 0 ? quoted(`1:action:(${actions.join(' ')})`) : quoted('*:file:_files')
    return `    ${command.name}) _arguments ${[first, ...specs].join(' ')} ;;`
  })
  return `#compdef smets1
# zsh completion of smets1: smets1 completion zsh > "\${fpath[1]}/_smets1"
_smets1() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef _smets1 smets1
`
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const { name, summary } = command
    const seen = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`
    const flags = flagsOf(command).map(([form, meaning]) => {
      const choices = choicesOf(form)
      const value =
        flagValue(form) === undefined ? '' : choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : ' -r'
      return `complete -c smets1 ${seen} -l ${flagName(form)}${value} -d ${quoted(meaning)}`
    })
    const actions = actionsOf(command)
    if (actions.length > 0) flags.push(`complete -c smets1 ${seen} -x -a ${quoted(actions.join(' '))}`)
    return [`complete -c smets1 -n __fish_use_subcommand -x -a ${name} -d ${quoted(summary)}`, ...flags]
  })
  return `# fish completion of smets1: smets1 completion fish > ~/.config/fish/completions/smets1.fish\n${lines.join('\n')}\n`
}

const shells: { readonly [name: string]: (commands: readonly Command[]) => string } = { bash, zsh, fish }

/** The command; `all` loads every command. */
export function completionCommand(all: () => Promise<readonly Command[]>): Command {
  return {
    name: 'completion',
    argument: '<shell>',
    summary: 'print a completion script for a shell (shell: bash, zsh, fish)',
    options: [],
    examples: ['smets1 completion fish > ~/.config/fish/completions/smets1.fish', 'source <(smets1 completion bash)'],
    async run(options, io) {
      const name = String(options.argument)
      const script = Object.hasOwn(shells, name) ? shells[name] : undefined
      if (script === undefined) {
        throw new CommandError(exitCode.usage, `completion is for ${Object.keys(shells).join(', ')}, not ${name}`)
      }
      io.stdout(script(await all()))
      return exitCode.ok
    },
  }
}

#!/usr/bin/env node
// smets1 COMMAND: finds the command, hands it its options, ends with its code.

import { cac } from 'cac'
import { CommandError, exitCode } from '../state/command-error.ts'
import { ConfigurationError } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { type Command, exitCodeHelp, type Io } from './command.ts'

// A command is loaded when it is asked for, or when the help lists all of them.
const commands: { [name: string]: () => Promise<Command> } = {
  async up() {
    const { flashKbFull, flashKbMin, provisionFlash } = await import('../../hardware/cli/provision.ts')
    const { faultFlags, loadFlags, settingsFlags } = await import('../../hardware/cli/meter-flags.ts')
    const meterFlags = [...loadFlags, ...settingsFlags, ...faultFlags]
    return (await import('../../emulation/cli/up.ts')).upCommand({
      provisionFlash,
      meterFlags,
      flashKbMin,
      flashKbFull,
    })
  },
  async provision() {
    const { newMeterFlags, newSettings, nextKeySettings } = await import('../../hardware/cli/provision.ts')
    return (await import('./provision.ts')).provisionCommand({ newMeterFlags, newSettings, nextKeySettings })
  },
  meter: async () => (await import('../../hardware/cli/meter.ts')).meterCommand,
  async flash() {
    const { flashCommand } = await import('../../hardware/cli/flash.ts')
    return flashCommand((await import('./first-read.ts')).readFirst)
  },
  async bridge() {
    const { createService, systemdNotify } = await import('../../hardware/cli/service-notify.ts')
    const { bridgeCommand } = await import('./bridge.ts')
    return bridgeCommand((env, failed) => createService(env, systemdNotify(env, failed)))
  },
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  read: async () => (await import('./read.ts')).readCommand,
  schedule: async () => (await import('./schedule.ts')).scheduleCommand,
  inventory: async () => (await import('./inventory.ts')).inventoryCommand,
  performance: async () => (await import('./performance.ts')).performanceCommand,
  codes: async () => (await import('./codes.ts')).codesCommand,
  access: async () => (await import('./access.ts')).accessCommand,
  pending: async () => (await import('./pending.ts')).pendingCommand,
  counters: async () => (await import('./counters.ts')).countersCommand,
  import: async () => (await import('./import.ts')).importCommand,
  completeness: async () => (await import('./completeness.ts')).completenessCommand,
  stats: async () => (await import('./stats.ts')).statsCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  trace: async () => (await import('./trace.ts')).traceCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  parity: async () => (await import('./parity.ts')).parityCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
}

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  env: process.env,
}

/** No argument of a program can hold it. */
const typed = '\0'

/** Marks what cac would make a number of: a file named 007 would become 7, and 1.10 would become 1.1. */
function asTyped(word: string): string {
  const [, flag = '', value = ''] = /^(--[^=]+=)?(.*)$/s.exec(word) ?? []
  return value.startsWith('-') || Number.isNaN(Number(value)) ? word : flag + typed + value
}

function unmarked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmarked)
  return typeof value === 'string' && value.startsWith(typed) ? value.slice(1) : value
}

/** What went wrong, as an exit code and a sentence; a fault of ours keeps its stack. */
function complain(error: unknown): number {
  const { name, message, code } = error as NodeJS.ErrnoException
  const known = error instanceof CommandError || error instanceof ConfigurationError || name === 'CACError'
  // Whatever the system refuses (a file, a port) is said as the system says it.
  io.stderr(`smets1: ${known || code !== undefined ? message : ((error as Error).stack ?? message)}\n`)
  return error instanceof CommandError ? error.exitCode : known ? exitCode.usage : exitCode.failed
}

async function main(argv: string[]): Promise<number> {
  const cli = cac('smets1')
  let chosen: Promise<number> | undefined
  const alone = new Set<string>()
  const named = argv[2] === undefined ? undefined : commands[argv[2]]
  for (const load of named === undefined ? Object.values(commands) : [named]) {
    const command = await load()
    const usage = command.argument === undefined ? command.name : `${command.name} ${command.argument}`
    const added = cli.command(usage, command.summary)
    for (const [flag, meaning, value] of command.options) {
      if (/^--(?!no-)[a-z]+-[a-z-]+$/.test(flag)) alone.add(flag)
      added.option(flag, meaning, value === undefined ? {} : { default: value })
    }
    for (const example of command.examples) added.example(`  ${example}`)
    added.action((...args: unknown[]) => {
      const options = args.at(-1) as { [name: string]: unknown }
      chosen = command.run(command.argument === undefined ? options : { ...options, argument: args[0] }, io)
    })
  }
  cli.help((sections) => [...sections, { body: exitCodeHelp }])
  cli.version(version)
  // cac knows by its camel-case name alone that a flag has no value, and would take what follows `--dry-run` for one.
  const words = argv.map((word) =>
    alone.has(word) ? word.replace(/(?<=[a-z])-([a-z])/g, (_, c) => c.toUpperCase()) : word,
  )
  const { options } = cli.parse([...words.slice(0, 2), ...words.slice(2).map(asTyped)], { run: false })
  for (const [name, value] of Object.entries(options)) options[name] = unmarked(value)
  const args = cli.args.map((word) => String(unmarked(word)))
  cli.args = args
  if (options.help === true || options.version === true) return exitCode.ok
  if (cli.matchedCommand === undefined) {
    if (args.length > 0) io.stderr(`smets1: there is no command "${args[0]}"\n`)
    cli.outputHelp()
    return args.length > 0 ? exitCode.usage : exitCode.ok
  }
  cli.runMatchedCommand()
  return (await chosen) ?? exitCode.ok
}

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.ok)
  throw error
})

main(process.argv)
  .catch(complain)
  .then((code) => {
    process.exitCode = code
  })

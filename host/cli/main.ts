#!/usr/bin/env node
// smets1 COMMAND: finds the command, runs it with its options, and ends with its exit code.

import { CommandError, exitCode, ProgramError } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'
import { version } from '../state/version.ts'
import type { Command, Io } from './command.ts'
import { asksForHelp, readCommandLine } from './command-line.ts'
import { commandHelp, programHelp } from './help.ts'

/** Loads a command: only the one that is asked for, or all for the help. */
type Load = () => Promise<Command>

/** The commands in the groups of the help. */
const groups: { [title: string]: { [name: string]: Load } } = {
  Start: {
    async up() {
      const { flashKbFull, flashKbMin, provisionFlash, stampsOf } = await import('../../hardware/cli/provision.ts')
      const { faultFlags, loadFlags, settingsFlags } = await import('../../hardware/cli/meter-flags.ts')
      const meterOptions = [
        'Load of the meter',
        ...loadFlags,
        'Settings of the meter',
        ...settingsFlags,
        'Faults of the meter, for tests',
        ...faultFlags,
        'Line',
      ]
      const { upCommand } = await import('../../emulation/cli/up.ts')
      return upCommand({ provisionFlash, stampsOf, meterOptions, flashKbMin, flashKbFull })
    },
    async bridge() {
      const { createService, systemdNotify } = await import('../../hardware/cli/service-notify.ts')
      const { bridgeCommand } = await import('./bridge.ts')
      return bridgeCommand((env, failed) => createService(env, systemdNotify(env, failed)))
    },
    meter: async () => (await import('../../hardware/cli/meter.ts')).meterCommand,
  },
  'Ask as a User': {
    read: async () => (await import('./read.ts')).readCommand,
    schedule: async () => (await import('./schedule.ts')).scheduleCommand,
    inventory: async () => (await import('./inventory.ts')).inventoryCommand,
    access: async () => (await import('./access.ts')).accessCommand,
    sign: async () => (await import('./sign.ts')).signCommand,
    codes: async () => (await import('./codes.ts')).codesCommand,
  },
  'Set up meters, boards and the registry': {
    async provision() {
      const side = await import('../../hardware/cli/provision.ts')
      return (await import('./provision.ts')).provisionCommand(side)
    },
    async flash() {
      const { flashCommand } = await import('../../hardware/cli/flash.ts')
      return flashCommand((await import('./first-read.ts')).readFirst)
    },
    async import() {
      const { readCsv, readTextFile } = await import('../../hardware/cli/text-file.ts')
      return (await import('./import.ts')).importCommand({ readCsv, readTextFile })
    },
    user: async () => (await import('./user.ts')).userCommand,
    validate: async () => (await import('./validate.ts')).validateCommand,
    backup: async () => (await import('./backup.ts')).backupCommand,
    restore: async () => (await import('./restore.ts')).restoreCommand,
  },
  'See what happened': {
    stats: async () => (await import('./stats.ts')).statsCommand,
    performance: async () => (await import('./performance.ts')).performanceCommand,
    report: async () => (await import('./report.ts')).reportCommand,
    completeness: async () => (await import('./completeness.ts')).completenessCommand,
    audit: async () => (await import('./audit.ts')).auditCommand,
    pending: async () => (await import('./pending.ts')).pendingCommand,
    waiting: async () => (await import('./waiting.ts')).waitingCommand,
    counters: async () => (await import('./counters.ts')).countersCommand,
  },
  'Plan capacity': {
    forecast: async () => (await import('../../emulation/cli/forecast.ts')).forecastCommand,
  },
  'Examine a line': {
    doctor: async () => (await import('./doctor.ts')).doctorCommand,
    trace: async () => (await import('./trace.ts')).traceCommand,
    replay: async () => (await import('./replay.ts')).replayCommand,
    parity: async () => (await import('./parity.ts')).parityCommand,
  },
}

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  env: process.env,
}

/** Prints what went wrong and gives the exit code. A fault of this program, unlike a mistake of the user, keeps its stack. */
function complain(error: unknown): number {
  const { message, code, stack } = error as NodeJS.ErrnoException
  const known = error instanceof ProgramError
  // What the system refuses (a file, a port) is shown in the system's words.
  io.stderr(`smets1: ${known || code !== undefined ? message : (stack ?? message)}\n`)
  return error instanceof ProgramError ? error.exitCode : exitCode.failed
}

async function allHelp(): Promise<string> {
  const loaded = Object.entries(groups).map(async ([title, loads]) => ({
    title,
    commands: await Promise.all(Object.values(loads).map((load) => load())),
  }))
  return programHelp(await Promise.all(loaded))
}

/** @throws CommandError for a command that does not exist, naming the one that is meant */
function findCommand(name: string): Load {
  const loads = new Map(Object.values(groups).flatMap((group) => Object.entries(group)))
  const load = loads.get(name)
  if (load !== undefined) return load
  if (name.startsWith('-')) throw new CommandError(exitCode.usage, `the command comes before ${name}: smets1 --help`)
  const near = nearMatch(name, [...loads.keys()])
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new CommandError(exitCode.usage, `there is no command "${name}"${hint} (smets1 --help lists all)`)
}

async function main([name, ...words]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout(await allHelp())
    return exitCode.ok
  }
  if (name === '--version' || name === '-v') {
    io.stdout(`smets1/${version} ${process.platform}-${process.arch} node-${process.version}\n`)
    return exitCode.ok
  }
  const command = await findCommand(name)()
  if (asksForHelp(words)) {
    io.stdout(commandHelp(command))
    return exitCode.ok
  }
  return command.run(readCommandLine(command, words), io)
}

// A reader that has seen enough (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCode.ok)
  throw error
})

// Commands are loaded later than this, so that stack traces name the lines of the TypeScript sources.
process.setSourceMapsEnabled(true)

main(process.argv.slice(2))
  .catch(complain)
  .then((code) => {
    process.exitCode = code
  })

#!/usr/bin/env node
// smets1 COMMAND: finds the command, runs it with its options, and ends with its exit code.

import { CommandError, exitCode, ProgramError } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'
import { version } from '../state/version.ts'
import type { Io } from './command.ts'
import { asksForHelp, readCommandLine } from './command-line.ts'
import { commandGroups, type LoadCommand, loadCommands } from './commands.ts'
import { commandHelp, programHelp } from './help.ts'

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

/** @throws CommandError for a command that does not exist, naming the one that is meant */
function findCommand(name: string): LoadCommand {
  const loads = new Map(Object.values(commandGroups).flatMap((group) => Object.entries(group)))
  const load = loads.get(name)
  if (load !== undefined) return load
  if (name.startsWith('-')) throw new CommandError(exitCode.usage, `the command comes before ${name}: smets1 --help`)
  const near = nearMatch(name, [...loads.keys()])
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new CommandError(exitCode.usage, `there is no command "${name}"${hint} (smets1 --help lists all)`)
}

async function main([name, ...words]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout(programHelp(await loadCommands()))
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

#!/usr/bin/env node

// smets1 COMMAND: finds the command, runs it with its options, and ends with its exit code.

import { takeLock } from '../runtime/lock-file.ts'
import { CommandError, exitCode, ProgramError } from '../state/errors.ts'
import { nearMatch } from '../state/near-match.ts'
import { version } from '../state/version.ts'
import { colour } from './colour.ts'
import type { Io } from './command.ts'
import { asksForHelp, readCommandLine } from './command-line.ts'
import { commandGroups, type LoadCommand, loadCommands } from './commands.ts'
import { commandHelp, programHelp } from './help.ts'

const io: Io = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
  env: process.env,
  takeLock,
}

/** What a user can do about what the system refuses. */
const systemFixes: { readonly [code: string]: string } = {
  EACCES: 'this user may not do that: change the owner or the mode (chown, chmod), or name another place',
  EPERM: 'this user may not do that: change the owner or the mode (chown, chmod), or name another place',
  EROFS: 'the file system is read-only: name another place, or copy the directory to where it can be written',
  ENOSPC: 'the disk is full: make room, or name another place',
  ENOTDIR: 'a part of that path is a file: name another place',
  EEXIST: 'a part of that path is a file: name another place',
}

/** Prints what went wrong and gives the exit code. A fault of this program, unlike a mistake of the user, keeps its stack. */
function complain(error: unknown): number {
  const { message, code, stack } = error as NodeJS.ErrnoException
  const known = error instanceof ProgramError
  const fix = known ? undefined : systemFixes[code ?? '']
  // What the system refuses (a file, a port) is shown in the system's words.
  const text = known || code !== undefined ? message : (stack ?? message)
  io.stderr(`${colour('smets1:', 'red', io)} ${text}${fix === undefined ? '' : `; ${fix}`}\n`)
  if (known) return error.exitCode
  return fix === undefined ? exitCode.failed : exitCode.usage
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

/** A command that has ended has closed what it opened; a handle of a library is waited for no longer than this. */
const handlesMs = 2000

main(process.argv.slice(2))
  .catch(complain)
  .then((code) => {
    process.exitCode = code
    setTimeout(() => process.exit(), handlesMs).unref()
  })

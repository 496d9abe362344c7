// smets1 backup: a copy of the state directory, also while a bridge uses it.

import { resolve } from 'node:path'
import { backupState } from '../runtime/backup-state.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, stateOption, textOption } from './command.ts'

export const backupCommand: Command = {
  name: 'backup',
  argument: '<directory>',
  summary: 'copy the state directory, also while a bridge runs: all but cached readings and undelivered responses',
  options: [
    ['--json', 'what was copied as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 backup /backups/smets1-2026-11-22'],
  async run(options, io) {
    const paths = stateOption(options)
    const name = textOption(options, 'argument')
    if (name === undefined) throw new CommandError(exitCode.usage, 'name the directory that is to be created')
    const directory = resolve(name)
    if (`${directory}/`.startsWith(`${paths.root}/`))
      throw new CommandError(exitCode.usage, `${directory} is in the state directory: name another place`)
    const { made, head } = await backupState(paths, directory, Date.now())
    if (options.json === true) io.stdout(`${JSON.stringify({ directory, made, head: `${head.seq}:${head.hash}` })}\n`)
    else io.stdout(`backup of ${paths.root} in ${directory}, audit trail up to ${head.seq}:${head.hash}\n`)
    io.stderr(`${directory} holds private keys and meters' keys: keep it as safe as the state directory\n`)
    return exitCode.ok
  },
}

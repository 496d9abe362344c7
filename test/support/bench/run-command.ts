// Runs a command in this process and captures its output.

import type { Command, Options } from '../../../host/cli/command.ts'
import { CommandError, ConfigurationError } from '../../../host/state/errors.ts'

export async function runCommand(command: Command, options: Options) {
  let out = ''
  let err = ''
  const io = {
    stdout: (text: string) => {
      out += text
    },
    stderr: (text: string) => {
      err += text
    },
    isTerminal: false,
    env: {},
  }
  try {
    return { code: await command.run(options, io), out, err }
  } catch (error) {
    if (error instanceof CommandError) return { code: error.exitCode, out, err: err + error.message }
    if (error instanceof ConfigurationError) return { code: 2, out, err: err + error.message }
    throw error
  }
}

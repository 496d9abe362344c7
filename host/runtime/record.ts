// The recording that `--record` asks for.

import { CommandError, exitCode } from '../state/errors.ts'
import { version } from '../state/version.ts'
import { openRecording, type Recording } from '../trace/recording.ts'

/** Starts the recording. `report` is called when it ends early. @throws CommandError when the file is there, or cannot be made */
export function recordTo(path: string, nowMs: () => number, report: (problem: string) => void): Recording {
  try {
    return openRecording(path, `smets1 ${version}`, nowMs, report)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? `${path} is there already: name a new file, or move it away` : message
    throw new CommandError(exitCode.usage, `--record: ${why}`)
  }
}

// Options of the commands that talk to a meter themselves, without a bridge: its line, its key, a recording of it.

import { randomBytes } from 'node:crypto'
import { openKeys } from '../dco/opener.ts'
import { createDco } from '../dco/sealer.ts'
import type { Vault } from '../dco/vault.ts'
import { recordTo } from '../runtime/record.ts'
import { systemTiming } from '../runtime/system-timing.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { statePaths } from '../state/state-directory.ts'
import type { Recording } from '../trace/recording.ts'
import { openPort } from '../wan/bindings.ts'
import { defaultLineLimits } from '../wan/line-limits.ts'
import { createMeterSessions, type MeterSessions } from '../wan/meter-session.ts'
import { ReadError, type ReadFault } from '../wan/read-error.ts'
import { createLine, type Line, type Timing } from '../wan/serial-line.ts'
import { type Io, type Options, type OptionTable, textOption, wholeOption } from './command.ts'

export const lineFlags: OptionTable = [
  'Line and keys',
  [
    '--keys <file>',
    'a DCO vault, or a file that holds one key in hexadecimal (the vault of the state directory unless given)',
  ],
  ['--baud <n>', 'bits per second on a serial line', 115200],
  ['--timeout <s>', 'seconds for one session', 600],
  ['--record <file>', 'record the line in a new pcapng file'],
  'Output and state',
  ['--state <dir>', 'the state directory', '.smets1'],
]

/** Where the keys are. @throws CommandError */
export function vaultOption(options: Options): Vault {
  const path = textOption(options, 'keys') ?? statePaths(textOption(options, 'state') ?? '.smets1').vault
  try {
    return openKeys(path)
  } catch (error) {
    throw new CommandError(exitCode.keyMissing, `keys: ${(error as Error).message}`)
  }
}

/** Every value of an option that may be given more than once. @throws CommandError for one without */
export function textsOption(options: Options, name: string): string[] {
  const given = options[name]
  return (Array.isArray(given) ? given : given === undefined ? [] : [given]).map(
    (value) => textOption({ [name]: value }, name)!,
  )
}

export interface Talking {
  timing: Timing
  sessions: MeterSessions
  timeoutMs: number
  lineTo(url: string): Line
}

/** Time to the microsecond, to measure how long a meter takes. */
const fineTiming: Timing = { ...systemTiming, nowMs: () => performance.timeOrigin + performance.now() }

const exitCodes: { [fault in ReadFault]?: number } = {
  'no port': exitCode.portUnavailable,
  'no key': exitCode.keyMissing,
  'too late': exitCode.timedOut,
}

/** Does `work` with lines to meters, and closes them afterwards. @throws CommandError for what a meter or a line refuses */
export async function talking<T>(options: Options, io: Io, work: (conversation: Talking) => Promise<T>): Promise<T> {
  const record = textOption(options, 'record')
  const baud = wholeOption(options, 'baud', 50, 4000000) ?? defaultLineLimits.baud
  const timeoutMs = (wholeOption(options, 'timeout', 1, 86400) ?? 600) * 1000
  const dco = createDco(vaultOption(options), randomBytes)
  const report = (problem: string) => io.stderr(`${problem}\n`)
  const recording: Recording | undefined = record === undefined ? undefined : recordTo(record, Date.now, report)
  const lines = new Map<string, Line>()
  const lineTo = (url: string) => {
    const limits = { ...defaultLineLimits, baud }
    const line = lines.get(url) ?? createLine(url, recording?.tap(openPort) ?? openPort, limits, systemTiming)
    lines.set(url, line)
    return line
  }
  try {
    const sessions = createMeterSessions({ dco, timing: fineTiming })
    return await work({ timing: fineTiming, sessions, timeoutMs, lineTo })
  } catch (error) {
    if (!(error instanceof ReadError)) throw error
    throw new CommandError(exitCodes[error.fault] ?? exitCode.failed, error.message)
  } finally {
    for (const line of lines.values()) await line.close()
    recording?.close()
  }
}

// The log of the bridge: JSON lines, one object each, times in UTC, without MPANs and keys.
//
// By default they go to a file in the state directory, and a few plain messages go to the terminal. With
// `--log json` they go to standard error, for a log collector.

import { existsSync, renameSync, statSync } from 'node:fs'
import { pino } from 'pino'
import { redacted } from '../audit/redact.ts'
import type { BridgeConfig } from '../config/config.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { Log, LogEventName } from '../state/log-event.ts'
import type { StatePaths } from '../state/state-directory.ts'

export interface BridgeLog {
  log: Log
  /** Opens the file again, after another program has moved it. Does nothing for a log on standard error. */
  reopen(): void
  close(): Promise<void>
}

/** Events that need attention, and those that are faults of the bridge. */
export const logLevels: { readonly [event in LogEventName]?: 'warn' | 'error' } = {
  'not delivered': 'warn',
  'registry refused': 'warn',
  'key not rotated': 'warn',
  'clock not set': 'warn',
  'line lost': 'warn',
  'line unavailable': 'warn',
  dropped: 'warn',
  cache: 'warn',
  'own message is not valid': 'error',
  'answer failed': 'error',
  'delivery failed': 'error',
  audit: 'error',
  fault: 'error',
}

/** Under load many lines are written at once; a line waits no longer than this. */
const batches = { minLength: 4096, periodicFlush: 200 }

/** Size from which the file is moved to `bridge.log.1`, and how many such files are kept. */
export const logLimits = { bytesMax: 16 * 1024 * 1024, filesKept: 5 }

/** Moves `bridge.log` to `bridge.log.1`, that to `bridge.log.2`, and so on; the last one goes. */
function moveFiles(path: string, filesKept: number): void {
  const nameOf = (number: number) => (number === 0 ? path : `${path}.${number}`)
  for (let number = filesKept - 1; number >= 0; number--)
    if (existsSync(nameOf(number))) renameSync(nameOf(number), nameOf(number + 1))
}

/** Calls `act` when the file has reached its size, and counts again from 0. */
function onFull(
  destination: ReturnType<typeof pino.destination>,
  path: string,
  bytesMax: number,
  act: () => void,
): void {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  destination.on('write', (count: number) => {
    bytes += count
    if (bytes < bytesMax) return
    bytes = 0
    act()
  })
}

/** Rejects with a CommandError when the file cannot be written. */
export async function openBridgeLog(
  paths: StatePaths,
  format: BridgeConfig['log'],
  { bytesMax, filesKept } = logLimits,
): Promise<BridgeLog> {
  // To standard error at once: what is buffered is lost with a process that is killed.
  const toError = format === 'json'
  const destination = toError
    ? pino.destination({ dest: 2, sync: true })
    : pino.destination({ dest: paths.log, mode: 0o600, sync: false, ...batches })
  await new Promise<void>((resolve, reject) => {
    if (toError) return resolve()
    destination.once('ready', resolve)
    destination.once('error', (error) =>
      reject(
        new CommandError(
          exitCode.failed,
          `the log ${paths.log} cannot be written: ${error.message}; change its owner or mode, or name another --state`,
        ),
      ),
    )
  })
  if (!toError)
    onFull(destination, paths.log, bytesMax, () => {
      try {
        moveFiles(paths.log, filesKept)
        destination.reopen()
      } catch {
        // The folder cannot be changed: the file goes on growing.
      }
    })
  // The bridge continues without its log; what must be stored is in the audit trail.
  destination.on('error', () => {})
  const options = {
    base: null,
    messageKey: 'event',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  }
  const logger = pino(options, destination)
  return {
    log: (event, fields) => logger[logLevels[event] ?? 'info'](redacted(fields) as object, event),
    reopen() {
      if (!toError) destination.reopen()
    },
    close() {
      if (toError) return Promise.resolve()
      return new Promise((done) => {
        destination.once('close', () => done())
        destination.end()
      })
    },
  }
}

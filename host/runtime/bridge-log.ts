// The log of the bridge: JSON lines, one object each, times in UTC, without MPANs and keys.
//
// By default they go to a file in the state directory, and a few plain messages go to the terminal. With
// `--log json` they go to standard error, for a log collector.

import { pino } from 'pino'
import { redacted } from '../audit/redact.ts'
import type { BridgeConfig } from '../config/config.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { Log, LogEventName } from '../state/log-event.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { logLimits, openLogFile } from './log-file.ts'

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
  syslog: 'warn',
  'own message is not valid': 'error',
  'answer failed': 'error',
  'delivery failed': 'error',
  audit: 'error',
  fault: 'error',
}

/** Written at once: what is buffered is lost with a process that is killed. */
function standardError() {
  const stream = pino.destination({ dest: 2, sync: true })
  stream.on('error', () => {})
  return stream
}

/** Rejects with a CommandError when the file cannot be written. */
export async function openBridgeLog(
  paths: StatePaths,
  format: BridgeConfig['log'],
  limits = logLimits,
  nowMs: () => number = Date.now,
): Promise<BridgeLog> {
  const file =
    format === 'json'
      ? undefined
      : await openLogFile(paths.log, limits).catch((error: Error) => {
          const fix = 'change its owner or mode, or name another --state'
          throw new CommandError(exitCode.failed, `the log ${paths.log} cannot be written: ${error.message}; ${fix}`)
        })
  const destination = file?.stream ?? standardError()
  const options = {
    base: null,
    messageKey: 'event',
    timestamp: () => `,"time":"${new Date(nowMs()).toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  }
  const logger = pino(options, destination)
  return {
    log: (event, fields) => logger[logLevels[event] ?? 'info'](redacted(fields) as object, event),
    reopen: () => file?.reopen(),
    close: async () => file?.close(),
  }
}

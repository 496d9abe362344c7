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

export interface BridgeLog {
  log: Log
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

/** Rejects with a CommandError when the file cannot be written. */
export async function openBridgeLog(paths: StatePaths, format: BridgeConfig['log']): Promise<BridgeLog> {
  // To standard error at once: what is buffered is lost with a process that is killed.
  const toError = format === 'json'
  const destination = toError
    ? pino.destination({ dest: 2, sync: true })
    : pino.destination({ dest: paths.log, mode: 0o600, sync: false, ...batches })
  await new Promise<void>((resolve, reject) => {
    if (toError) return resolve()
    destination.once('ready', resolve)
    destination.once('error', (error) => reject(new CommandError(exitCode.failed, `the log: ${error.message}`)))
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
    close() {
      if (toError) return Promise.resolve()
      return new Promise((done) => {
        destination.once('close', () => done())
        destination.end()
      })
    },
  }
}

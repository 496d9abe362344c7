// Where the bridge says what it does: JSON lines, one object each, times in UTC, without MPANs and keys.
//
// By default they go to a file in the state directory, and people are told the little they need in plain text. With
// `--log json` they go to standard error, by pino, for whatever collects them. pino is loaded only then: it costs a start
// some 60 ms and 9 MB.

import { createWriteStream } from 'node:fs'
import { redacted } from '../audit/redact.ts'
import type { BridgeConfig } from '../config.ts'
import type { StatePaths } from '../state.ts'

export interface BridgeLog {
  log(event: string, fields: { [name: string]: unknown }): void
  close(): Promise<void>
}

/** Events that somebody should look at, and those that are ours to mend. */
const levels: { readonly [event: string]: 'warn' | 'error' } = {
  'not delivered': 'warn',
  'registry refused': 'warn',
  dropped: 'warn',
  cache: 'warn',
  'own message is not valid': 'error',
  'answer failed': 'error',
  'delivery failed': 'error',
  audit: 'error',
  fault: 'error',
}

export async function openBridgeLog(paths: StatePaths, format: BridgeConfig['log']): Promise<BridgeLog> {
  return format === 'json' ? toStandardError() : toFile(paths.log)
}

async function toStandardError(): Promise<BridgeLog> {
  const { pino } = await import('pino')
  const options = {
    base: null,
    messageKey: 'event',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (level: string) => ({ level }) },
  }
  // Written at once: what is buffered is lost with a process that is killed.
  const logger = pino(options, pino.destination({ dest: 2, sync: true }))
  return {
    log: (event, fields) => logger[levels[event] ?? 'info'](redacted(fields) as object, event),
    close: async () => {},
  }
}

function toFile(path: string): BridgeLog {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 })
  return {
    log(event, fields) {
      const line = {
        level: levels[event] ?? 'info',
        time: new Date().toISOString(),
        ...(redacted(fields) as object),
        event,
      }
      file.write(`${JSON.stringify(line)}\n`)
    },
    close: () => new Promise((done) => file.end(done)),
  }
}

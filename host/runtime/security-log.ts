// Where the records of protective monitoring go: JSON lines in a file of the state directory or on standard output, and a
// syslog server.

import type { Lifecycle } from '../bridge/lifecycle.ts'
import type { BridgeConfig } from '../config/config.ts'
import { syslogAddress } from '../config/syslog-address.ts'
import { createSecurityMonitor, type SecurityMonitor, type SecurityRecord } from '../metrics/security-monitor.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { Log } from '../state/log-event.ts'
import type { StatePaths } from '../state/state-directory.ts'
import type { Timing } from '../wan/timing.ts'
import { openLogFile } from './log-file.ts'
import { openSyslog } from './syslog.ts'

export interface SecurityLog extends SecurityMonitor {
  /** Opens the file again, after another program has moved it. */
  reopen(): void
}

/** One record as a line: `time` is that of its last event. */
export function lineOf({ fromMs, toMs, ...record }: SecurityRecord): string {
  const iso = (ms: number) => new Date(ms).toISOString()
  return `${JSON.stringify({ time: iso(toMs), ...record, from: iso(fromMs) })}\n`
}

/** Opens what the settings name; it is closed with the lifecycle. @throws CommandError when the file cannot be written */
export async function openSecurityLog(
  paths: StatePaths,
  { securityLog, syslog, securityThresholds }: BridgeConfig,
  timing: Timing,
  log: Log,
  lifecycle: Lifecycle,
): Promise<SecurityLog> {
  const path = paths.securityLog
  const file =
    securityLog !== 'file'
      ? undefined
      : await openLogFile(path).catch((error: Error) => {
          const fix = 'change its owner or mode, or set securityLog to "stdout" or "off"'
          throw new CommandError(exitCode.failed, `${path} cannot be written: ${error.message}; ${fix}`)
        })
  if (file !== undefined) lifecycle.own(file.close)
  const address = syslog === undefined ? undefined : syslogAddress(syslog)
  const server = address && openSyslog(address, (problem) => log('syslog', { problem }))
  if (server !== undefined) lifecycle.own(server.close)
  const monitor = createSecurityMonitor(timing, securityThresholds, (record) => {
    if (securityLog === 'stdout') process.stdout.write(lineOf(record))
    file?.stream.write(lineOf(record))
    server?.send(record)
  })
  lifecycle.own(monitor.flush)
  return { ...monitor, reopen: () => file?.reopen() }
}

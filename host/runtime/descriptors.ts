// Descriptors: every line takes one. A bridge that would run out of them in the middle of a night says so at its start.

import { readFileSync } from 'node:fs'
import { CommandError, exitCode } from '../state/errors.ts'

/** For everything but lines: Users' connections, callbacks, store, audit trail, keys, logs. An estimate. */
const othersNeed = 256

/** How many descriptors this process may have; undefined where the system does not say. */
function descriptorLimit(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return limit === undefined ? undefined : Number(limit)
  } catch {
    return undefined
  }
}

/**
 * Compares the lines of devices with the descriptors that there are. Devices are only looked at when there are many.
 * @throws CommandError with the need, the limit and the fix
 */
export function checkDescriptors(
  count: number,
  devices: () => Iterable<{ line: string }>,
  limit = descriptorLimit(),
): void {
  if (limit === undefined || count + othersNeed <= limit) return
  const lines = new Set<string>()
  for (const { line } of devices()) lines.add(line)
  const need = lines.size + othersNeed
  if (need <= limit) return
  throw new CommandError(
    exitCode.usage,
    `the devices of the registry are on ${lines.size} lines, each of which takes a descriptor: with ${othersNeed} for all else this ` +
      `bridge needs ${need}, and the system allows it ${limit}. Allow more (ulimit -n ${need}; LimitNOFILE=${need} in its ` +
      'systemd unit), or put many meters on one line, as smets1 meter --fleet does',
  )
}

// The lines of the WAN as requests use them: opened when first asked for, each session in its turn.

import type { Accepted } from './accepted.ts'
import { deviceDefaults } from './access/device-details.ts'
import type { BridgeConfig } from './config.ts'
import { createCapacity, type Priority, priority } from './schedule/capacity.ts'
import { cohortRate } from './schedule/settings.ts'
import type { OpenPort } from './wan/bindings.ts'
import { defaultLineLimits } from './wan/limits.ts'
import { createLine, type Line, type Timing } from './wan/line.ts'
import { ReadError } from './wan/read-error.ts'

export interface Lines {
  /** The line of its device, for one request: its sessions wait for their turn among those of others. @throws ReadError */
  lineFor(accepted: Accepted): Line
  /** A read of the device that waits for its turn on behalf of somebody less urgent will serve this one, too. */
  hurry(accepted: Accepted): void
  /** Turns away what waits and has time; it goes on after the next start. */
  stopWaiting(): void
  close(): Promise<void>
}

/** On demand first, then what serves settlement, then schedules. */
function priorityOf({ schedule, forSettlement }: Accepted): Priority {
  if (schedule !== undefined) return priority.scheduled
  return forSettlement ? priority.settlement : priority.onDemand
}

export function createLines(config: BridgeConfig, openPort: OpenPort, timing: Timing): Lines {
  const lines = new Map<string, Line>()
  const { lineRate } = config.schedule
  const capacity = createCapacity({ lineRate, cohortRate: (name) => cohortRate(config.schedule, name) }, timing)

  /** What the registry calls a line: `default`, or its URL. Devices that call one line differently take turns on it, too. */
  function urlOf(name: string): string {
    const url = name === 'default' ? config.lineUrl : name
    if (url === undefined) throw new ReadError('no port', 'no line is configured: name one with --port')
    return url
  }

  function lineOf(url: string): Line {
    const line = lines.get(url) ?? createLine(url, openPort, { ...defaultLineLimits, baud: config.baud }, timing)
    lines.set(url, line)
    return line
  }

  return {
    lineFor(accepted) {
      const { eui, line, cohort, s1sp } = accepted.allowed.device
      const url = urlOf(line)
      const passenger = {
        line: url,
        eui,
        deadlineMs: accepted.deadlineMs,
        cohort: cohort ?? s1sp ?? deviceDefaults.s1sp,
      }
      return capacity.forPassenger(lineOf(url), { ...passenger, priority: priorityOf(accepted) })
    },
    hurry: (accepted) => capacity.hurry(accepted.allowed.device.eui, priorityOf(accepted)),
    stopWaiting: capacity.stop,
    async close() {
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}

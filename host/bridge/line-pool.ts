// The lines of the WAN as requests use them: opened when first asked for, each session in its turn.

import { deviceDefaults } from '../access/device-details.ts'
import type { BridgeConfig } from '../config/config.ts'
import { type AcceptedRequest, priorityOf } from '../requests/accepted-request.ts'
import { cohortRate } from '../schedule/settings.ts'
import type { Log } from '../state/log-event.ts'
import type { OpenPort } from '../wan/bindings.ts'
import { defaultLineLimits } from '../wan/line-limits.ts'
import { createLineQueue } from '../wan/line-queue.ts'
import { ReadError } from '../wan/read-error.ts'
import { createLine, type Line, type PortLine, type Timing } from '../wan/serial-line.ts'

export interface Lines {
  /** The line of its device, for one request: its sessions wait for their turn among those of others. @throws ReadError */
  lineFor(accepted: AcceptedRequest): Line
  /** A read of the device that waits for its turn on behalf of somebody less urgent will serve this one, too. */
  raisePriority(accepted: AcceptedRequest): void
  /** Opens the default line now, and every line again whenever its port was lost, however long it takes; the log tells. */
  hold(): void
  /** Turns away what waits and has time; it goes on after the next start. */
  stopWaiting(): void
  close(): Promise<void>
}

export function createLines(config: BridgeConfig, openPort: OpenPort, timing: Timing, log: Log): Lines {
  const lines = new Map<string, PortLine>()
  let holding = false
  const { lineRate } = config.schedule
  const capacity = createLineQueue({ lineRate, cohortRate: (name) => cohortRate(config.schedule, name) }, timing)

  /** What the registry calls a line: `default`, or its URL. Devices that call one line differently take turns on it, too. */
  function urlOf(name: string): string {
    const url = name === 'default' ? config.lineUrl : name
    if (url === undefined) throw new ReadError('no port', 'no line is configured: name one with --port')
    return url
  }

  function holdOne(url: string, line: PortLine): void {
    line.hold(({ state, ...why }) => log(`line ${state}`, { line: url, ...why }))
  }

  function lineOf(url: string): Line {
    const known = lines.get(url)
    if (known !== undefined) return known
    const line = createLine(url, openPort, { ...defaultLineLimits, baud: config.baud }, timing)
    lines.set(url, line)
    if (holding) holdOne(url, line)
    return line
  }

  return {
    lineFor(accepted) {
      const { eui, line, cohort, s1sp } = accepted.allowed.device
      const url = urlOf(line)
      const lineRequest = {
        line: url,
        eui,
        deadlineMs: accepted.deadlineMs,
        cohort: cohort ?? s1sp ?? deviceDefaults.s1sp,
      }
      return capacity.forRequest(lineOf(url), { ...lineRequest, priority: priorityOf(accepted) })
    },
    raisePriority: (accepted) => capacity.raisePriority(accepted.allowed.device.eui, priorityOf(accepted)),
    hold() {
      holding = true
      for (const [url, line] of lines) holdOne(url, line)
      if (config.lineUrl !== undefined && !lines.has(config.lineUrl)) lineOf(config.lineUrl)
    },
    stopWaiting: capacity.stop,
    async close() {
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}

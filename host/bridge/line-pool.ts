// The lines of the WAN: opened at first use, one session at a time.

import { deviceDefaults } from '../access/device-details.ts'
import type { Device } from '../access/parties.ts'
import type { BridgeConfig } from '../config/config.ts'
import { type AcceptedRequest, priorityOf } from '../requests/accepted-request.ts'
import { cohortRate } from '../schedule/settings.ts'
import type { Log } from '../state/log-event.ts'
import type { OpenPort } from '../wan/bindings.ts'
import { defaultLineLimits } from '../wan/line-limits.ts'
import { createLineQueue } from '../wan/line-queue.ts'
import type { LineState } from '../wan/line-state.ts'
import { ReadError } from '../wan/read-error.ts'
import { createLine, type Line, type PortLine, type Timing } from '../wan/serial-line.ts'
import type { Priority } from '../wan/waiting-requests.ts'

export interface Lines {
  /** The line of a device, for one request: its sessions wait for their turn in the line queue. @throws ReadError */
  lineFor(device: Device, deadlineMs: number, priority: Priority): Line
  /** Raises the priority of waiting reads of the device: they will serve this request, too. */
  raisePriority(accepted: AcceptedRequest): void
  /** Opens the default line now, and every line again whenever its port was lost; changes are logged. */
  hold(): void
  /** Every line that has been used or held. */
  states(): LineState[]
  /** Rejects waiting sessions that are not on demand; they are resumed after the next start. */
  stopWaiting(): void
  close(): Promise<void>
}

export function createLines(config: BridgeConfig, openPort: OpenPort, timing: Timing, log: Log): Lines {
  const lines = new Map<string, PortLine>()
  /** Why a line that is held is not open. */
  const problems = new Map<string, string>()
  let holding = false
  const { lineRate } = config.schedule
  const lineQueue = createLineQueue({ lineRate, cohortRate: (name) => cohortRate(config.schedule, name) }, timing)

  /** A line as the registry names it: `default`, or its URL. Devices that name one line differently share it, too. */
  function urlOf(name: string): string {
    const url = name === 'default' ? config.lineUrl : name
    if (url === undefined) throw new ReadError('no port', 'no line is configured: name one with --port')
    return url
  }

  function holdOne(url: string, line: PortLine): void {
    line.hold((status) => {
      const { state, ...why } = status
      if (status.state === 'open') problems.delete(url)
      else problems.set(url, status.problem)
      log(`line ${state}`, { line: url, ...why })
    })
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
    lineFor({ eui, line, cohort, s1sp }, deadlineMs, priority) {
      const url = urlOf(line)
      const lineRequest = { line: url, eui, deadlineMs, cohort: cohort ?? s1sp ?? deviceDefaults.s1sp, priority }
      return lineQueue.forRequest(lineOf(url), lineRequest)
    },
    raisePriority: (accepted) => lineQueue.raisePriority(accepted.allowed.device.eui, priorityOf(accepted)),
    hold() {
      holding = true
      for (const [url, line] of lines) holdOne(url, line)
      if (config.lineUrl !== undefined && !lines.has(config.lineUrl)) lineOf(config.lineUrl)
    },
    states: () =>
      [...lines].map(([url, line]) => {
        const problem = problems.get(url)
        const state = { line: url, isOpen: line.isOpen(), waiting: lineQueue.waitingOn(url) }
        return problem === undefined ? state : { ...state, problem }
      }),
    stopWaiting: lineQueue.stop,
    async close() {
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}

// The lines of the WAN: opened at first use, one session at a time.

import { type DeviceDetails, deviceDefaults } from '../access/device-details.ts'
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
import type { LineRequest, Priority } from '../wan/waiting-requests.ts'
import { createWanCounts, type WanCount } from '../wan/wan-counts.ts'
import type { WanEvent, WanLimit, WanModel } from '../wan/wan-model.ts'
import type { WanPlace } from '../wan/wan-place.ts'
import type { Parties } from './env.ts'

export interface Lines {
  /** The line of a device, for one request: its sessions wait for their turn in the line queue. @throws ReadError */
  lineFor(device: Device, deadlineMs: number, priority: Priority): Line
  /** Raises the priority of waiting reads of the device: they will serve this request, too. */
  raisePriority(accepted: AcceptedRequest): void
  /** Opens the default line now, and every line again whenever its port was lost; changes are logged. */
  hold(): void
  /** Every line that has been used or held. */
  states(): LineState[]
  /** Traffic by CSP and cohort. */
  wanCounts(): readonly WanCount[]
  /** Rejects waiting sessions that are not on demand; they are resumed after the next start. */
  stopWaiting(): void
  close(): Promise<void>
}

/** Where a device is on the WAN. */
export function placeOf({ cohort, s1sp, csp }: DeviceDetails): WanPlace {
  return { cohort: cohort ?? s1sp ?? deviceDefaults.s1sp, csp: csp ?? deviceDefaults.csp }
}

export interface LineParts {
  config: BridgeConfig
  openPort: OpenPort
  model: WanModel | undefined
  timing: Timing
  registry: Parties['registry']
  log: Log
}

/** The queue of all lines, the ports behind the model of the WAN, and what both count. */
function createTraffic({ config, openPort, model, timing, registry, log }: LineParts) {
  const counts = createWanCounts()
  const { schedule } = config

  function report(event: WanEvent): void {
    counts.add(event)
    const { what, ...fields } = event
    log(`wan ${what}`, fields)
  }

  const limits = {
    lineRate: schedule.lineRate,
    cohortRate: (name: string) => cohortRate(schedule, name),
    begun: counts.session,
    heldBack: ({ eui: device, place }: LineRequest, by: WanLimit, ms: number) =>
      report({ what: 'held back', device, ...place, ms, by }),
  }
  const lineQueue = createLineQueue({ ...limits, ...(model && { wan: model.limits, waits: model.waits }) }, timing)
  model?.onChange(lineQueue.limitsChanged)
  const placeOfEui = (eui: string) => placeOf(registry().device(eui) ?? {})
  return {
    lineQueue,
    wanCounts: counts.all,
    openPort: model?.attach(openPort, { placeOf: placeOfEui, report }) ?? openPort,
  }
}

export function createLines(parts: LineParts): Lines {
  const { config, timing, log } = parts
  const { lineQueue, wanCounts, openPort } = createTraffic(parts)
  const lines = new Map<string, PortLine>()
  /** Why a line that is held is not open. */
  const problems = new Map<string, string>()
  let holding = false

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
    lineFor(device, deadlineMs, priority) {
      const { eui, line } = device
      const url = urlOf(line)
      return lineQueue.forRequest(lineOf(url), { line: url, eui, deadlineMs, place: placeOf(device), priority })
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
    wanCounts,
    stopWaiting: lineQueue.stop,
    async close() {
      lineQueue.close()
      await Promise.all([...lines.values()].map((line) => line.close()))
    },
  }
}

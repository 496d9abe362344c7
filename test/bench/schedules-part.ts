// A bridge with many schedules in a process of its own, by a clock that is set: how it starts, and how it begins runs.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startBridge } from '../../host/bridge/start-bridge.ts'
import { readConfig } from '../../host/config/config.ts'
import { openMachine } from '../../host/runtime/machine-env.ts'
import { statePaths } from '../../host/state/state-directory.ts'
import { watchTurns } from './turns.ts'

export interface StartedSchedules {
  schedules: number
  rssBytes: number
  /** Meanwhile: the longest pause of the process, runs that were begun, and the processor time. */
  pauseMs: number
  /** The most processor time between two turns of its event loop. */
  turnMs: number
  begun: number
  cpuMs: number
  /** Processor time until it was ready. */
  startCpuMs: number
}

const [, , directory = '', nowText = '', watchText = ''] = process.argv
const paths = statePaths(directory)
const config = readConfig(paths.config, {}, { httpPort: 0 })
const { env } = await openMachine(paths, config, {})
const aheadMs = Number(nowText) - Date.now()
const timing = { ...env.timing, nowMs: () => env.timing.nowMs() + aheadMs }
let begun = 0
const log: typeof env.log = (event) => {
  // No meter is reachable: each run's first attempt fails, and is put off.
  if (event === 'scheduled request failed') begun += 1
}
const bridge = await startBridge({ ...env, timing, log }, config)
process.send?.('ready')
const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
const startCpu = process.cpuUsage()
const cpu = process.cpuUsage()
const longestTurnMs = watchTurns()
await new Promise((resolve) => setTimeout(resolve, Number(watchText)))
delays.disable()
const used = process.cpuUsage(cpu)
process.send?.({
  schedules: bridge.schedules.schedules.count(),
  rssBytes: process.memoryUsage.rss(),
  pauseMs: delays.max / 1e6,
  turnMs: longestTurnMs(),
  begun,
  cpuMs: (used.user + used.system) / 1000,
  startCpuMs: (startCpu.user + startCpu.system) / 1000,
} satisfies StartedSchedules)
await bridge.stop()
process.exit()

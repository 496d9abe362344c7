// A bridge with a large registry in a process of its own: how it starts, looks up, follows changes and passes midnight.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { PartiesChange } from '../../host/access/registry-changes.ts'
import { createDayWatch } from '../../host/access/registry-changes.ts'
import { startBridge } from '../../host/bridge/start-bridge.ts'
import { readConfig } from '../../host/config/config.ts'
import { openMachine } from '../../host/runtime/machine-env.ts'
import { statePaths } from '../../host/state/state-directory.ts'
import { watchTurns } from './turns.ts'

const beganMs = performance.timeOrigin

/** What the process is asked to do. */
export type RegistryTask =
  | { do: 'lookups'; euis: string[] }
  /** Answers when a change of this device is followed. */
  | { do: 'await'; eui: string }
  /** From this time on it is the other day. */
  | { do: 'midnight'; nowMs: number; devices: string[] }

export type RegistryReply =
  | { startMs: number; cpuMs: number; rssBytes: number; devices: number }
  | { microsEach: number; rssBytes: number }
  | { atMs: number }
  | { evicted: number; tookMs: number; pauseMs: number; idlePauseMs: number; turnMs: number; askedMs: number }

const [, , directory = ''] = process.argv
const paths = statePaths(directory)
const config = readConfig(paths.config, {}, { httpPort: 0 })
const machine = await openMachine(paths, config, {})
const { env } = machine
const follow: ((change: PartiesChange) => void)[] = []
const { onChange } = env.parties
const parties = {
  ...env.parties,
  onChange(changed: (change: PartiesChange) => void) {
    onChange?.((change) => {
      changed(change)
      for (const one of follow) one(change)
    })
  },
}
const bridge = await startBridge({ ...env, parties }, config)
const reply = (message: RegistryReply) => void process.send?.(message)
const cpuMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000
reply({
  startMs: performance.timeOrigin + performance.now() - beganMs,
  cpuMs: cpuMs(),
  rssBytes: process.memoryUsage.rss(),
  devices: env.parties.registry().deviceCount(),
})

function lookUp(euis: string[]): void {
  const registry = env.parties.registry()
  const startMs = performance.now()
  for (const eui of euis) {
    const mpan = registry.device(eui)?.importMpan ?? ''
    if (registry.registrations(mpan, 'MDR').length === 0) throw new Error(`${eui} has no MDR`)
  }
  reply({ microsEach: ((performance.now() - startMs) / euis.length) * 1000, rssBytes: process.memoryUsage.rss() })
}

async function passMidnight(laterMs: number, devices: string[]): Promise<void> {
  let nowMs = Date.now()
  let evicted = 0
  const left = new Set(devices)
  let done = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const watch = createDayWatch({
    registry: env.parties.registry,
    nowMs: () => nowMs,
    async evictDevice(eui, why) {
      await bridge.evictDevice(eui, why)
      evicted += 1
      left.delete(eui)
      if (left.size === 0) done()
    },
    pause: () => new Promise((resolve) => env.timing.after(0, resolve)),
    failed: (error) => {
      throw error
    },
  })
  const [first = ''] = devices
  await watch(first)
  nowMs = laterMs
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  // What the machine alone does to a process that has nothing to do.
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  const idlePauseMs = delays.max / 1e6
  delays.reset()
  const longestTurnMs = watchTurns()
  const startMs = performance.now()
  await watch(first)
  const askedMs = performance.now() - startMs
  await all
  delays.disable()
  reply({
    evicted,
    tookMs: performance.now() - startMs,
    pauseMs: delays.max / 1e6,
    idlePauseMs,
    turnMs: longestTurnMs(),
    askedMs,
  })
}

process.on('message', (task: RegistryTask) => {
  if (task.do === 'lookups') lookUp(task.euis)
  else if (task.do === 'midnight') void passMidnight(task.nowMs, task.devices)
  else
    follow.push(({ devices }) => {
      if (devices?.includes(task.eui)) reply({ atMs: Date.now() })
    })
})
process.on('disconnect', () => void bridge.stop().then(() => process.exit()))

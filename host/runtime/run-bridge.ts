// Starts a bridge on this machine, from a state directory.

import { rmSync } from 'node:fs'
import type { BridgeEnv } from '../bridge/env.ts'
import { startLives } from '../bridge/lives.ts'
import { type Bridge, startBridge } from '../bridge/start-bridge.ts'
import type { Tables } from '../bridge/tables.ts'
import type { BridgeConfig } from '../config/config.ts'
import { createFeed } from '../feed/feed.ts'
import { createControl } from '../http/control/control.ts'
import type { ControlParts } from '../http/control/controlled.ts'
import type { Faults } from '../http/control/fault-rule.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import type { Store } from '../store/store.ts'
import { createReset } from './bench-reset.ts'
import { createFeedQueue, feedPolicyOf } from './feed-state.ts'
import { type MachineOptions, openMachine } from './machine-env.ts'
import { createRegistryFiles } from './registry-files.ts'
import { systemTiming } from './system-timing.ts'
import { watchOrders } from './watch-orders.ts'

export interface RunningBridge {
  bridge: Bridge
  /** Where DUIS is served, `http://127.0.0.1:8079`. */
  url: string
  /** Where metrics are served, if they are. */
  metricsUrl: string | undefined
  /** Where the control API is served, if it is. */
  consoleUrl: string | undefined
  /** Reads the registry and the certificates again; resolves when they are in force. */
  reload(): Promise<void>
  store: Pick<Store<Tables>, 'range'>
  stop(): Promise<void>
}

export interface RunOptions extends MachineOptions {
  /** Port of the control API where none is configured; where it is taken, the next free one. */
  consolePort?: number
  /** What stands beside the bridge on this bench. */
  controlParts?: ControlParts
  /** Puts the faults of a bench into the environment. */
  disturb?(env: BridgeEnv): { env: BridgeEnv; faults: Faults }
  /** Makes meter and clock as they were at the start: a bench that has it can be reset. */
  renewBench?(): Promise<void>
}

/**
 * Opens the state, starts the bridge and serves DUIS.
 * @throws ConfigurationError, CommandError
 */
export async function runBridge(
  paths: StatePaths,
  config: BridgeConfig,
  options: RunOptions = {},
): Promise<RunningBridge> {
  const opened = await openMachine(paths, config, options)
  const port = config.consolePort ?? options.consolePort
  const control = port === undefined ? undefined : createControl(opened.env, config)
  const quiet = control?.env ?? opened.env
  const disturbed: { env: BridgeEnv; faults?: Faults } = options.disturb?.(quiet) ?? { env: quiet }
  const { env } = disturbed
  const { record } = options
  const { renewBench } = options
  const starting = renewBench === undefined ? startBridge(env, config) : startLives(env, config)
  const started = await starting.catch((error: unknown) => {
    // It was made by this start, and holds nothing of use.
    if (record !== undefined) rmSync(record, { force: true })
    throw error
  })
  const lives = 'reset' in started ? started : undefined
  const bridge = 'reset' in started ? started.bridge : started
  watchOrders(env, bridge, systemTiming)
  const { served, stop } = bridge
  if (served === undefined) throw new Error('the environment of this machine must serve DUIS')
  const { url, metricsUrl } = served
  const mayMove = config.consolePort === undefined
  const registryFiles = createRegistryFiles(paths, opened.env.timing.nowMs, opened.reload)
  const { store } = env.disk
  const feed = createFeedQueue(paths, createFeed({ store, policy: feedPolicyOf(config), nowMs: env.timing.nowMs }))
  const { reload } = opened
  const { faults } = disturbed
  const reset = lives && renewBench && createReset({ lives, env, paths, reload, faults, renewBench })
  const parts = { registryFiles, feed, ...(faults && { faults }), ...(reset && { reset }), ...options.controlParts }
  const consoleUrl =
    port === undefined ? undefined : await control?.serve(bridge, { port, mayMove, directory: paths.control }, parts)
  const clock = options.clock?.kind === 'virtual' ? { clock: options.clock.kind } : {}
  env.log('ready', { version, url, metricsUrl, consoleUrl, line: config.lineUrl, ...clock })
  return { bridge, url, metricsUrl, consoleUrl, reload, store, stop }
}

// Starts a bridge on this machine, from a state directory.

import { rmSync } from 'node:fs'
import { type Bridge, startBridge } from '../bridge/start-bridge.ts'
import type { BridgeConfig } from '../config/config.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { type MachineOptions, openMachine } from './machine-env.ts'

export interface RunningBridge {
  bridge: Bridge
  /** Where DUIS is served, `http://127.0.0.1:8079`. */
  url: string
  /** Where metrics are served, if they are. */
  metricsUrl: string | undefined
  /** Reads the registry and the certificates again. */
  reload(): void
  stop(): Promise<void>
}

/**
 * Opens the state, starts the bridge and serves DUIS.
 * @throws ConfigurationError, CommandError
 */
export async function runBridge(
  paths: StatePaths,
  config: BridgeConfig,
  options: MachineOptions = {},
): Promise<RunningBridge> {
  const { env, reload } = await openMachine(paths, config, options)
  const { record } = options
  const bridge = await startBridge(env, config).catch((error: unknown) => {
    // It was made by this start, and holds nothing of use.
    if (record !== undefined) rmSync(record, { force: true })
    throw error
  })
  if (bridge.served === undefined) throw new Error('the environment of this machine must serve DUIS')
  const { url, metricsUrl } = bridge.served
  env.log('ready', { version, url, metricsUrl, line: config.lineUrl })
  return { bridge, url, metricsUrl, reload, stop: bridge.stop }
}

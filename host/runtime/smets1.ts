// `smets1`: the bridge in the process of the caller. `smets1/testing` also has a meter and Users.

import type { BridgeEnv } from '../bridge/env.ts'
import { type BridgeConfig, readConfig } from '../config/config.ts'
import { ConfigurationError } from '../state/errors.ts'
import { stateOf, statePaths } from '../state/state-directory.ts'
import { type MachineOptions, openMachine } from './machine-env.ts'

export type { BridgeEnv } from '../bridge/env.ts'
export { type Bridge, startBridge } from '../bridge/start-bridge.ts'
export type { BridgeConfig } from '../config/config.ts'
export type { CompletedRequest } from '../requests/accepted-request.ts'
export { CommandError, ConfigurationError, ProgramError } from '../state/errors.ts'

export interface StateOptions extends Pick<MachineOptions, 'completed' | 'record'> {
  /** Settings that differ from those of config.json in the state directory. */
  settings?: Partial<BridgeConfig>
}

/** What `startBridge` needs. */
export interface OpenedState {
  env: BridgeEnv
  config: BridgeConfig
  /** Reads the registry and the certificates again; resolves when they are in force. */
  reload(): Promise<void>
}

/**
 * Opens a state directory, as `smets1 provision` or `smets1 up` makes it, for `startBridge`, which closes it. Port 0 takes a free
 * one; environment variables are not read.
 * @throws ConfigurationError, CommandError
 */
export async function openState(directory: string, options: StateOptions = {}): Promise<OpenedState> {
  const { settings = {}, ...machine } = options
  const paths = statePaths(directory)
  if (stateOf(paths) === 'absent') {
    throw new ConfigurationError(`${paths.root} is no state directory: make one with smets1 provision, or name another`)
  }
  const known = readConfig(paths.config, {}, settings)
  for (const name of Object.keys(settings)) {
    if (!(name in known)) throw new ConfigurationError(`settings: there is no setting "${name}"`)
  }
  const config = { ...known, ...settings }
  return { ...(await openMachine(paths, config, machine)), config }
}

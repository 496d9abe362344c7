// The control API of one bridge: what it records from the start, and its listener once the bridge runs.

import type { BridgeEnv } from '../../bridge/env.ts'
import type { Bridge } from '../../bridge/start-bridge.ts'
import type { BridgeConfig } from '../../config/config.ts'
import { createMessageLog, recordedNetwork } from './message-log.ts'
import type { ControlOptions } from './port.ts'

export interface Control {
  /** The environment with which the bridge is to be started. */
  env: BridgeEnv
  /**
   * Serves the API until the bridge stops; the bridge is stopped when that fails.
   * @returns its address @throws CommandError when the port cannot be had
   */
  serve(bridge: Bridge, options: ControlOptions): Promise<string>
}

export function createControl(env: BridgeEnv, config: BridgeConfig): Control {
  const { timing, lifecycle } = env
  const messages = createMessageLog()
  const network = recordedNetwork(env.network, messages, timing.nowMs)
  return {
    env: { ...env, network },
    async serve(bridge, options) {
      // A bridge without the control API does not load it.
      const { serveControl } = await import('./listener.ts')
      const controlled = { bridge, env, config, messages, startedMs: timing.nowMs() }
      return serveControl(controlled, options, lifecycle).catch(async (error: unknown) => {
        await bridge.stop()
        throw error
      })
    },
  }
}

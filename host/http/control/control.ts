// The control API of one bridge: what it records from the start, and its listener once the bridge runs.

import type { BridgeEnv } from '../../bridge/env.ts'
import type { Bridge } from '../../bridge/start-bridge.ts'
import type { BridgeConfig } from '../../config/config.ts'
import type { Controlled, ControlParts } from './controlled.ts'
import { createMessageLog, createMessageRecorder } from './message-log.ts'
import type { ControlOptions } from './port.ts'

export interface Control {
  /** The environment with which the bridge is to be started. */
  env: BridgeEnv
  /**
   * Serves the API until the bridge stops; the bridge is stopped when that fails. `parts`: what stands beside the bridge on
   * this bench.
   * @returns its address @throws CommandError when the port cannot be had
   */
  serve(bridge: Bridge, options: ControlOptions, parts: ControlParts): Promise<string>
}

export function createControl(env: BridgeEnv, config: BridgeConfig): Control {
  const { timing, lifecycle } = env
  const messages = createMessageLog()
  const recorder = createMessageRecorder(messages, timing.nowMs)
  const network = recorder.network(env.network)
  return {
    env: { ...env, network },
    async serve(bridge, options, parts) {
      // A bridge without the control API does not load it.
      const { serveControl } = await import('./listener.ts')
      const recorded: Controlled['bridge'] = {
        // A reset replaces these.
        get delivery() {
          return bridge.delivery
        },
        get schedules() {
          return bridge.schedules
        },
        get served() {
          return bridge.served
        },
        setMeterClock: (device, confirmed) => bridge.setMeterClock(device, confirmed),
        receive: recorder.receive((...request) => bridge.receive(...request)),
      }
      const controlled = { ...parts, bridge: recorded, env, config, messages, startedMs: timing.nowMs() }
      const report = env.reportSecurity && { report: env.reportSecurity }
      return serveControl(controlled, { ...options, ...report }, lifecycle).catch(async (error: unknown) => {
        await bridge.stop()
        throw error
      })
    },
  }
}

// What the control calls work on: a running bridge and what stands beside it.

import type { BridgeEnv } from '../../bridge/env.ts'
import type { Bridge } from '../../bridge/start-bridge.ts'
import type { BridgeConfig } from '../../config/config.ts'
import type { MessageLog } from './message-log.ts'

export interface Controlled {
  bridge: Pick<Bridge, 'delivery' | 'schedules' | 'served'>
  env: Pick<BridgeEnv, 'timing' | 'disk' | 'parties' | 'log'>
  config: BridgeConfig
  messages: MessageLog
  /** When this bridge started, milliseconds of UTC. */
  startedMs: number
}

// The models of what lies between the bridge and emulated meters, as the settings have them.

import type { BridgeModels } from '../host/bridge/env.ts'
import type { BridgeConfig } from '../host/config/config.ts'
import type { Timing } from '../host/wan/timing.ts'
import { createDcoModel } from './dco-model.ts'
import { createWanModel } from './wan-model.ts'

/** Each is off where the settings have nothing of it, and can be changed while the bridge runs. */
export function createModels(timing: Timing, { wan, dco }: Pick<BridgeConfig, 'wan' | 'dco'>): BridgeModels {
  return { wan: createWanModel(timing, wan), dco: createDcoModel(timing, dco) }
}

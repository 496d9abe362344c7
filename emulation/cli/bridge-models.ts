// What `smets1 bridge` takes of the emulation where its settings ask for it: the models of the WAN and of the DCO.

import type { RunOptions } from '../../host/runtime/run-bridge.ts'
import { createModels } from '../models.ts'

export const bridgeModels: NonNullable<RunOptions['models']> = createModels

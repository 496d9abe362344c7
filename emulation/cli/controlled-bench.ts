// What the control API may do to the bench of `smets1 up`: faults by rule, and a new life.

import { randomBytes } from 'node:crypto'
import { testDevice } from '../../host/cli/test-registry.ts'
import { addKey, addNextKey } from '../../host/dco/vault.ts'
import type { RunOptions } from '../../host/runtime/run-bridge.ts'
import type { StatePaths } from '../../host/state/state-directory.ts'
import { keyBytes } from '../../protocol/seal.ts'
import { createFaults } from '../faults.ts'
import { faultyEnv } from '../faulty-env.ts'
import type { MeterProcess } from './meter-process.ts'

export function controlledBench(
  paths: StatePaths,
  lineUrl: string | undefined,
  { order }: Pick<MeterProcess, 'order'>,
): Required<Pick<RunOptions, 'disturb' | 'renewBench'>> {
  async function renewBench(): Promise<void> {
    // Another key: with an older flash a meter would use nonces again.
    const key = randomBytes(keyBytes)
    // Whichever key the meter has if this is interrupted, the DCO has it too.
    addNextKey(paths.vault, testDevice.eui, key, false)
    await order({ order: 'renew', key: key.toString('hex') })
    addKey(paths.vault, testDevice.eui, key, false)
  }

  return {
    renewBench,
    disturb(env) {
      const rules = createFaults({ registry: env.parties.registry, nowMs: env.timing.nowMs, hasMeter: true })
      const meter = {
        cut: (_eui: string, ms: number) => void order({ order: 'cut', ms }),
        stepClock: (_eui: string, seconds: number) => void order({ order: 'step', seconds }),
      }
      return { env: faultyEnv(env, { rules, lineUrl, meter }), faults: rules }
    },
  }
}

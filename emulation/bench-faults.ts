// The faults of a bench in the process of a test.

import type { BridgeEnv } from '../host/bridge/env.ts'
import type { Faults } from '../host/http/control/fault-rule.ts'
import { createFaults, type FaultRules } from './faults.ts'
import { type FaultyMeter, faultyEnv } from './faulty-env.ts'

export interface BenchFaults {
  faults: Faults
  /** Puts them into the environment of each life of the bridge. */
  disturb(env: BridgeEnv): BridgeEnv
}

/** `meter`: the bench's meter, once it is there. */
export function createBenchFaults(lineUrl: string, meter: () => FaultyMeter): BenchFaults {
  let rules: FaultRules | undefined
  const started = () => {
    if (rules === undefined) throw new Error('the bridge of this bench has not started')
    return rules
  }
  return {
    faults: {
      add: (rule) => started().add(rule),
      list: () => started().list(),
      remove: (id) => started().remove(id),
      reset: () => started().reset(),
    },
    disturb(env) {
      rules ??= createFaults({ registry: env.parties.registry, nowMs: env.timing.nowMs, hasMeter: true })
      const faulty: FaultyMeter = {
        cut: (eui, ms) => meter().cut(eui, ms),
        stepClock: (eui, seconds) => meter().stepClock(eui, seconds),
      }
      return faultyEnv(env, { rules, lineUrl, meter: faulty })
    },
  }
}

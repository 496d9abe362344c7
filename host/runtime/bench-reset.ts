// The reset of a bench: a new life that begins as the first one did.

import type { BridgeEnv } from '../bridge/env.ts'
import type { Lives } from '../bridge/lives.ts'
import type { Reset } from '../http/control/controlled.ts'
import type { Faults } from '../http/control/fault-rule.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { rememberState } from './renew-state.ts'

export interface ResetParts {
  lives: Lives
  env: Pick<BridgeEnv, 'disk' | 'timing' | 'log' | 'models'>
  paths: StatePaths
  /** The environment reads registry and certificates again. */
  reload(): Promise<void>
  faults: Faults | undefined
  /** Makes meter and clock as they were at the start. */
  renewBench(): Promise<void>
}

/** Call it when the bench has started: that is what it goes back to. */
export function createReset({ lives, env, paths, reload, faults, renewBench }: ResetParts): Reset {
  const { disk, timing, log, models } = env
  const state = rememberState(paths, disk)
  const [wan, dco] = [models?.wan.settings(), models?.dco.settings()]
  let resets = 0

  return async () => {
    const beganMs = performance.now()
    resets += 1
    const reset = resets
    await lives.reset(async () => {
      faults?.reset()
      models?.wan.change(wan)
      models?.dco.change(dco)
      // Before the clock goes back.
      disk.audit.record({ event: 'bench reset', reset })
      await disk.audit.committed()
      await state.renew(reload)
      await renewBench()
    })
    const tookMs = performance.now() - beganMs
    log('bench reset', { reset, tookMs })
    return { reset, tookMs, now: new Date(timing.nowMs()).toISOString() }
  }
}

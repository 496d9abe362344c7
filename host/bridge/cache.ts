// The cache as one part of the bridge: reads through it, what is removed from it, and the end of its keys.

import { createDailyReadThrough, type DailyReadThrough } from '../cache/daily-reads.ts'
import { createReadingCache } from '../cache/reading-cache.ts'
import { createReadThrough, type ReadThrough } from '../cache/single-flight.ts'
import { createTopUp, noTopUp } from '../cache/top-up.ts'
import type { BridgeConfig } from '../config/config.ts'
import type { BridgeEnv } from './env.ts'

export interface BridgeCache {
  readThrough: ReadThrough
  dailyReadThrough: DailyReadThrough
  /** Removes everything of a device. `why` is logged. */
  evictDevice(eui: string, why: string): Promise<void>
}

/** Keys are destroyed on time also when there are no requests. */
const sweepEveryMs = 60_000

export function createCache(env: BridgeEnv, config: Pick<BridgeConfig, 'cachePolicy' | 'cacheTopUp'>): BridgeCache {
  const { timing, randomBytes, log } = env
  const { cachePolicy: policy } = config
  const topUp = config.cacheTopUp === 'period'
  const { nowMs } = timing
  const { store, cacheKeys: keys } = env.disk
  const report = (problem: string) => log('cache', { problem })
  const cache = createReadingCache({ store, keys, randomBytes, policy })
  const { emptied } = cache
  let timer = timing.after(sweepEveryMs, sweep)
  env.lifecycle.own(() => timer.cancel())

  function sweep(): void {
    timer = timing.after(sweepEveryMs, sweep)
    cache.sweep(nowMs()).catch((error: Error) => report(error.message))
  }

  return {
    readThrough: createReadThrough(cache, nowMs, report, topUp ? createTopUp(cache, keys, policy) : noTopUp),
    dailyReadThrough: createDailyReadThrough({ store, keys, randomBytes, policy, topUp, nowMs, emptied, report }),
    async evictDevice(eui, why) {
      await cache.empty(eui)
      log('cache emptied', { device: eui, why })
    },
  }
}

// What follows from changes of parties and registrations: cached readings are deleted, and schedules are checked again.

import type { Registry } from '../access/parties.ts'
import { createDayWatch, lostDevices, type PartiesChange } from '../access/registry-changes.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import type { BridgeEnv } from './env.ts'

/** Between a few evictions and the next: Node gives way to input and output only when no timer is due. */
const pauseMs = 2

export interface PartiesFollower {
  /** To be awaited before the cache is used for a device: what must be deleted is deleted then. */
  ready(eui: string): Promise<unknown>
  /** Follows changes from now on. `reconcile` checks the schedules of these devices, or all of them. */
  follow(reconcile: (devices?: readonly string[]) => void): void
  /** Call it after the registry has changed, where the environment does not tell. */
  changed(before: Registry): void
}

export function followParties(
  { timing, parties, log }: Pick<BridgeEnv, 'timing' | 'parties' | 'log'>,
  evictDevice: (eui: string, why: string) => Promise<void>,
): PartiesFollower {
  const { registry } = parties
  const evicting = new Map<string, Promise<void>>()
  let reconcile = (_devices?: readonly string[]) => {}
  const notEmptied = (device: string, error: Error) => log('cache not emptied', { device, problem: error.message })
  const dayWatch = createDayWatch({
    registry,
    nowMs: timing.nowMs,
    evictDevice,
    pause: () => new Promise<void>((resolve) => timing.after(pauseMs, resolve)),
    failed: (error) => notEmptied('those with another supplier today', error),
  })

  function evict(eui: string, why: string): void {
    const done: Promise<void> = evictDevice(eui, why)
      .catch((error) => notEmptied(eui, error))
      .finally(() => {
        if (evicting.get(eui) === done) evicting.delete(eui)
      })
    evicting.set(eui, done)
  }

  function take({ lost, devices }: PartiesChange): void {
    for (const { eui, why } of lost) evict(eui, why)
    reconcile(devices)
  }

  return {
    follow(check) {
      reconcile = check
      parties.onChange?.(take)
    },
    ready: (eui) => Promise.all([evicting.get(eui), dayWatch(eui)]),
    changed(before) {
      const lost = lostDevices(before, registry(), settlementDayOf(timing.nowMs()))
      take({ lost, devices: undefined })
    },
  }
}

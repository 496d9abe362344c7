// Changes from one registry to the next that require cached readings to be deleted.

import type { Registry } from './parties.ts'
import { dayBefore, settlementDayOf } from './settlement-day.ts'

/** A device whose cached readings must be deleted, and why. */
export interface LostDevice {
  eui: string
  why: string
}

/**
 * Devices that the later registry has removed or taken out of service, or whose supplier in it on the Settlement Day `day`
 * differs from the supplier in the earlier registry on `dayEarlier`.
 */
export function lostDevices(before: Registry, after: Registry, day: string, dayEarlier = day): LostDevice[] {
  return before.devices.flatMap((old) => {
    const device = after.device(old.eui)
    if (device === undefined) return { eui: old.eui, why: 'it is no longer in the registry' }
    const isOut = device.status === 'Decommissioned' || device.status === 'Withdrawn'
    if (isOut && device.status !== old.status) return { eui: old.eui, why: `it is ${device.status}` }
    const changed = suppliersOf(before, old, dayEarlier) !== suppliersOf(after, device, day)
    return changed ? { eui: old.eui, why: 'its supplier has changed' } : []
  })
}

/**
 * Returns a function to be awaited before the cache is used. When a new Settlement Day has begun since the last call, it
 * evicts the devices that have another supplier from that day on. The first call compares with the day before yesterday,
 * which is earlier than anything in the cache.
 */
export function createDayWatch(
  registry: () => Registry,
  nowMs: () => number,
  evictDevice: (eui: string, why: string) => Promise<void>,
): () => Promise<unknown> {
  let day = dayBefore(dayBefore(settlementDayOf(nowMs())))
  let evicted: Promise<unknown> = Promise.resolve()
  return () => {
    const today = settlementDayOf(nowMs())
    if (today === day) return evicted
    const since = day
    day = today
    const lost = lostDevices(registry(), registry(), today, since)
    evicted = Promise.all(lost.map(({ eui, why }) => evictDevice(eui, why))).catch((error) => {
      day = since
      throw error
    })
    return evicted
  }
}

function suppliersOf(
  registry: Registry,
  { importMpan, exportMpan }: { importMpan?: string; exportMpan?: string },
  day: string,
): string {
  const supplierOf = (mpan: string | undefined, role: 'IS' | 'ES') =>
    mpan === undefined
      ? ''
      : registry
          .registrations(mpan, role)
          .find(({ from, until }) => from <= day && (until === undefined || day <= until))?.mpid
  return `${supplierOf(importMpan, 'IS')} ${supplierOf(exportMpan, 'ES')}`
}

// What one registry says otherwise than the one before it, where something must be done about it.

import type { Registry } from './parties.ts'
import { dayBefore, settlementDayOf } from './settlement-day.ts'

/** A device whose stored readings are nobody's any more, and why. */
export interface LostDevice {
  eui: string
  why: string
}

/**
 * Devices that were taken out of service by the later registry, or whose supplier on the Settlement Day `day` is by that
 * another one than the earlier registry had on `dayEarlier`.
 */
export function lostDevices(before: Registry, after: Registry, day: string, dayEarlier = day): LostDevice[] {
  return before.devices.flatMap((old) => {
    const device = after.device(old.eui)
    if (device === undefined) return { eui: old.eui, why: 'it is in the registry no more' }
    const isOut = device.status === 'Decommissioned' || device.status === 'Withdrawn'
    if (isOut && device.status !== old.status) return { eui: old.eui, why: `it is ${device.status}` }
    const changed = suppliersOf(before, old, dayEarlier) !== suppliersOf(after, device, day)
    return changed ? { eui: old.eui, why: 'its supplier has changed' } : []
  })
}

/**
 * To be awaited before the cache is used: when a Settlement Day has begun since the last time, devices that have another
 * supplier from it on are forgotten first. The first time looks two days back, further than anything is kept.
 */
export function createDayWatch(
  registry: () => Registry,
  nowMs: () => number,
  forget: (eui: string, why: string) => Promise<void>,
): () => Promise<unknown> {
  let day = dayBefore(dayBefore(settlementDayOf(nowMs())))
  let forgotten: Promise<unknown> = Promise.resolve()
  return () => {
    const today = settlementDayOf(nowMs())
    if (today === day) return forgotten
    const since = day
    day = today
    const lost = lostDevices(registry(), registry(), today, since)
    forgotten = Promise.all(lost.map(({ eui, why }) => forget(eui, why))).catch((error) => {
      day = since
      throw error
    })
    return forgotten
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

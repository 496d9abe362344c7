// What one registry says otherwise than the one before it, where something must be done about it.

import type { Registry } from './parties.ts'

/** A device whose stored readings are nobody's any more, and why. */
export interface LostDevice {
  eui: string
  why: string
}

/** Devices that were taken out of service, or have another supplier on a Settlement Day, by the later registry. */
export function lostDevices(before: Registry, after: Registry, day: string): LostDevice[] {
  return before.devices.flatMap((old) => {
    const device = after.device(old.eui)
    if (device === undefined) return { eui: old.eui, why: 'it is in the registry no more' }
    const isOut = device.status === 'Decommissioned' || device.status === 'Withdrawn'
    if (isOut && device.status !== old.status) return { eui: old.eui, why: `it is ${device.status}` }
    const changed = suppliersOf(before, old, day) !== suppliersOf(after, device, day)
    return changed ? { eui: old.eui, why: 'its supplier has changed' } : []
  })
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

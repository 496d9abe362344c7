// What a change of the registry requires of the rest of the bridge: which cached readings must be deleted, and whose
// schedules are to be checked again.

import type { Device, Registry } from './parties.ts'
import type { RowPlan } from './registry-plan.ts'
import { holderOn, type MpanRow, type RegistryRows } from './registry-rows.ts'
import { dayAfter, dayBefore, settlementDayOf } from './settlement-day.ts'

/** A device whose cached readings must be deleted, and why. */
export interface LostDevice {
  eui: string
  why: string
}

export interface PartiesChange {
  lost: readonly LostDevice[]
  /** Devices whose row or registrations are others than before; undefined: all may be. */
  devices: readonly string[] | undefined
}

/** A device, and who supplies it on a Settlement Day. */
interface Supplied {
  device: Device | undefined
  suppliers: string
}

/** Why the cached readings of a device must be deleted: it is gone or out of service, or has another supplier. */
function lossOf(before: Supplied & { device: Device }, after: Supplied): string | undefined {
  if (after.device === undefined) return 'it is no longer in the registry'
  const { status } = after.device
  const isOut = status === 'Decommissioned' || status === 'Withdrawn'
  if (isOut && status !== before.device.status) return `it is ${status}`
  return before.suppliers === after.suppliers ? undefined : 'its supplier has changed'
}

/**
 * Devices that the later registry has removed or taken out of service, or whose supplier in it on the Settlement Day `day`
 * differs from the supplier in the earlier registry. It goes through all devices.
 */
export function lostDevices(before: Registry, after: Registry, day: string): LostDevice[] {
  const lost: LostDevice[] = []
  for (const device of before.devices) {
    const now = after.device(device.eui)
    const suppliers = now === undefined ? '' : suppliersIn(after, now, day)
    const why = lossOf({ device, suppliers: suppliersIn(before, device, day) }, { device: now, suppliers })
    if (why !== undefined) lost.push({ eui: device.eui, why })
  }
  return lost
}

/** What a plan requires, once it is written. Devices that it adds are not in it. */
export function changeByPlan(base: RegistryRows, { devices, mpans }: RowPlan, day: string): PartiesChange {
  const touched = new Set<string>()
  for (const [eui, { before }] of devices) if (before !== undefined) touched.add(eui)
  for (const { before, after } of mpans.values()) {
    for (const row of [before, after]) if (row !== undefined && !isNew(row.eui)) touched.add(row.eui)
  }
  function isNew(eui: string): boolean {
    const step = devices.get(eui)
    return step !== undefined && step.before === undefined
  }
  const lost: LostDevice[] = []
  for (const eui of touched) {
    const step = devices.get(eui)
    const device = step === undefined ? base.device(eui) : step.before
    if (device === undefined) continue
    const now = step === undefined ? device : step.after
    const suppliers = suppliersOf(device, day, (mpan) => (mpans.has(mpan) ? mpans.get(mpan)?.before : base.mpan(mpan)))
    const later = now && suppliersOf(now, day, (mpan) => (mpans.has(mpan) ? mpans.get(mpan)?.after : base.mpan(mpan)))
    const why = lossOf({ device, suppliers }, { device: now, suppliers: later ?? '' })
    if (why !== undefined) lost.push({ eui, why })
  }
  return { lost, devices: [...touched] }
}

function suppliersOf(
  { importMpan, exportMpan }: Pick<Device, 'importMpan' | 'exportMpan'>,
  day: string,
  rowOf: (mpan: string) => MpanRow | undefined,
): string {
  const holder = (mpan: string | undefined, role: 'IS' | 'ES') => mpan && holderOn(rowOf(mpan), role, day)
  return `${holder(importMpan, 'IS') ?? ''} ${holder(exportMpan, 'ES') ?? ''}`
}

function suppliersIn(registry: Registry, { importMpan, exportMpan }: Device, day: string): string {
  const holder = (mpan: string | undefined, role: 'IS' | 'ES') =>
    mpan &&
    registry.registrations(mpan, role).find(({ from, until }) => from <= day && (until === undefined || day <= until))
      ?.mpid
  return `${holder(importMpan, 'IS') ?? ''} ${holder(exportMpan, 'ES') ?? ''}`
}

export interface DayWatchParts {
  registry(): Registry
  nowMs(): number
  evictDevice(eui: string, why: string): Promise<void>
  /** Lets other work go on. */
  pause(): Promise<void>
  failed(error: Error): void
}

/** Devices that are looked at, and evicted together, before other work goes on: a few milliseconds. */
const atOnce = 50
const supplierChanged = 'its supplier has changed'

/**
 * Returns a function to be awaited before the cache is used for a device. When a new Settlement Day has begun since the last
 * call, it evicts the devices that have another supplier from that day on: the device that is asked for at once, all others
 * in the background. The first call goes back to the day before yesterday, which is earlier than anything in the cache.
 */
export function createDayWatch(parts: DayWatchParts): (eui: string) => Promise<void> {
  const { registry, nowMs, evictDevice, pause, failed } = parts
  let day = dayBefore(dayBefore(settlementDayOf(nowMs())))
  /** The last day before the changes that are being dealt with; undefined when all are. */
  let since: string | undefined
  const evicted = new Map<string, Promise<void>>()

  function hasChanged(eui: string, from: string): boolean {
    const device = registry().device(eui)
    return device !== undefined && suppliersIn(registry(), device, from) !== suppliersIn(registry(), device, day)
  }

  function someOf(one: string, after?: string): string[] {
    const mpans: string[] = []
    for (const mpan of registry().supplyChanges(one, after)) if (mpans.push(mpan) === atOnce) break
    return mpans
  }

  function evict(eui: string): Promise<void> {
    const done = evicted.get(eui) ?? evictDevice(eui, supplierChanged)
    evicted.set(eui, done)
    return done
  }

  async function pass(from: string): Promise<void> {
    const until = day
    for (let one = dayAfter(from); one <= until; one = dayAfter(one)) {
      for (let mpans = someOf(one); mpans.length > 0; mpans = someOf(one, mpans.at(-1))) {
        const euis = mpans.flatMap((mpan) => registry().deviceByMpan(mpan)?.eui ?? [])
        await Promise.all(euis.filter((eui) => hasChanged(eui, from)).map(evict))
        await pause()
      }
    }
    if (until !== day || since !== from) return
    since = undefined
    evicted.clear()
  }

  return async (eui) => {
    const today = settlementDayOf(nowMs())
    if (today !== day) {
      // The clock may have gone back: then nothing has changed that the cache could still hold.
      since ??= day
      evicted.clear()
      day = today
      const from = since
      pass(from).catch((error: Error) => {
        evicted.clear()
        day = from
        failed(error)
      })
    }
    if (since !== undefined && hasChanged(eui, since)) await evict(eui)
  }
}

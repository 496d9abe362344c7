// Where the rows of a registry are kept: in memory, or in the store (registry-store.ts). What a registry answers is the same.

import type { Role } from '../catalogue/role.ts'
import { createRecent, type Recent } from '../store/recent.ts'
import type { DeviceDetails } from './device-details.ts'
import type { Device, Registration, RegistrationRecord, RegistrationRole, Registry, User } from './parties.ts'
import { dayAfter, dayBefore } from './settlement-day.ts'

export type MpanKind = 'import' | 'export'

/** An MPAN: its device, and its registrations by role and EFD. */
export interface MpanRow {
  eui: string
  kind: MpanKind
  registrations: Omit<Registration, 'mpan'>[]
}

/** The rows of a registry without its Users. */
export interface RegistryRows {
  device(eui: string): Device | undefined
  mpan(mpan: string): MpanRow | undefined
  /** EUI-64s of the devices of a premises (`premisesOf`). */
  at(premises: string): string[]
  devices(): Iterable<Device>
  deviceCount(): number
  /** MPANs whose supplier may change on a Settlement Day, in their order; those after `after`. */
  supplyChanges(day: string, after?: string): Iterable<string>
}

/** The keys of the premises that a device is in, or that is asked for: by UPRN, and by address and postcode. */
export function premisesOf({ uprn, postcode, addressId }: DeviceDetails): string[] {
  const byUprn = uprn === undefined ? [] : [`uprn/${uprn}/`]
  return postcode === undefined || addressId === undefined ? byUprn : [...byUprn, `address/${postcode}/${addressId}/`]
}

/** The MPANs of a device, with their kind. */
export function mpansOf({ importMpan, exportMpan }: Pick<Device, 'importMpan' | 'exportMpan'>): [string, MpanKind][] {
  const mpans: [string, MpanKind][] = []
  if (importMpan !== undefined) mpans.push([importMpan, 'import'])
  if (exportMpan !== undefined) mpans.push([exportMpan, 'export'])
  return mpans
}

/** The Settlement Days on which the supplier in these rows begins, or is none any more. */
export function supplyDays(rows: readonly Pick<Registration, 'role' | 'from' | 'to'>[]): string[] {
  const days = new Set<string>()
  for (const { role, from, to } of rows) {
    if (role !== 'IS' && role !== 'ES') continue
    days.add(from)
    if (to !== undefined) days.add(dayAfter(to))
  }
  return [...days]
}

/** Rows of each kind that `recentRows` keeps: about 1 MB. */
const recentMax = 4_000

const noRecords: readonly RegistrationRecord[] = []

/** The records of one role, which are in the order of their EFDs: each ends the one before. */
export function recordsOf(mpan: string, row: MpanRow | undefined, role: Role): readonly RegistrationRecord[] {
  const rows = row?.registrations.filter((one) => one.role === role) ?? []
  if (rows.length === 0) return noRecords
  return rows.map((one, index): RegistrationRecord => {
    const next = rows[index + 1]
    const until = one.to ?? (next === undefined ? undefined : dayBefore(next.from))
    return { mpan, ...one, ...(until !== undefined && { until }) }
  })
}

/** The MPID that holds a role of an MPAN on a Settlement Day. */
export function holderOn(row: MpanRow | undefined, role: RegistrationRole, day: string): string | undefined {
  let holder: string | undefined
  for (const one of row?.registrations ?? []) {
    // A later row of the role begins by then: it ends this one.
    if (one.role === role && one.from <= day) holder = one.to === undefined || day <= one.to ? one.mpid : undefined
  }
  return holder
}

export function createRegistry(users: readonly User[], rows: RegistryRows): Registry {
  const byEui = new Map(users.map((user) => [user.eui, user]))
  const deviceOf = (eui: string | undefined) => (eui === undefined ? undefined : rows.device(eui))
  return {
    users,
    devices: { [Symbol.iterator]: () => rows.devices()[Symbol.iterator]() },
    deviceCount: rows.deviceCount,
    user: (eui) => byEui.get(eui),
    device: rows.device,
    deviceByMpan: (mpan) => deviceOf(rows.mpan(mpan)?.eui),
    devicesAt(place) {
      const euis = new Set(premisesOf(place).flatMap((key) => rows.at(key)))
      return [...euis].flatMap((eui) => rows.device(eui) ?? [])
    },
    registrations: (mpan, role) => recordsOf(mpan, rows.mpan(mpan), role),
    supplyChanges: rows.supplyChanges,
  }
}

/** The first device of a registry: the one that commands mean unless another is named. */
export function firstDevice({ devices }: Pick<Registry, 'devices'>): Device | undefined {
  for (const device of devices) return device
  return undefined
}

export function createMemoryRows(
  devices: ReadonlyMap<string, Device>,
  mpans: ReadonlyMap<string, MpanRow>,
): RegistryRows {
  let premises: Map<string, string[]> | undefined
  let days: Map<string, string[]> | undefined

  function grouped(entries: Iterable<[key: string, value: string]>): Map<string, string[]> {
    const groups = new Map<string, string[]>()
    for (const [key, value] of entries) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [value])
      else group.push(value)
    }
    return groups
  }

  function* premisesOfAll(): Iterable<[string, string]> {
    for (const device of devices.values()) for (const key of premisesOf(device)) yield [key, device.eui]
  }

  function* daysOfAll(): Iterable<[string, string]> {
    for (const [mpan, { registrations }] of mpans) for (const day of supplyDays(registrations)) yield [day, mpan]
  }

  return {
    device: (eui) => devices.get(eui),
    mpan: (mpan) => mpans.get(mpan),
    at(key) {
      premises ??= grouped(premisesOfAll())
      return premises.get(key) ?? []
    },
    devices: () => devices.values(),
    deviceCount: () => devices.size,
    supplyChanges(day, after = '') {
      days ??= grouped(daysOfAll())
      return (days.get(day) ?? []).filter((mpan) => mpan > after).sort()
    },
  }
}

/** Rows that are asked for again are answered from memory, until they are forgotten. */
export function recentRows(rows: RegistryRows): RegistryRows & { forget(): void } {
  const none = () => ({ devices: createRecent<Device>(recentMax), mpans: createRecent<MpanRow>(recentMax) })
  let recent = none()

  function answer<Row>(kept: Recent<Row>, key: string, read: (key: string) => Row | undefined): Row | undefined {
    const known = kept.get(key)
    if (known !== undefined) return known
    const row = read(key)
    if (row !== undefined) kept.set(key, row)
    return row
  }

  return {
    ...rows,
    device: (eui) => answer(recent.devices, eui, rows.device),
    mpan: (mpan) => answer(recent.mpans, mpan, rows.mpan),
    forget() {
      recent = none()
    },
  }
}

export const noRows = createMemoryRows(new Map(), new Map())

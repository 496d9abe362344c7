// Changes of a registry's rows: what they make of the registry, and what is wrong with them. Nothing is written here.
//
// Only what a change touches is looked at, so that a change of one row costs the same in a registry of any size.

import { isDeepStrictEqual } from 'node:util'
import { devicesPerPremisesMax } from './device-details.ts'
import type { Note } from './fields.ts'
import type { Device, Registration } from './parties.ts'
import { type MpanKind, type MpanRow, mpansOf, premisesOf, type RegistryRows } from './registry-rows.ts'
import { dayBefore } from './settlement-day.ts'

/** Takes away the record of a role that begins on this day. */
export type RemovedRegistration = Pick<Registration, 'mpan' | 'role' | 'from'> & { removed: true }

export interface RowChange {
  /** New rows by EUI-64; undefined: removed. */
  devices: Map<string, Device | undefined>
  /** By MPAN. A row replaces the one of its role that begins on the same day. */
  registrations: Map<string, (Registration | RemovedRegistration)[]>
}

/** How problems name a row: `devices[3]`, or `devices.csv:4`. */
export interface Places {
  device(row: Device): string
  registration(row: Registration): string
  /** Of a User with this EUI-64. */
  user(eui: string): string | undefined
}

interface Step<Row> {
  before: Row | undefined
  after: Row | undefined
}

/** What changes, by EUI-64 and by MPAN. */
export interface RowPlan {
  devices: Map<string, Step<Device>>
  mpans: Map<string, Step<MpanRow>>
}

export function noChange(): RowChange {
  return { devices: new Map(), registrations: new Map() }
}

export function addRegistration(change: RowChange, row: Registration | RemovedRegistration): void {
  const rows = change.registrations.get(row.mpan)
  if (rows === undefined) change.registrations.set(row.mpan, [row])
  else rows.push(row)
}

interface Planning {
  base: RegistryRows
  change: RowChange
  places: Places
  note: Note
  plan: RowPlan
}

/** Works out a change of `base`. What is wrong is noted; the plan is to be thrown away then. */
export function planChange(base: RegistryRows, change: RowChange, places: Places, note: Note): RowPlan {
  const plan: RowPlan = { devices: new Map(), mpans: new Map() }
  const planning: Planning = { base, change, places, note, plan }
  for (const [eui, after] of change.devices) {
    const before = base.device(eui)
    if (!isDeepStrictEqual(before, after)) plan.devices.set(eui, { before, after })
  }
  const claims = claimMpans(planning)
  checkPremises(planning)
  const affected = new Set([...claims.keys(), ...change.registrations.keys()])
  for (const { before } of plan.devices.values()) {
    if (before !== undefined) for (const [mpan] of mpansOf(before)) affected.add(mpan)
  }
  for (const mpan of affected) planMpan(mpan, claims.get(mpan), planning)
  return plan
}

type Claim = { eui: string; kind: MpanKind }

/** The MPANs of changed devices. No two devices have the same, and no device the EUI-64 of a User. */
function claimMpans({ base, places, note, plan }: Planning): Map<string, Claim> {
  const claims = new Map<string, Claim>()
  for (const [eui, { after }] of plan.devices) {
    if (after === undefined) continue
    const user = places.user(eui)
    if (user !== undefined) note(`${places.device(after)}.eui`, `${eui} is already that of ${user}; give each its own`)
    for (const [mpan, kind] of mpansOf(after)) {
      if (mpan === '') continue
      const other = claims.get(mpan) ?? staying(base.mpan(mpan), plan, eui)
      if (other !== undefined) {
        const holder = plan.devices.get(other.eui)?.after
        const place = holder === undefined ? `device ${other.eui}` : `${places.device(holder)}.${other.kind}Mpan`
        note(`${places.device(after)}.${kind}Mpan`, `${mpan} is already that of ${place}; give each its own`)
      } else claims.set(mpan, { eui, kind })
    }
  }
  return claims
}

/** The device that has an MPAN, unless the change takes it away. */
function staying(row: MpanRow | undefined, plan: RowPlan, asking: string): Claim | undefined {
  return row === undefined || row.eui === asking || plan.devices.has(row.eui) ? undefined : row
}

/** Reports premises with more devices than an inventory can list. */
function checkPremises({ base, places, note, plan }: Planning): void {
  const counts = new Map<string, number>()
  for (const { after } of plan.devices.values()) {
    if (after === undefined) continue
    for (const key of premisesOf(after)) {
      const others = counts.get(key) ?? base.at(key).filter((eui) => !plan.devices.has(eui)).length
      counts.set(key, others + 1)
      if (others !== devicesPerPremisesMax) continue
      const [field, name] = key.startsWith('uprn/')
        ? ['uprn', after.uprn]
        : ['addressId', `${after.addressId}, ${after.postcode}`]
      const problem = `${name} has more than ${devicesPerPremisesMax} devices; no inventory lists more`
      note(`${places.device(after)}.${field}`, problem)
    }
  }
}

function planMpan(mpan: string, claim: Claim | undefined, planning: Planning): void {
  const { base, change, places, note, plan } = planning
  const before = base.mpan(mpan)
  const owner = claim ?? (before === undefined ? undefined : staying(before, plan, ''))
  const changes = change.registrations.get(mpan) ?? []
  if (owner === undefined) {
    for (const row of changes) {
      if ('removed' in row) continue
      note(`${places.registration(row)}.mpan`, `no device has MPAN ${mpan}; add it or drop the row`)
    }
    if (before !== undefined) plan.mpans.set(mpan, { before, after: undefined })
    return
  }
  const { eui, kind } = owner
  const rows = mergeRows(mpan, before, planning)
  for (const row of rows) {
    const wanted = row.role === 'IS' ? 'import' : row.role === 'ES' ? 'export' : kind
    if (wanted !== kind)
      note(`${placeOf(row, places)}.role`, `${row.role} needs an ${wanted} MPAN, this is an ${kind} one`)
  }
  const registrations = rows.map(({ role, mpid, from, to }) => ({ role, mpid, from, ...(to !== undefined && { to }) }))
  const after = { eui, kind, registrations }
  if (!isDeepStrictEqual(before, after)) plan.mpans.set(mpan, { before, after })
}

/** A row of the registry as it was has no place in the files of the change. */
type MergedRow = Registration & { kept?: true }

function placeOf(row: MergedRow, places: Places): string {
  return row.kept ? `the registry's row ${row.mpan} ${row.role} ${row.from}` : places.registration(row)
}

/** The rows of an MPAN after the change, by role and EFD; rows that overlap are reported. */
function mergeRows(mpan: string, before: MpanRow | undefined, { change, places, note }: Planning): MergedRow[] {
  const changes = change.registrations.get(mpan) ?? []
  const keyOf = ({ role, from }: Pick<Registration, 'role' | 'from'>) => `${role} ${from}`
  const given = new Map<string, Registration | undefined>()
  for (const row of changes) {
    const other = given.get(keyOf(row))
    if ('removed' in row) {
      if (other === undefined) given.set(keyOf(row), undefined)
    } else if (other === undefined) given.set(keyOf(row), row)
    else {
      const first = places.registration(other)
      note(`${places.registration(row)}.from`, `${first} begins for ${mpan} ${row.role} on that day too; keep one`)
    }
  }
  const kept = (before?.registrations ?? []).filter((row) => !given.has(keyOf(row)))
  const rows: MergedRow[] = [
    ...kept.map((row) => ({ mpan, ...row, kept: true as const })),
    ...[...given.values()].filter((row) => row !== undefined && row.from !== ''),
  ] as MergedRow[]
  rows.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  rows.forEach((row, index) => {
    const next = rows[index + 1]
    if (next === undefined || next.role !== row.role || row.to === undefined || row.to < next.from) return
    const end = dayBefore(next.from)
    const problem = `overlaps ${placeOf(next, places)} for ${mpan} ${row.role}; end it on ${end} or before`
    note(`${placeOf(row, places)}.to`, problem)
  })
  return rows
}

/** The rows as they are after a plan. */
export function afterPlan(base: RegistryRows, { devices, mpans }: RowPlan): RegistryRows {
  function* allDevices(): Iterable<Device> {
    for (const device of base.devices()) {
      const step = devices.get(device.eui)
      if (step === undefined) yield device
      else if (step.after !== undefined) yield step.after
    }
    for (const { before, after } of devices.values()) if (before === undefined && after !== undefined) yield after
  }
  return {
    ...base,
    device: (eui) => (devices.has(eui) ? devices.get(eui)?.after : base.device(eui)),
    mpan: (mpan) => (mpans.has(mpan) ? mpans.get(mpan)?.after : base.mpan(mpan)),
    at(key) {
      const others = base.at(key).filter((eui) => !devices.has(eui))
      const changed = [...devices].filter(([, { after }]) => after !== undefined && premisesOf(after).includes(key))
      return [...others, ...changed.map(([eui]) => eui)]
    },
    devices: allDevices,
    deviceCount() {
      let count = base.deviceCount()
      for (const { before, after } of devices.values()) {
        count += (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1)
      }
      return count
    },
  }
}

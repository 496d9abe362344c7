// The registry: Users, devices and registrations. It is checked completely when it is read.

import { type Role, roles } from '../catalogue/role.ts'
import { readCallback } from './callback.ts'
import { checkPremises, type DeviceDetails, deviceDetailNames, readDeviceDetails } from './device-details.ts'
import {
  type Note,
  readDate,
  readEui,
  readFields,
  readList,
  readMpan,
  readMpid,
  readOneOf,
  readText,
} from './fields.ts'
import { conventionNames, conventions, type MeterConventions } from './meter-conventions.ts'
import { dayBefore } from './settlement-day.ts'
import { readUserDetails, type UserDetails, userDetailNames } from './user-details.ts'

/** Device status in the Smart Metering Inventory (DUIS XSD, DeviceStatus). */
export const deviceStatuses = [
  'Pending',
  'Whitelisted',
  'InstalledNotCommissioned',
  'Commissioned',
  'Decommissioned',
  'Withdrawn',
  'Suspended',
  'Recovery',
  'Recovered',
] as const
export type DeviceStatus = (typeof deviceStatuses)[number]

/** Roles that registration data can name for an electricity MPAN. An Other User has no record (assumption). */
export const registrationRoles = ['IS', 'ES', 'RSA', 'ED', 'MDR'] as const
export type RegistrationRole = (typeof registrationRoles)[number]

/** A DCC User. EUI-64 in upper case; MPID: 4 characters, upper case, absent for a User that is an Other User only. */
export type User = UserDetails & {
  eui: string
  name: string
  mpid?: string
  roles: readonly Role[]
  status: 'active' | 'suspended'
  /**
   * URL to which responses are sent: https, or http to this machine. The responses of a User without one wait in its
   * mailbox (delivery/mailbox.ts).
   */
  callback?: string
}

/** A device. `line` names the line (the WAN) on which it is reached; the configuration says which lines exist. */
export type Device = DeviceDetails & {
  eui: string
  importMpan?: string
  exportMpan?: string
  status: DeviceStatus
  line: string
} & Partial<MeterConventions>

/**
 * One row of Industry Registration Data. `from` is the EFD, the first Settlement Day; `to` the ETD, the last one. That
 * the ETD itself is included is an assumption. Without an ETD the row is valid until the day before the next row's EFD, so
 * that the registration of an incoming party always ends that of the outgoing one (SECMP0162 preliminary impact assessment, requirement 1).
 */
export type Registration = { mpan: string; role: RegistrationRole; mpid: string; from: string; to?: string }

/** A registration and its last Settlement Day: its ETD, or the day before its successor's EFD; absent: open-ended. */
export type RegistrationRecord = Registration & { until?: string }

/** All parties and devices. EUI-64s are looked up in upper case, as `parseEui` returns them. */
export type Registry = {
  users: readonly User[]
  devices: readonly Device[]
  user(eui: string): User | undefined
  device(eui: string): Device | undefined
  /** The device with an MPAN, import or export. */
  deviceByMpan(mpan: string): Device | undefined
  /** Records of one MPAN and role, by EFD, never overlapping. */
  registrations(mpan: string, role: Role): readonly RegistrationRecord[]
}

/** Limits of a registry. */
export const registryLimits = { users: 1_000, devices: 100_000, registrations: 1_000_000, problems: 100 }

const noRecords: readonly RegistrationRecord[] = []

/**
 * Reads a registry from a JSON value `{ users: [], devices: [], registrations: [] }`. When anything is wrong, every problem
 * is returned with its place (`users[2].eui`, counted from 0) and what to do; after `registryLimits.problems` of them the
 * rest are only counted.
 */
export function checkRegistry(data: unknown): { ok: true; registry: Registry } | { ok: false; problems: string[] } {
  const problems: string[] = []
  let left = 0
  const note: Note = (place, problem) => {
    if (problems.length < registryLimits.problems) problems.push(`${place}: ${problem}`)
    else left += 1
  }
  const fields = readFields(data, 'registry', ['users', 'devices', 'registrations'], note)
  const users = readList(fields.users, 'users', registryLimits.users, readUser, note)
  const devices = readList(fields.devices, 'devices', registryLimits.devices, readDevice, note)
  const rows = readList(fields.registrations, 'registrations', registryLimits.registrations, readRegistration, note)
  const usersByEui = new Map<string, User>()
  const devicesByEui = new Map<string, Device>()
  const devicesByMpan = new Map<string, { device: Device; kind: 'import' | 'export' }>()
  const places = new Map<string, string>()
  const unique = (key: string | undefined, place: string) => {
    if (key === undefined || key === '') return
    const other = places.get(key)
    if (other === undefined) places.set(key, place)
    else note(place, `${key} is already that of ${other}; give each its own`)
  }
  users.forEach((user, index) => {
    unique(user.eui, `users[${index}].eui`)
    usersByEui.set(user.eui, user)
  })
  devices.forEach((device, index) => {
    unique(device.eui, `devices[${index}].eui`)
    unique(device.importMpan, `devices[${index}].importMpan`)
    unique(device.exportMpan, `devices[${index}].exportMpan`)
    devicesByEui.set(device.eui, device)
    if (device.importMpan !== undefined) devicesByMpan.set(device.importMpan, { device, kind: 'import' })
    if (device.exportMpan !== undefined) devicesByMpan.set(device.exportMpan, { device, kind: 'export' })
  })
  checkPremises(devices, note)
  rows.forEach((row, index) => {
    if (row.mpan === '') return
    const kind = devicesByMpan.get(row.mpan)?.kind
    const wanted = row.role === 'IS' ? 'import' : row.role === 'ES' ? 'export' : kind
    if (kind === undefined)
      note(`registrations[${index}].mpan`, `no device has MPAN ${row.mpan}; add it or drop the row`)
    else if (kind !== wanted)
      note(`registrations[${index}].role`, `${row.role} needs an ${wanted} MPAN, this is an ${kind} one`)
  })
  const records = recordsOf(rows, note)
  if (left > 0) problems.push(`and ${left} more`)
  if (problems.length > 0) return { ok: false, problems }
  const registry: Registry = {
    users,
    devices,
    user: (eui) => usersByEui.get(eui),
    device: (eui) => devicesByEui.get(eui),
    deviceByMpan: (mpan) => devicesByMpan.get(mpan)?.device,
    registrations: (mpan, role) => records.get(`${mpan} ${role}`) ?? noRecords,
  }
  return { ok: true, registry }
}

/** Rows by MPAN and role, in the order of their EFDs, each with its last day. */
function recordsOf(rows: readonly Registration[], note: Note): Map<string, RegistrationRecord[]> {
  const groups = new Map<string, { row: Registration; place: string }[]>()
  rows.forEach((row, index) => {
    if (row.mpan === '' || row.from === '') return
    const key = `${row.mpan} ${row.role}`
    const group = groups.get(key) ?? []
    group.push({ row, place: `registrations[${index}]` })
    groups.set(key, group)
  })
  const records = new Map<string, RegistrationRecord[]>()
  for (const [key, group] of groups) {
    group.sort((a, b) => (a.row.from < b.row.from ? -1 : a.row.from > b.row.from ? 1 : 0))
    const list = group.map(({ row, place }, index): RegistrationRecord => {
      const next = group[index + 1]
      if (next === undefined) return row.to === undefined ? row : { ...row, until: row.to }
      if (next.row.from === row.from) note(`${next.place}.from`, `${place} begins for ${key} on that day too; keep one`)
      else if (row.to !== undefined && row.to >= next.row.from) {
        note(`${place}.to`, `overlaps ${next.place} for ${key}; end it on ${dayBefore(next.row.from)} or before`)
      }
      return { ...row, until: row.to ?? dayBefore(next.row.from) }
    })
    records.set(key, list)
  }
  return records
}

// The readers below report what is wrong and then return some value of the right type. That value is never used, because
// one problem is enough to refuse the whole registry.

function readUser(value: unknown, place: string, note: Note): User {
  const names = ['eui', 'name', 'mpid', 'roles', 'status', 'callback', ...userDetailNames]
  const fields = readFields(value, place, names, note)
  const list = Array.isArray(fields.roles) ? [...new Set(fields.roles)] : []
  const known = list.filter((role): role is Role => (roles as readonly unknown[]).includes(role))
  if (list.length === 0 || known.length < list.length) note(`${place}.roles`, `list one or more of ${roles.join(' ')}`)
  const eui = readEui(fields.eui, `${place}.eui`, note)
  const user: User = {
    ...readUserDetails(fields, eui, known, place, note),
    eui,
    name: readText(fields.name, `${place}.name`, 'a name', 100, note),
    roles: known,
    status: readOneOf(fields.status, `${place}.status`, ['active', 'suspended'] as const, note),
  }
  if (fields.callback !== undefined) {
    user.callback = readCallback(fields.callback, `${place}.callback`, note, user.allowHttpCallback)
  }
  const mpidNeeded = known.some((role) => role !== 'OU')
  return fields.mpid === undefined && !mpidNeeded
    ? user
    : { ...user, mpid: readMpid(fields.mpid, `${place}.mpid`, note) }
}

function readDevice(value: unknown, place: string, note: Note): Device {
  const names = ['eui', 'importMpan', 'exportMpan', 'status', 'line', ...conventionNames, ...deviceDetailNames]
  const fields = readFields(value, place, names, note)
  const device: Device = {
    ...readDeviceDetails(fields, place, note),
    eui: readEui(fields.eui, `${place}.eui`, note),
    status: readOneOf(fields.status, `${place}.status`, deviceStatuses, note),
    line: readText(fields.line, `${place}.line`, 'the line it is reached on', 200, note),
  }
  if (fields.importMpan !== undefined) device.importMpan = readMpan(fields.importMpan, `${place}.importMpan`, note)
  if (fields.exportMpan !== undefined) device.exportMpan = readMpan(fields.exportMpan, `${place}.exportMpan`, note)
  for (const name of conventionNames) {
    if (fields[name] === undefined) continue
    Object.assign(device, { [name]: readOneOf(fields[name], `${place}.${name}`, conventions[name], note) })
  }
  return device
}

function readRegistration(value: unknown, place: string, note: Note): Registration {
  const fields = readFields(value, place, ['mpan', 'role', 'mpid', 'from', 'to'], note)
  const row: Registration = {
    mpan: readMpan(fields.mpan, `${place}.mpan`, note),
    role: readOneOf(fields.role, `${place}.role`, registrationRoles, note),
    mpid: readMpid(fields.mpid, `${place}.mpid`, note),
    from: readDate(fields.from, `${place}.from`, note),
  }
  if (fields.to === undefined) return row
  const to = readDate(fields.to, `${place}.to`, note)
  if (to !== '' && to < row.from) note(`${place}.to`, `${to} is before the record begins, ${row.from}`)
  return { ...row, to }
}

// Reads `registry.json`: every row is checked, and what the rows say of each other.

import { type Role, roles } from '../catalogue/role.ts'
import { readCallback } from './callback.ts'
import { deviceDetailNames, readDeviceDetails } from './device-details.ts'
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
import { conventionNames, conventions } from './meter-conventions.ts'
import {
  type Device,
  deviceStatuses,
  type Registration,
  type Registry,
  registrationRoles,
  registryLimits,
  type User,
} from './parties.ts'
import { addRegistration, noChange, type Places, planChange, type RowChange } from './registry-plan.ts'
import { createMemoryRows, createRegistry, type MpanRow, noRows } from './registry-rows.ts'
import { readUserDetails, userDetailNames } from './user-details.ts'

/** Collects problems; after `registryLimits.problems` of them the rest are only counted. */
export function createProblems(): { note: Note; list(): string[] } {
  const problems: string[] = []
  let left = 0
  return {
    note(place, problem) {
      if (problems.length < registryLimits.problems) problems.push(`${place}: ${problem}`)
      else left += 1
    },
    list: () => (left > 0 ? [...problems, `and ${left} more`] : problems),
  }
}

/** The rows of `registry.json` as far as each is right by itself. */
export interface FileRows {
  users: User[]
  devices: Device[]
  registrations: Registration[]
}

/** Reads the rows of a JSON value `{ users: [], devices: [], registrations: [] }`. */
export function readFileRows(data: unknown, note: Note): FileRows {
  const fields = readFields(data, 'registry', ['users', 'devices', 'registrations'], note)
  return {
    users: readList(fields.users, 'users', registryLimits.users, readUser, note),
    devices: readList(fields.devices, 'devices', registryLimits.devices, readDevice, note),
    registrations: readList(
      fields.registrations,
      'registrations',
      registryLimits.registrations,
      readRegistration,
      note,
    ),
  }
}

/** The change that makes these rows of a file count. Rows with the same key are reported. */
export function changeOf(
  { users, devices, registrations }: FileRows,
  note: Note,
): { change: RowChange; places: Places } {
  const change = noChange()
  const seen = new Map<string, string>()
  const unique = (eui: string, place: string) => {
    const other = seen.get(eui)
    if (eui === '') return
    if (other === undefined) seen.set(eui, place)
    else note(place, `${eui} is already that of ${other}; give each its own`)
  }
  users.forEach((user, index) => {
    unique(user.eui, `users[${index}].eui`)
  })
  const euisOfUsers = new Map(seen)
  devices.forEach((device, index) => {
    if (!euisOfUsers.has(device.eui)) unique(device.eui, `devices[${index}].eui`)
    change.devices.set(device.eui, device)
  })
  for (const row of registrations) if (row.mpan !== '') addRegistration(change, row)
  const places: Places = {
    device: (row) => `devices[${devices.indexOf(row)}]`,
    registration: (row) => `registrations[${registrations.indexOf(row)}]`,
    user: (eui) => euisOfUsers.get(eui),
  }
  return { change, places }
}

/**
 * Reads a registry from a JSON value. When anything is wrong, every problem is returned with its place (`users[2].eui`,
 * counted from 0) and what to do.
 */
export function checkRegistry(data: unknown): { ok: true; registry: Registry } | { ok: false; problems: string[] } {
  const { note, list } = createProblems()
  const rows = readFileRows(data, note)
  const { change, places } = changeOf(rows, note)
  const plan = planChange(noRows, change, places, note)
  if (list().length > 0) return { ok: false, problems: list() }
  const devices = new Map(rows.devices.map((device) => [device.eui, device]))
  const mpans = new Map<string, MpanRow>()
  for (const [mpan, { after }] of plan.mpans) if (after !== undefined) mpans.set(mpan, after)
  return { ok: true, registry: createRegistry(rows.users, createMemoryRows(devices, mpans)) }
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

export function readDevice(value: unknown, place: string, note: Note): Device {
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

export function readRegistration(value: unknown, place: string, note: Note): Registration {
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

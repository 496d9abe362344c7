// The registry: Users, devices and registrations.

import type { Role } from '../catalogue/role.ts'
import type { DeviceDetails } from './device-details.ts'
import type { MeterConventions } from './meter-conventions.ts'
import type { UserDetails } from './user-details.ts'

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
  /** Every device: a million may come. */
  devices: Iterable<Device>
  deviceCount(): number
  user(eui: string): User | undefined
  device(eui: string): Device | undefined
  /** The device with an MPAN, import or export. */
  deviceByMpan(mpan: string): Device | undefined
  /** The devices with this UPRN, or at this address. */
  devicesAt(place: Pick<DeviceDetails, 'uprn' | 'postcode' | 'addressId'>): Device[]
  /** Records of one MPAN and role, by EFD, never overlapping. */
  registrations(mpan: string, role: Role): readonly RegistrationRecord[]
  /** MPANs whose supplier may change on a Settlement Day, in their order; those after `after`. */
  supplyChanges(day: string, after?: string): Iterable<string>
}

/** Limits of `registry.json`, which is for editing by hand. What is imported has no limit but the disk's. */
export const registryLimits = { users: 1_000, devices: 100_000, registrations: 1_000_000, problems: 100 }

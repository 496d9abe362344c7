// Access control of requests to a device: whether this User may send this request, to this device, for these days.
//
// The rules are applied in the order of `decide`, and the first that refuses decides. An unknown User is refused before
// the device is looked up; a User without a registration learns nothing about the device's status. Registration is
// checked for the Settlement Days that the request targets, not for the day on which it is sent (SECMP0162 preliminary
// impact assessment, requirement 3), and the cache is read only afterwards.

import { type Fault, type FaultCodes, faultCodes } from '../catalogue/response-code.ts'
import type { Role } from '../catalogue/role.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { Period, RequestId } from '../duis/request.ts'
import { deviceDefaults } from './device-details.ts'
import type { Device, DeviceStatus, RegistrationRecord, Registry, User } from './parties.ts'
import { dayAfter } from './settlement-day.ts'
import { type Target, type TargetPolicy, targetsOf } from './targets.ts'

/**
 * By which MPAN an MDR may read export: the export MPAN's own appointment; or that of the import MPAN of the same meter, where
 * there is one. As MHHS was built, an export MPAN linked to an import MPAN has no appointment of its own (REG1038); that
 * rights follow the import MPAN is inferred.
 */
export const exportRights = ['own', 'import'] as const
export type ExportRights = (typeof exportRights)[number]

export type AccessPolicy = TargetPolicy & {
  exportRights: ExportRights
  /**
   * Roles that need a registration record for the MPAN on every Settlement Day. Assumption: an Other User needs none;
   * its right is the consumer's consent, which no registration data holds.
   */
  registered: readonly Role[]
  /** Device statuses in which a device may be read. Assumption: only a commissioned one. */
  deviceStatuses: readonly DeviceStatus[]
  codes: FaultCodes
}

export const defaultAccessPolicy: AccessPolicy = {
  registered: ['IS', 'ES', 'GS', 'RSA', 'ED', 'GT', 'MDR'],
  deviceStatuses: ['Commissioned'],
  windowEnds: 'closed',
  changeOfAgentRead: 'both',
  exportRights: 'own',
  codes: faultCodes,
}

/** What access control needs of a request. */
export type AccessRequest = { requestId: RequestId; period?: Period }

export type RuleName =
  | 'known user'
  | 'active user'
  | 'role for request'
  | 'known device'
  | 'registration'
  | 'device status'

export type Allowed = {
  allowed: true
  user: User
  device: Device
  /** The one role by which it is allowed. */
  role: Role
  /** Registrations that cover the days, by date; none for a role that needs none. */
  records: readonly RegistrationRecord[]
  because: string
} & Target

export type Refused = {
  allowed: false
  fault: Fault
  /** Response code, by default E1 to E5 or E19. */
  code: string
  rule: RuleName
  /** The registration that stands in the way: another party's. Absent when there is none for that day. */
  record?: RegistrationRecord
  /** The first Settlement Day for which the User may not ask. */
  day?: string
  /** For the operator's log. It may name another party: not for the User's eyes. */
  text: string
  /** For the refused User: nothing of another party, neither its MPID, nor the dates of its registration, nor an MPAN. */
  forUser: string
}

export type Decision = Allowed | Refused

type Question = { request: AccessRequest; nowMs: number; row: SrvRow; registry: Registry; policy: AccessPolicy }
/** A User that may send the request, and the roles by which it may: at least one. */
type Sender = { user: User; roles: readonly [Role, ...Role[]] }
type Registered = Pick<Allowed, 'role' | 'records' | 'because'> & Target
/** Without `forUser`, the User may read `text`. */
type Refusal = Omit<Refused, 'allowed' | 'code' | 'forUser'> & { forUser?: string }
type Unregistered = Refusal & { day: string }

/**
 * Decides on a request to a device, for the Settlement Days that it targets (`targetsOf`). A User with several roles is
 * allowed when any one of them covers every day; when none does, the one that covers most is explained.
 * Throws RangeError for a row without a device (5.x, 8.2): the DCC answers those.
 */
export function decide(
  request: AccessRequest,
  nowMs: number,
  registry: Registry,
  row: SrvRow,
  policy: AccessPolicy = defaultAccessPolicy,
): Decision {
  if (row.endpoint !== 'serviceS') throw new RangeError(`${row.variant} has no device to decide about`)
  const question: Question = { request, nowMs, row, registry, policy }
  const sender = findSender(question)
  if ('rule' in sender) return refused(sender, policy)
  const device = findDevice(question)
  if ('rule' in device) return refused(device, policy)
  const registration = findRegistration(question, sender, device)
  if ('rule' in registration) return refused(registration, policy)
  const wrongStatus = checkDeviceStatus(device, policy)
  if (wrongStatus !== undefined) return refused(wrongStatus, policy)
  return { allowed: true, user: sender.user, device, ...registration }
}

/** A User that may send a request that the DCC answers itself (5.x, 8.2), and the roles by which it may. */
export type UserAllowed = { allowed: true; user: User; roles: readonly Role[] }

/** Applies the rules about the User only. */
export function decideUser(
  request: AccessRequest,
  registry: Registry,
  row: SrvRow,
  policy: AccessPolicy = defaultAccessPolicy,
): UserAllowed | Refused {
  const question: Question = { request, nowMs: 0, row, registry, policy }
  const sender = findSender(question)
  return 'rule' in sender ? refused(sender, policy) : { allowed: true, ...sender }
}

function refused(refusal: Refusal, policy: AccessPolicy): Refused {
  return { allowed: false, code: policy.codes[refusal.fault], forUser: refusal.text, ...refusal }
}

/** One line in plain words, for the log. */
export function explain(decision: Decision): string {
  if (decision.allowed) return `allowed: ${decision.because}`
  return `refused with ${decision.code}, rule "${decision.rule}": ${decision.text}`
}

/** The same for the refused User. */
export function explainToUser({ code, rule, forUser }: Refused): string {
  return `refused with ${code}, rule "${rule}": ${forUser}`
}

/** The rules about the User: known, active, and with a role for the request. */
function findSender({ request, row, registry }: Question): Sender | Refusal {
  const eui = request.requestId.originator
  const user = registry.user(eui)
  if (user === undefined) {
    return { rule: 'known user', fault: 'unknownParty', text: `no User has the EUI-64 ${eui}` }
  }
  if (user.status !== 'active') {
    return { rule: 'active user', fault: 'partyStatus', text: `${nameOf(user)} is ${user.status}` }
  }
  const [role, ...more] = user.roles.filter((one) => row.roles.includes(one))
  if (role !== undefined) return { user, roles: [role, ...more] }
  const has = `${nameOf(user)} has the role ${user.roles.join(' ')}`
  const what = row.endpoint === 'serviceS' ? `${row.variant} to an ESME` : row.variant
  return { rule: 'role for request', fault: 'roleNotPermitted', text: `${has}; ${what} is for ${row.roles.join(' ')}` }
}

function findDevice({ request, registry }: Question): Device | Refusal {
  const rule = 'known device'
  const eui = request.requestId.target
  const device = registry.device(eui)
  if (device === undefined) return { rule, fault: 'unknownDevice', text: `no device has the EUI-64 ${eui}` }
  const { type = deviceDefaults.type } = device
  return type === 'ESME' ? device : { rule, fault: 'notForDevice', text: `device ${eui} is a ${type}, no ESME` }
}

function checkDeviceStatus({ eui, status }: Device, policy: AccessPolicy): Refusal | undefined {
  if (policy.deviceStatuses.includes(status)) return undefined
  const text = `device ${eui} is ${status}; it is read only when ${policy.deviceStatuses.join(' or ')}`
  return { rule: 'device status', fault: 'deviceStatus', text }
}

/** The first target for which a role covers every day; when none does, the refusal of what covers most. */
function findRegistration(question: Question, { user, roles }: Sender, device: Device): Registered | Refusal {
  const { request, nowMs, row, policy } = question
  const targets = targetsOf(row, request.period, nowMs, device, policy)
  let best = byRole(question, user, device, roles[0], targets[0])
  for (const target of targets) {
    for (const role of roles) {
      const next = byRole(question, user, device, role, target)
      if (!('rule' in next)) return next
      if ('rule' in best && next.day > best.day) best = next
    }
  }
  // The same words whether another party is registered, nobody is, or there is no MPAN.
  return 'rule' in best ? { ...best, forUser: notRegistered(question, user, roles, device, targets[0]) } : best
}

/** Own registrations that a User is told of. */
const ownMax = 5

/** Why a User may not ask, from its own registrations alone. */
function notRegistered(
  { row, registry }: Question,
  user: User,
  roles: readonly Role[],
  device: Device,
  { days: { first, last } }: Target,
): string {
  const mpan = row.mpan === 'export' ? device.exportMpan : device.importMpan
  const own = roles.flatMap((role) =>
    mpan === undefined ? [] : registry.registrations(mpan, role).filter(({ mpid }) => mpid === user.mpid),
  )
  const as = `${roles.join(' or ')} ${user.mpid ?? 'without an MPID'}`
  const days = first === last ? `Settlement Day ${first}` : `every Settlement Day from ${first} to ${last}`
  const spans = own.length === 0 ? 'on no day' : own.slice(-ownMax).map(spanOf).join(' and ')
  return `${nameOf(user)} is not registered for the device as ${as} on ${days}; it is ${spans}`
}

/** Whether one role covers every day. It steps from record to record, not from day to day, so a long window costs no more. */
function byRole(
  { row, registry, policy }: Question,
  user: User,
  device: Device,
  role: Role,
  target: Target,
): Registered | Unregistered {
  const { days } = target
  if (!policy.registered.includes(role)) {
    const because = `${nameOf(user)} asks as ${role}, for which no registration is needed (an assumption)`
    return { role, records: [], because: `${because}, ${textOf(target)}`, ...target }
  }
  const own = row.mpan === 'export' ? device.exportMpan : device.importMpan
  const follows = role === 'MDR' && policy.exportRights === 'import' && own !== undefined
  const mpan = follows ? (device.importMpan ?? own) : own
  if (mpan === undefined) {
    const text = `device ${device.eui} has no ${row.mpan} MPAN, so nobody is registered to it as ${role}`
    return { rule: 'registration', fault: 'notAuthorised', day: days.first, text }
  }
  const all = registry.registrations(mpan, role)
  const records: RegistrationRecord[] = []
  let day = days.first
  while (true) {
    const record = all.find((one) => one.from <= day && (one.until === undefined || day <= one.until))
    if (record === undefined || record.mpid !== user.mpid) return unregistered(user, role, row.mpan, mpan, day, record)
    records.push(record)
    if (record.until === undefined || record.until >= days.last) break
    day = dayAfter(record.until)
  }
  const spans = records.map(spanOf).join(' and ')
  const because = `${nameOf(user)} is registered as ${role} ${user.mpid} for ${row.mpan} MPAN ${mpan} ${spans}`
  return { role, records, because: `${because}, ${textOf(target)}`, ...target }
}

function unregistered(
  user: User,
  role: Role,
  kind: string,
  mpan: string,
  day: string,
  record?: RegistrationRecord,
): Unregistered {
  const rule = 'registration'
  const who = `${nameOf(user)} as ${role} ${user.mpid ?? 'without an MPID'}`
  if (record === undefined) {
    const text = `nobody is registered as ${role} of ${kind} MPAN ${mpan} on Settlement Day ${day}`
    return { rule, fault: 'notAuthorised', day, text: `${text}, asked by ${who}` }
  }
  const holder = `${record.mpid} (registered ${spanOf(record)})`
  const text = `on Settlement Day ${day} the ${role} of ${kind} MPAN ${mpan} is ${holder}, asked by ${who}`
  return { rule, fault: 'notAuthorised', day, record, text }
}

function nameOf(user: User): string {
  return `${user.name} (${user.eui})`
}

function spanOf(record: RegistrationRecord): string {
  return record.until === undefined ? `from ${record.from}` : `from ${record.from} to ${record.until}`
}

function textOf({ days: { first, last }, leftOut }: Target): string {
  const days = first === last ? `Settlement Day ${first}` : `Settlement Days ${first} to ${last}`
  return leftOut === undefined ? days : `${days}; the ${leftOut} entry of the window belongs to another day: left out`
}

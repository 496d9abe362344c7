// Access control of requests to a device: who asks, may they, and may they for these days.
//
// The rules run in the order of `rules` and the first that refuses decides. An unknown User is refused before anything
// about the device is looked at; a User without a registration is told nothing of the device's status. Registration is
// checked for the Settlement Days that the request targets, not for the day on which it is sent (SECMP0162 preliminary
// impact assessment, requirement 3), and the cache is asked only afterwards.

import { type Fault, type FaultCodes, faultCodes } from '../catalogue/response-code.ts'
import type { Role } from '../catalogue/role.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import type { Period, RequestId } from '../duis/request.ts'
import { deviceDefaults } from './device-details.ts'
import type { Device, DeviceStatus, RegistrationRecord, Registry, User } from './parties.ts'
import { dayAfter, settlementDayOf, settlementDayRange } from './settlement-day.ts'

export type AccessPolicy = {
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
  codes: faultCodes,
}

/** What access control needs of a request. */
export type AccessRequest = { requestId: RequestId; period?: Period }

/** First and last Settlement Day that a request targets. */
export type SettlementDays = { first: string; last: string }

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
  days: SettlementDays
  because: string
}

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
}

export type Decision = Allowed | Refused

type Question = { request: AccessRequest; row: SrvRow; registry: Registry; policy: AccessPolicy; days: SettlementDays }
/** What earlier rules have found out for later ones. */
type Found = { user?: User; device?: Device; roles: readonly Role[]; passed?: Passed }
type Passed = Pick<Allowed, 'role' | 'records' | 'because'>
type Refusal = Omit<Refused, 'allowed' | 'code' | 'rule'>
/** Adds to what was found, or refuses. */
type Rule = { name: RuleName; check: (question: Question, found: Found) => Found | Refusal }

const rules: readonly Rule[] = [
  { name: 'known user', check: knownUser },
  { name: 'active user', check: activeUser },
  { name: 'role for request', check: roleForRequest },
  { name: 'known device', check: knownDevice },
  { name: 'registration', check: registered },
  { name: 'device status', check: deviceStatus },
]

/**
 * Decides on a request to a device. A request without a period (4.1.1, 4.2) targets the Settlement Day of `nowMs`, and
 * so does one whose window holds no half-hour the day of its start. A User with several roles is allowed when any one
 * of them covers every day; when none does, the one that covers most is explained.
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
  const days = targetedDays(request, nowMs)
  const question: Question = { request, row, registry, policy, days }
  let found: Found = { roles: [] }
  for (const rule of rules) {
    const next = rule.check(question, found)
    if ('fault' in next) return { allowed: false, code: policy.codes[next.fault], rule: rule.name, ...next }
    found = next
  }
  return { allowed: true, user: found.user!, device: found.device!, days, ...found.passed! }
}

/** A User that may send a request that the DCC answers itself (5.x, 8.2), and the roles by which it may. */
export type UserAllowed = { allowed: true; user: User; roles: readonly Role[] }

/** Decides who asks and whether they may, and nothing about a device. */
export function decideUser(
  request: AccessRequest,
  registry: Registry,
  row: SrvRow,
  policy: AccessPolicy = defaultAccessPolicy,
): UserAllowed | Refused {
  const question: Question = { request, row, registry, policy, days: { first: '', last: '' } }
  let found: Found = { roles: [] }
  for (const rule of rules.slice(0, 3)) {
    const next = rule.check(question, found)
    if ('fault' in next) return { allowed: false, code: policy.codes[next.fault], rule: rule.name, ...next }
    found = next
  }
  return { allowed: true, user: found.user!, roles: found.roles }
}

/** One line in plain words, for the log. */
export function explain(decision: Decision): string {
  if (decision.allowed) return `allowed: ${decision.because}`
  return `refused with ${decision.code}, rule "${decision.rule}": ${decision.text}`
}

function targetedDays(request: AccessRequest, nowMs: number): SettlementDays {
  const range = request.period && settlementDayRange(request.period.startMs, request.period.endMs)
  const day = settlementDayOf(request.period?.startMs ?? nowMs)
  return range ?? { first: day, last: day }
}

function knownUser({ request, registry }: Question, found: Found): Found | Refusal {
  const eui = request.requestId.originator
  const user = registry.user(eui)
  return user ? { ...found, user } : { fault: 'unknownParty', text: `no User has the EUI-64 ${eui}` }
}

function activeUser(_: Question, found: Found): Found | Refusal {
  if (found.user!.status === 'active') return found
  return { fault: 'partyStatus', text: `${nameOf(found.user!)} is ${found.user!.status}` }
}

function roleForRequest({ row }: Question, found: Found): Found | Refusal {
  const permitted = found.user!.roles.filter((role) => row.roles.includes(role))
  if (permitted.length > 0) return { ...found, roles: permitted }
  const has = `${nameOf(found.user!)} has the role ${found.user!.roles.join(' ')}`
  const what = row.endpoint === 'serviceS' ? `${row.variant} to an ESME` : row.variant
  return { fault: 'roleNotPermitted', text: `${has}; ${what} is for ${row.roles.join(' ')}` }
}

function knownDevice({ request, registry }: Question, found: Found): Found | Refusal {
  const eui = request.requestId.target
  const device = registry.device(eui)
  if (device === undefined) return { fault: 'unknownDevice', text: `no device has the EUI-64 ${eui}` }
  const { type = deviceDefaults.type } = device
  return type === 'ESME' ? { ...found, device } : { fault: 'notForDevice', text: `device ${eui} is a ${type}, no ESME` }
}

function deviceStatus({ policy }: Question, found: Found): Found | Refusal {
  const { eui, status } = found.device!
  if (policy.deviceStatuses.includes(status)) return found
  const text = `device ${eui} is ${status}; it is read only when ${policy.deviceStatuses.join(' or ')}`
  return { fault: 'deviceStatus', text }
}

function registered(question: Question, found: Found): Found | Refusal {
  let best: (Refusal & { day: string }) | undefined
  for (const role of found.roles) {
    const outcome = byRole(question, found.user!, found.device!, role)
    if (!('fault' in outcome)) return { ...found, passed: outcome }
    if (best === undefined || outcome.day > best.day) best = outcome
  }
  return best!
}

/** Whether one role covers every day. Days are passed over record by record, so the length of a window costs nothing. */
function byRole(
  { row, registry, policy, days }: Question,
  user: User,
  device: Device,
  role: Role,
): Passed | (Refusal & { day: string }) {
  if (!policy.registered.includes(role)) {
    const because = `${nameOf(user)} asks as ${role}, for which no registration is needed (an assumption)`
    return { role, records: [], because: `${because}, ${textOf(days)}` }
  }
  const mpan = row.mpan === 'export' ? device.exportMpan : device.importMpan
  if (mpan === undefined) {
    const text = `device ${device.eui} has no ${row.mpan} MPAN, so nobody is registered to it as ${role}`
    return { fault: 'notAuthorised', day: days.first, text }
  }
  const all = registry.registrations(mpan, role)
  const records: RegistrationRecord[] = []
  let day = days.first
  while (true) {
    const record = all.find((one) => one.from <= day && (one.until === undefined || day <= one.until))
    if (record === undefined || record.mpid !== user.mpid) return refusal(user, role, row.mpan, mpan, day, record)
    records.push(record)
    if (record.until === undefined || record.until >= days.last) break
    day = dayAfter(record.until)
  }
  const spans = records.map(spanOf).join(' and ')
  const because = `${nameOf(user)} is registered as ${role} ${user.mpid} for ${row.mpan} MPAN ${mpan} ${spans}`
  return { role, records, because: `${because}, ${textOf(days)}` }
}

function refusal(user: User, role: Role, kind: string, mpan: string, day: string, record?: RegistrationRecord) {
  const who = `${nameOf(user)} as ${role} ${user.mpid ?? 'without an MPID'}`
  if (record === undefined) {
    const text = `nobody is registered as ${role} of ${kind} MPAN ${mpan} on Settlement Day ${day}`
    return { fault: 'notAuthorised', day, text: `${text}, asked by ${who}` } as const
  }
  const holder = `${record.mpid} (registered ${spanOf(record)})`
  const text = `on Settlement Day ${day} the ${role} of ${kind} MPAN ${mpan} is ${holder}, asked by ${who}`
  return { fault: 'notAuthorised', day, record, text } as const
}

function nameOf(user: User): string {
  return `${user.name} (${user.eui})`
}

function spanOf(record: RegistrationRecord): string {
  return record.until === undefined ? `from ${record.from}` : `from ${record.from} to ${record.until}`
}

function textOf({ first, last }: SettlementDays): string {
  return first === last ? `Settlement Day ${first}` : `Settlement Days ${first} to ${last}`
}

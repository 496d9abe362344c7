// What one registration message does to the registry: rows that come, rows that go, or why nothing is done.

import { dayMs } from '../../protocol/half-hour.ts'
import { isMpan } from '../access/mpan.ts'
import type { Registration } from '../access/parties.ts'
import {
  addRegistration,
  noChange,
  type Places,
  planChange,
  type RowChange,
  type RowPlan,
} from '../access/registry-plan.ts'
import type { RegistryRows } from '../access/registry-rows.ts'
import { isDate, settlementDayOf } from '../access/settlement-day.ts'
import type { FeedRegistration } from './feed-store.ts'
import type { Appointment, RegistrationMessage, RejectionCode } from './message.ts'

export interface FeedPolicy {
  /** An appointment begins at most so many days ahead, and so many back (REG: 28 and 5). */
  aheadDays: number
  backDays: number
  /** A message that moves more MPANs than this waits for an operator. */
  mpansMax: number
  /** Whether an MDR's rights on export follow the import MPAN: then it is not appointed to a linked export MPAN. */
  exportFollowsImport: boolean
}

export const defaultFeedPolicy: FeedPolicy = { aheadDays: 28, backDays: 5, mpansMax: 1_000, exportFollowsImport: false }

export interface Judged {
  plan: RowPlan
  /** The registration after it. */
  registration: FeedRegistration
  late: boolean
}

export interface Rejected {
  code: RejectionCode
  reason: string
}

const reject = (code: RejectionCode, reason: string): Rejected => ({ code, reason })

interface Judging {
  message: RegistrationMessage
  content: string
  before: FeedRegistration | undefined
  rows: RegistryRows
  nowMs: number
  policy: FeedPolicy
}

/** Judges a message that is well-formed, of a later version than what is known of its registration. */
export function judge(judging: Judging): Judged | Rejected {
  const { message, before, rows, nowMs, policy } = judging
  const isCancelled = message.eventStatus === 'Cancelled'
  if (isCancelled && before === undefined)
    return reject('NothingToCancel', `no message has made the registration ${message.data.registrationId}`)
  const appointments = isCancelled ? [] : message.data.appointments
  for (const [index, appointment] of appointments.entries()) {
    const wrong = wrongAppointment(appointment, rows, nowMs, policy)
    if (wrong !== undefined) return reject(wrong.code, `appointments[${index}]: ${wrong.reason}`)
  }
  const change = noChange()
  // What the version before it put there goes, and what that replaced comes back.
  for (const { mpan, role, from } of before?.rows ?? []) addRegistration(change, { mpan, role, from, removed: true })
  const wanted = appointments.map(rowOf)
  const keys = new Set(wanted.map(({ mpan, role, from }) => `${mpan} ${role} ${from}`))
  for (const row of before?.replaced ?? []) {
    if (!keys.has(`${row.mpan} ${row.role} ${row.from}`)) addRegistration(change, row)
  }
  for (const row of wanted) addRegistration(change, row)
  return planned(judging, wanted, change)
}

function planned({ message, content, before, rows, nowMs }: Judging, wanted: Registration[], change: RowChange) {
  const problems: string[] = []
  const plan = planChange(rows, change, placesOf(wanted), (place, problem) => problems.push(`${place}: ${problem}`))
  const [problem] = problems
  if (problem !== undefined) return reject(problem.includes('needs an') ? 'RoleAndMpan' : 'Overlap', problem)
  const today = settlementDayOf(nowMs)
  const own = new Map(before?.rows.map((row) => [`${row.mpan} ${row.role} ${row.from}`, row]))
  const earlier = new Map(before?.replaced.map((row) => [`${row.mpan} ${row.role} ${row.from}`, row]))
  const replaced = wanted.flatMap((row): Registration[] => {
    const key = `${row.mpan} ${row.role} ${row.from}`
    const back = earlier.get(key)
    if (own.has(key)) return back === undefined ? [] : [back]
    const known = rows.mpan(row.mpan)?.registrations.find((one) => one.role === row.role && one.from === row.from)
    return known === undefined ? [] : [{ mpan: row.mpan, ...known }]
  })
  const registration: FeedRegistration = {
    version: message.version,
    eventId: message.eventId,
    content,
    cancelled: message.eventStatus === 'Cancelled',
    rows: wanted,
    replaced,
  }
  return { plan, registration, late: wanted.some(({ from }) => from < today) }
}

function rowOf({ mpxn, marketRole, mpid, effectiveFromDate, effectiveToDate }: Appointment): Registration {
  const row = { mpan: mpxn, role: marketRole, mpid: mpid.toUpperCase(), from: effectiveFromDate }
  return effectiveToDate === undefined ? row : { ...row, to: effectiveToDate }
}

function placesOf(wanted: readonly Registration[]): Places {
  return {
    device: () => '',
    registration: (row) => `appointments[${wanted.indexOf(row)}]`,
    user: () => undefined,
  }
}

function wrongAppointment(
  { mpxn, marketRole, effectiveFromDate: from, effectiveToDate: to }: Appointment,
  rows: RegistryRows,
  nowMs: number,
  policy: FeedPolicy,
): Rejected | undefined {
  if (!isMpan(mpxn)) return reject('MpanCheckDigit', `the check digit of MPAN ${mpxn} is wrong`)
  if (!isDate(from) || (to !== undefined && !isDate(to)))
    return reject('Dates', `${from} to ${to ?? 'open'} are no dates`)
  if (to !== undefined && to < from) return reject('Dates', `it ends on ${to}, before it begins on ${from}`)
  const first = settlementDayOf(nowMs - policy.backDays * dayMs)
  const last = settlementDayOf(nowMs + policy.aheadDays * dayMs)
  if (from < first)
    return reject('DateTooOld', `${from} is more than ${policy.backDays} days back: ${first} at the earliest`)
  if (from > last)
    return reject('DateTooFar', `${from} is more than ${policy.aheadDays} days ahead: ${last} at the latest`)
  const mpan = rows.mpan(mpxn)
  if (mpan === undefined) return reject('MpanUnknown', `the DCC knows no device with MPAN ${mpxn}`)
  const isLinkedExport = mpan.kind === 'export' && rows.device(mpan.eui)?.importMpan !== undefined
  if (marketRole === 'MDR' && policy.exportFollowsImport && isLinkedExport)
    return reject('ExportFollowsImport', `rights on export MPAN ${mpxn} follow the import MPAN of the same meter`)
  return undefined
}

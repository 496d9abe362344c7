// Picks records of the audit trail, and cuts them to what a party may see of itself.

import { parseRequestId } from '../duis/request.ts'
import type { AuditRecord } from './audit-record.ts'

export interface Selection {
  /** EUI-64s in upper case. */
  user?: string
  device?: string
  srv?: string
  /** Recorded from (included) until (excluded), milliseconds UTC. */
  fromMs?: number
  toMs?: number
  /**
   * Shows a User its own: requests that it signed, without what was said for the operator only (why, and whose
   * registration stood in the way).
   */
  as?: string
}

/** A function that answers the record as it may be shown, or undefined. To be called with the records in order. */
export function createSelector(selection: Selection): (record: AuditRecord) => AuditRecord | undefined {
  const { user, device, srv, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, as } = selection
  const ofRequest = user !== undefined || device !== undefined || srv !== undefined || as !== undefined
  // A delivery names its request only; what that was for, the record of its acceptance or answer has said before.
  const variants = new Map<string, string>()
  const isWithin = ({ time }: AuditRecord) => Date.parse(time) >= fromMs && Date.parse(time) < toMs
  return (record) => {
    if (record.event === 'counter lowered') {
      const ofPair = (user === undefined || user === record.user) && (device === undefined || device === record.target)
      return ofPair && srv === undefined && as === undefined && isWithin(record) ? record : undefined
    }
    const { requestId, srv: variant } = record as { requestId?: string; srv?: string }
    if (srv !== undefined && requestId !== undefined && variant === srv) variants.set(requestId, variant)
    if (!isWithin(record)) return undefined
    if (!ofRequest) return record
    // About a device, by nobody's request.
    if (
      (record.event === 'key rotated' || record.event === 'clock set') &&
      record.device === device &&
      [user, srv, as].every((one) => one === undefined)
    ) {
      return record
    }
    if (requestId === undefined) return undefined
    const parties = parseRequestId(requestId)
    if (parties === undefined) return undefined
    // What a schedule or a meter sends of itself goes by its ResponseID: from the device to the User.
    const { originator, target } = parties
    if (user !== undefined && originator !== user && target !== user) return undefined
    if (device !== undefined && originator !== device && target !== device) return undefined
    if (srv !== undefined && (variant ?? variants.get(requestId)) !== srv) return undefined
    return as === undefined ? record : ownView(record, parties, as)
  }
}

function ownView(
  record: AuditRecord,
  { originator, target }: { originator: string; target: string },
  as: string,
): AuditRecord | undefined {
  if (record.event !== 'refused') {
    if (originator !== as && target !== as) return undefined
    if (record.event !== 'answered' || record.fault !== undefined) return record
    // Why a request was refused after it had been accepted names the party that is registered now.
    const { detail: _, ...answered } = record
    return answered
  }
  if (originator !== as) return undefined
  // Anybody can write a User's name into a request.
  if (!record.signed) return undefined
  const { registration: _, why: __, mpan: ___, ...own } = record
  return { ...own, why: '' }
}

/** One record as a line for people. */
export function textOf(record: AuditRecord): string {
  const { seq, prev: _, time, event, ...fields } = record
  return `${String(seq).padStart(6)} ${time} ${event}: ${wordsOf(fields)}`
}

function wordsOf(fields: { [name: string]: unknown }): string {
  const word = ([name, value]: [string, unknown]) =>
    `${name} ${typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)}`
  return Object.entries(fields)
    .filter(([, value]) => value !== '' && value !== 0)
    .map(word)
    .join(', ')
}

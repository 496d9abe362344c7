// Selects records of the audit trail, and reduces them to what a User may see.

import { parseRequestId } from '../duis/request.ts'
import type { AuditRecord } from './audit-record.ts'
import type { Wanted } from './read-records.ts'

export interface Selection {
  /** EUI-64s in upper case. */
  user?: string
  device?: string
  srv?: string
  /** Recorded from (included) until (excluded), milliseconds UTC. */
  fromMs?: number
  toMs?: number
  /**
   * EUI-64 of a User: selects its own signed requests, without the fields that are for the operator only (why, and the
   * registration of another party).
   */
  as?: string
}

/** Which records `createSelector` needs to see. With a variant all earlier ones: only these have it of some requests. */
export function wantedFor({ user, device, as, srv, fromMs, toMs }: Selection): Wanted {
  const euis = [user, device, as].filter((eui) => eui !== undefined).map((eui) => eui.replaceAll('-', ''))
  return {
    euis,
    ...(fromMs !== undefined && srv === undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
  }
}

/** Returns a function that is called with each record in order and returns what may be shown of it, or undefined. */
export function createSelector(selection: Selection): (record: AuditRecord) => AuditRecord | undefined {
  const { user, device, srv, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, as } = selection
  const ofRequest = user !== undefined || device !== undefined || srv !== undefined || as !== undefined
  // A delivery record has only the RequestID. The variant is known from the earlier record of the request.
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
    // About a device, without a request.
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
    // Results of schedules and alerts have a ResponseID: from the device to the User.
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
    // The detail of a request refused after its acceptance may name the party that is registered now.
    const { detail: _, ...answered } = record
    return answered
  }
  if (originator !== as) return undefined
  // An unsigned request proves nothing about its sender.
  if (!record.signed) return undefined
  const { registration: _, why: __, mpan: ___, ...own } = record
  return { ...own, why: '' }
}

/** A record as one line of text. */
export function textOf(record: AuditRecord): string {
  const { seq, time, event, ...fields } = record
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

/** The RequestIDs of accepted requests, and of those that were answered directly. */
export function acceptedIds(records: readonly AuditRecord[]): string[] {
  return records.flatMap((record) => {
    const isRequest = record.event === 'answered directly' || (record.event === 'accepted' && !record.scheduleId)
    return isRequest ? [record.requestId] : []
  })
}

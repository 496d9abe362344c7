// Explains access control: the response code for a request of any variant, with the rule, record and Settlement Day.

import { servesSettlement } from '../catalogue/for-settlement.ts'
import type { Fault } from '../catalogue/response-code.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { type AccessPolicy, type AccessRequest, decide, decideUser, explain, type RuleName } from './access-control.ts'
import { tooLongForBoxed } from './boxed-limits.ts'
import type { RegistrationRecord, Registry } from './parties.ts'

export interface WhatIf {
  srv: string
  name: string
  allowed: boolean
  /** I99, or the code of the refusal. */
  code: string
  /**
   * The rule that refused, or the last rule applied. `message`: the request contradicts itself; `settlement`: the User or
   * variant may not set ForSettlement; `delivery`: the response would be too large for boxed delivery; `service`: SMETS1
   * does not have the variant.
   */
  rule: RuleName | 'message' | 'settlement' | 'delivery' | 'service'
  /** Registrations that cover the days, or the one in the way. */
  records: readonly RegistrationRecord[]
  /** Settlement Days that the request targets; of a refusal by registration, the first that is not covered. */
  days?: { first: string; last: string } | undefined
  day?: string | undefined
  /** True when it would serve settlement (MHHS). */
  forSettlement: boolean
  /** An explanation, which may name another party. */
  text: string
}

/** Decides as the bridge does, for every row of the SRV table. */
export function whatIf(
  request: AccessRequest & { forSettlement?: boolean },
  nowMs: number,
  registry: Registry,
  row: SrvRow,
  policy: AccessPolicy,
): WhatIf {
  const of = { srv: row.variant, name: row.name, forSettlement: false }
  /** A refusal by a check before or after access control. */
  const refused = (fault: Fault, rule: WhatIf['rule'], why: string) => {
    const code = policy.codes[fault]
    return { ...of, allowed: false, code, rule, records: [], text: `refused with ${code}, rule "${rule}": ${why}` }
  }
  const counts = (forSettlement: boolean) => (forSettlement ? '; it serves settlement (MHHS)' : '')
  const { period } = request
  // The bridge checks the message first: such a request never reaches access control.
  if (period !== undefined && period.endMs < period.startMs)
    return refused('period', 'message', 'EndDateTime is before StartDateTime')
  if (row.endpoint === 'serviceD') {
    const decision = decideUser(request, registry, row, policy)
    if (!decision.allowed) return { ...of, ...decision, records: [], text: explain(decision) }
    const { user, roles } = decision
    const forSettlement = servesSettlement(row, roles, user, request.forSettlement)
    if (typeof forSettlement === 'string') return refused('forSettlement', 'settlement', forSettlement)
    const has = `${user.name} (${user.eui}) has the role ${roles.join(' ')}`
    const text = `allowed: ${has}; the schedule or device that it names is checked when it is executed${counts(forSettlement)}`
    return { ...of, forSettlement, allowed: true, code: 'I99', rule: 'role for request', records: [], text }
  }
  const decision = decide(request, nowMs, registry, row, policy)
  if (!decision.allowed) {
    const { allowed, code, rule, day, record } = decision
    return { ...of, allowed, code, rule, day, records: record === undefined ? [] : [record], text: explain(decision) }
  }
  const { days, entries, records, user, role } = decision
  const forSettlement = servesSettlement(row, [role], user, request.forSettlement)
  if (typeof forSettlement === 'string')
    return { ...refused('forSettlement', 'settlement', forSettlement), records, days }
  const tooLong = tooLongForBoxed(row, user, entries, nowMs)
  if (tooLong !== undefined) return { ...refused('tooLargeForBoxed', 'delivery', tooLong), records, days }
  if (!row.onSmets1) {
    const why = `SMETS1 has no ${row.variant} (table 3 of the impact assessment: N/A)`
    return { ...refused('notForDevice', 'service', why), records, days }
  }
  const text = explain(decision) + counts(forSettlement)
  return { ...of, forSettlement, allowed: true, code: 'I99', rule: 'registration', records, days, text }
}

// Access explained: what would be said to a request of any variant, by which rule, record and Settlement Day.

import type { SrvRow } from '../srv/srv-table.ts'
import { type AccessPolicy, type AccessRequest, decide, decideUser, explain, type RuleName } from './access-control.ts'
import type { RegistrationRecord, Registry } from './parties.ts'

export interface WhatIf {
  srv: string
  name: string
  allowed: boolean
  /** I99, or the code of the refusal. */
  code: string
  /** The rule that refused, or the last that had something to say. `service`: the variant is not there on SMETS1. */
  rule: RuleName | 'service'
  /** Registrations that cover the days, or the one in the way. */
  records: readonly RegistrationRecord[]
  /** Settlement Days that the request targets; of a refusal by registration, the first that is not covered. */
  days?: { first: string; last: string } | undefined
  day?: string | undefined
  /** In plain words. It may name another party. */
  text: string
}

/** Decides as the bridge does, for every row of the SRV table. */
export function whatIf(
  request: AccessRequest,
  nowMs: number,
  registry: Registry,
  row: SrvRow,
  policy: AccessPolicy,
): WhatIf {
  const of = { srv: row.variant, name: row.name }
  if (row.endpoint === 'serviceD') {
    const decision = decideUser(request, registry, row, policy)
    if (!decision.allowed) return { ...of, ...decision, records: [], text: explain(decision) }
    const { user, roles } = decision
    const text = `allowed: ${user.name} (${user.eui}) has the role ${roles.join(' ')}; what it names is looked at when it is carried out`
    return { ...of, allowed: true, code: 'I99', rule: 'role for request', records: [], text }
  }
  const decision = decide(request, nowMs, registry, row, policy)
  if (!decision.allowed) {
    const { allowed, code, rule, day, record } = decision
    return { ...of, allowed, code, rule, day, records: record === undefined ? [] : [record], text: explain(decision) }
  }
  const { days, records } = decision
  if (!row.onSmets1) {
    const code = policy.codes.notForDevice
    const text = `refused with ${code}, rule "service": SMETS1 has no ${row.variant} (table 3 of the impact assessment: N/A)`
    return { ...of, allowed: false, code, rule: 'service', records, days, text }
  }
  return { ...of, allowed: true, code: 'I99', rule: 'registration', records, days, text: explain(decision) }
}

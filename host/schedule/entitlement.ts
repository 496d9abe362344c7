// Whether a schedule may still run. Access control decides again at every run, for each settlement day that the run
// targets.

import { type AccessPolicy, type Allowed, decide, explain } from '../access/access-control.ts'
import type { Registry } from '../access/parties.ts'
import type { AlertCause } from '../catalogue/alert-code.ts'
import { commandIdOf, rowOfSchedule } from './command.ts'
import type { Schedule } from './schedule-store.ts'
import { periodOfRun } from './schedules.ts'

export type RemovalCause = Exclude<AlertCause, 'scheduledFailure'>

export type Verdict =
  /** `last`: it may run, and then never again. */
  | { outcome: 'run'; allowed: Allowed; last: RemovalCause | undefined; because: string }
  | { outcome: 'fail'; because: string }
  /** `cause` is absent when there is no owner to notify. */
  | { outcome: 'remove'; cause: RemovalCause | undefined; because: string }

/** Inputs of access control. */
export interface Access {
  registry(): Registry
  policy: AccessPolicy
}

/**
 * Decides on the run of a day, at a time. A party whose registration has ended may have what it is still entitled to (the
 * day before the change, requested on the day of the change); the first run that is refused after that removes the
 * schedule, and so does the last one that is allowed.
 */
export function verdictOf(schedule: Schedule, day: number, nowMs: number, access: Access): Verdict {
  const registry = access.registry()
  const row = rowOfSchedule(schedule)
  const { owner, details } = schedule
  if (registry.user(owner) === undefined) {
    return { outcome: 'remove', cause: undefined, because: `no User has the EUI-64 ${owner} any more` }
  }
  const status = registry.device(details.deviceEui)?.status
  if (status === undefined || status === 'Withdrawn' || status === 'Decommissioned') {
    const cause = status === 'Decommissioned' ? 'decommissioning' : 'withdrawal'
    return {
      outcome: 'remove',
      cause,
      because: `device ${details.deviceEui} is ${status ?? 'no longer in the registry'}`,
    }
  }
  const requestId = commandIdOf(schedule, 0n)
  const period = periodOfRun(details, day)
  const decision = decide({ requestId, ...(period && { period }) }, nowMs, registry, row, access.policy)
  const lapsed = hasLapsed(schedule, nowMs, access)
  if (decision.allowed) return { outcome: 'run', allowed: decision, last: lapsed, because: explain(decision) }
  if (decision.rule === 'registration' && lapsed !== undefined) {
    return { outcome: 'remove', cause: lapsed, because: explain(decision) }
  }
  return { outcome: 'fail', because: explain(decision) }
}

/** The change by which the owner is not registered at a time; undefined when it is, or needs no registration. */
function hasLapsed(schedule: Schedule, atMs: number, { registry, policy }: Access) {
  const requestId = commandIdOf(schedule, 0n)
  const decision = decide({ requestId }, atMs, registry(), rowOfSchedule(schedule), policy)
  if (decision.allowed || decision.rule !== 'registration') return undefined
  return schedule.role === 'MDR' ? 'changeOfMdr' : 'changeOfSupplier'
}

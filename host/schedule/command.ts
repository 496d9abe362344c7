// The request that the DCC sends for a run of a schedule, as if the User had sent it to the device.

import type { Allowed } from '../access/access-control.ts'
import { type SrvRow, srvRow } from '../catalogue/srv-table.ts'
import { type RequestId, requestIdOf } from '../duis/request.ts'
import type { AcceptedRequest } from '../requests/accepted-request.ts'
import { isForSettlement, type Run, type Schedule } from './schedule-store.ts'
import { periodOfRun } from './schedules.ts'

export function commandIdOf(schedule: Schedule, counter: bigint): RequestId {
  return requestIdOf(schedule.owner, schedule.details.deviceEui, counter)
}

/** The row of the variant that a schedule sends. Only variants of the table can be scheduled. */
export function rowOfSchedule({ details }: Pick<Schedule, 'details'>): SrvRow {
  const row = srvRow(details.variant)
  if (row === undefined) throw new RangeError(`no Service Request Variant ${details.variant}`)
  return row
}

/** The ResponseID of the result, by which it is kept until it is delivered. */
export function resultIdOf({ owner, details }: Schedule, run: Run): string {
  return `${details.deviceEui}:${owner}:${run.counter}`
}

/** The ResponseID of an alert. */
export function alertIdOf(dspEui: string, owner: string, counter: string | bigint): string {
  return `${dspEui}:${owner}:${counter}`
}

/** A run that access control allows, in the form in which an accepted request on demand goes to its handler. */
export function commandOf(
  schedule: Schedule,
  run: Run,
  allowed: Allowed,
  deadlineMs: number,
  dspEui: string,
): AcceptedRequest {
  const row = rowOfSchedule(schedule)
  const requestId = commandIdOf(schedule, BigInt(run.counter))
  const period = periodOfRun(schedule.details, run.day)
  return {
    id: requestId.text,
    request: {
      requestId,
      schemaVersion: schedule.schemaVersion,
      commandVariant: 1,
      serviceReference: row.reference,
      serviceReferenceVariant: row.variant,
      bodyName: row.bodyName,
      ...(period === undefined ? { kind: 'registers' } : { kind: 'log', period }),
    },
    row,
    allowed,
    forSettlement: isForSettlement(schedule),
    receivedMs: run.dueMs,
    deadlineMs,
    schedule: { id: BigInt(schedule.id), dspEui },
  }
}

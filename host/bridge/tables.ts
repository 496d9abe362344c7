// The tables of the bridge's store. A table is made by naming it here.

import { type RegistryTables, registryTables } from '../access/registry-store.ts'
import { type CounterRow, readCounterRow } from '../access/request-counters.ts'
import { readTrailRow, type TrailRow } from '../audit/trail-notes.ts'
import { readSealedEntry } from '../cache/sealed-entry.ts'
import { type ClockRow, readClockRow } from '../delivery/age-clock.ts'
import { readAlertNames } from '../delivery/device-alerts.ts'
import { type BodyRow, type OutboxRow, readBodyRow, readOutboxRow } from '../delivery/outbox-rows.ts'
import { type FeedTables, feedTables } from '../feed/feed-store.ts'
import { type Count, readCount } from '../metrics/performance-measures.ts'
import { readStoredRequest, type StoredRequest } from '../requests/accepted-request.ts'
import { type ScheduleTables, scheduleTables } from '../schedule/schedule-store.ts'
import { readText } from '../store/row-reader.ts'
import type { TableReaders } from '../store/store.ts'

export type Tables = RegistryTables &
  FeedTables &
  ScheduleTables & {
    /** `sequence/NAME`: the last number reserved, decimal. `request/ORIGINATOR/TARGET`: counters of RequestIDs;
     * `lower/ORIGINATOR/TARGET`: to be lowered. */
    counters: string | CounterRow
    /** Requests between I99 and their final answer, by RequestID. */
    accepted: StoredRequest
    /** Responses that a User has not taken, by RequestID or ResponseID. */
    outbox: OutboxRow
    /** The bodies of these, sealed. */
    bodies: BodyRow
    /** `age`: the age of this state, by which responses are given up. */
    clock: ClockRow
    /** What an operator has asked for beside the bridge, with the time: `retry/ID`, `discard/ID`, `confirm-clock`. */
    orders: string
    /** Sealed entries of the cache, by hour of retrieval and name. */
    readings: Uint8Array
    /** The last alerts of a meter, by EUI-64. */
    alerts: string[]
    /** Counts of answers, by `DAY/KIND/SETTLEMENT/SRV`. */
    performance: Count
    /** What is noted of the audit trail: its end, its beginning, its closed segments, and keys that sealed them. */
    trail: TrailRow
  }

export const bridgeTables: TableReaders<Tables> = {
  counters: readCounterRow,
  accepted: readStoredRequest,
  outbox: readOutboxRow,
  bodies: readBodyRow,
  clock: readClockRow,
  orders: readText,
  readings: readSealedEntry,
  alerts: readAlertNames,
  ...scheduleTables,
  performance: readCount,
  trail: readTrailRow,
  ...registryTables,
  ...feedTables,
}

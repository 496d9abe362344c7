// A response that was not taken yet, as it is listed.

import type { OutboxRow } from './outbox-rows.ts'

export interface PendingRow {
  /** RequestID that it answers; of an alert, its own ResponseID. */
  id: string
  /** EUI-64. */
  user: string
  /** Callback address, or `mailbox`. */
  url: string
  tries: number
  state: string
  lastProblem: string
  /** ISO 8601. */
  created: string
  /** 0 once its content is destroyed. */
  bytes: number
}

export function pendingRow(
  id: string,
  { tries = 0, state = 'waiting', lastProblem = '', user, url, createdMs, bytes }: OutboxRow,
): PendingRow {
  const created = new Date(createdMs).toISOString().replace('.000Z', 'Z')
  return { id, user, url, tries, state, lastProblem, created, bytes }
}

// What a clock that stands moves for: requests that wait for nothing but time.

import type { Tables } from '../host/bridge/tables.ts'
import type { Store } from '../host/store/store.ts'

/** Every key is below it. */
const keysEnd = '\uffff'
/** A request has at most 24 hours (settlement). What is older would move the clock without end. */
const ageMsMax = 25 * 3_600_000

/**
 * Whether a request was accepted and is not answered, or its response was not sent once. A request that is to be carried out
 * later, a response that a User did not take, and one that waits in a mailbox move no time.
 */
export function hasUnanswered(store: Pick<Store<Tables>, 'range'>, nowMs: number): boolean {
  for (const { value } of store.range('accepted', '', keysEnd)) {
    const { receivedMs, executionMs = 0, windowMs = 0 } = value
    const fromMs = Math.max(receivedMs, executionMs, windowMs)
    if (fromMs <= nowMs && nowMs - fromMs < ageMsMax) return true
  }
  for (const { value } of store.range('outbox', '', keysEnd)) {
    const { tries = 0, state = 'waiting', mailbox, createdMs } = value
    if (tries === 0 && state === 'waiting' && mailbox === undefined && nowMs - createdMs < ageMsMax) return true
  }
  return false
}

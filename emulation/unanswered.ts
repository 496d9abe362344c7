// What a clock that stands moves for: requests that wait for nothing but time.

import { mailboxAddress } from '../host/access/callback.ts'
import type { Tables } from '../host/bridge/tables.ts'
import type { Store } from '../host/store/store.ts'

/** Every key is below it. */
const keysEnd = '\uffff'

/**
 * Whether a request was accepted and is not answered, or its response was not sent once. A request that is to be carried out
 * later, a response that a User did not take, and one that waits in a mailbox move no time.
 */
export function hasUnanswered(store: Pick<Store<Tables>, 'range'>, nowMs: number): boolean {
  for (const { value } of store.range('accepted', '', keysEnd)) {
    if (Math.max(value.executionMs ?? 0, value.windowMs ?? 0) <= nowMs) return true
  }
  for (const { value } of store.range('outbox', '', keysEnd)) {
    if (value.tries === 0 && value.state === 'waiting' && value.url !== mailboxAddress) return true
  }
  return false
}

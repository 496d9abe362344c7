// Responses in mailboxes: each is kept until its User has fetched it, or to its age limit.

import type { Store } from '../store/store.ts'
import type { Timing } from '../wan/timing.ts'
import { giveUpAfterMs } from './age-limit.ts'
import type { Outgoing } from './outgoing.ts'

/** Responses that wait in the mailbox of one User; beyond that, the oldest counts as delivered. An assumption. */
export const mailboxMax = 1000

export interface UnfetchedParts {
  store: Store<{ outbox: Outgoing }>
  timing: Timing
  delivered(id: string): void
  failed(error: Error): void
}

export function createUnfetched({ store, timing, delivered, failed }: UnfetchedParts) {
  /** By User, the oldest response first: each with the timer of its age limit. */
  const byUser = new Map<string, Map<string, { cancel(): void }>>()
  let stopped = false

  const userOf = (id: string) => id.split(':', 1)[0] ?? ''

  async function fetched(id: string): Promise<void> {
    const user = userOf(id)
    const responses = byUser.get(user)
    const timer = responses?.get(id)
    if (responses === undefined || timer === undefined) return
    timer.cancel()
    responses.delete(id)
    if (responses.size === 0) byUser.delete(user)
    await store.remove('outbox', id)
    delivered(id)
  }

  const remove = (id: string) => void fetched(id).catch(failed)

  return {
    /** Counts a response as delivered and removes it. Resolves when that is on disk. */
    fetched,
    hold({ id, createdMs }: Outgoing): void {
      if (stopped) return
      const responses = byUser.get(userOf(id)) ?? new Map<string, { cancel(): void }>()
      byUser.set(userOf(id), responses)
      const ageLimitMs = Math.max(0, createdMs + giveUpAfterMs - timing.nowMs())
      responses.set(
        id,
        timing.after(ageLimitMs, () => remove(id)),
      )
      const [oldest] = responses.keys()
      if (responses.size > mailboxMax && oldest !== undefined) remove(oldest)
    },
    stop(): void {
      stopped = true
      for (const responses of byUser.values()) for (const timer of responses.values()) timer.cancel()
    },
  }
}

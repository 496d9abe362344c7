// Responses in mailboxes: each is kept until its User has fetched it, or to its age limit.

import type { Entry } from './outbox-rows.ts'

/** Responses that wait in the mailbox of one User; beyond that, the oldest counts as delivered. An assumption. */
export const mailboxMax = 1000

/** @param remove removes a response that counts as delivered */
export function createUnfetched(remove: (entry: Entry) => void) {
  /** By User, the oldest response first. */
  const byUser = new Map<string, Set<Entry>>()

  return {
    hold(entry: Entry): void {
      const responses = byUser.get(entry.user) ?? new Set<Entry>()
      byUser.set(entry.user, responses)
      responses.add(entry)
      for (const oldest of responses) {
        // Fetched or given up meanwhile.
        if (oldest.slot === 0) responses.delete(oldest)
        else if (responses.size <= mailboxMax) return
        else {
          responses.delete(oldest)
          remove(oldest)
        }
      }
    },
  }
}

// How much of the outbox each User has.

import type { OutboxLimits } from './outbox-limits.ts'
import type { Entry } from './outbox-rows.ts'

export interface UserTotals {
  add(entry: Entry): void
  /** Call it while the entry still has its bytes and its slot. */
  remove(entry: Entry): void
  /** The oldest entries of a User that has too many, as long as it has. Each must be removed before the next. */
  beyond(user: string, limits: OutboxLimits): Iterable<Entry>
}

/** Counts and bytes of the responses of each User, in the order in which they were made. */
export function createUserTotals(found: Iterable<Entry>): UserTotals {
  const users = new Map<string, { count: number; bytes: number; order: Entry[] }>()

  function add(entry: Entry): void {
    if (entry.slot === 0) return
    const total = users.get(entry.user) ?? { count: 0, bytes: 0, order: [] }
    users.set(entry.user, total)
    total.count += 1
    total.bytes += entry.bytes
    total.order.push(entry)
  }

  for (const entry of found) add(entry)
  const isBeyond = (user: string, { countMax, bytesMax }: OutboxLimits) => {
    const total = users.get(user)
    return total !== undefined && (total.count > countMax || total.bytes > bytesMax)
  }

  return {
    add,
    remove(entry: Entry): void {
      const total = users.get(entry.user)
      if (total === undefined || entry.slot === 0) return
      total.count -= 1
      total.bytes -= entry.bytes
      if (total.count === 0) users.delete(entry.user)
      else if (total.order.length > 64 && total.order.length > 2 * total.count) {
        total.order = total.order.filter((one) => one !== entry && one.slot !== 0)
      }
    },
    *beyond(user: string, limits: OutboxLimits): Iterable<Entry> {
      while (isBeyond(user, limits)) {
        const oldest = users.get(user)?.order.shift()
        if (oldest === undefined) return
        if (oldest.slot !== 0) yield oldest
      }
    },
  }
}

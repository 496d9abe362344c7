// Numbers that are issued once, also across restarts.

import { damagedRecord, type Store } from './store.ts'

/** Returns the next number, from 1. Resolves when the number can never be issued again. */
export type Sequence = () => Promise<bigint>

/**
 * A sequence in the store's table `counters`, under `sequence/NAME`, as a decimal text; other kinds of counters are in the
 * table too. One write reserves `block`
 * numbers; those that are left when the process ends are never issued.
 * @throws Error (on use) when the stored value is damaged: guessing could issue a number again
 */
export function createSequence(store: Store<{ counters: unknown }>, name: string, block: bigint): Sequence {
  const key = `sequence/${name}`
  let next: bigint | undefined
  let reservedTo = 0n
  let last: Promise<unknown> = Promise.resolve()

  async function take(): Promise<bigint> {
    if (next === undefined) {
      const stored = store.get('counters', key) ?? '0'
      if (typeof stored !== 'string' || !/^\d{1,20}$/.test(stored)) {
        throw damagedRecord('counters', key)
      }
      next = reservedTo = BigInt(stored)
    }
    if (next === reservedTo) {
      await store.put('counters', key, `${reservedTo + block}`)
      reservedTo += block
    }
    next += 1n
    return next
  }

  return () => {
    const taken = last.then(take)
    last = taken.catch(() => {})
    return taken
  }
}

// The store of a bench whose bridge can be killed.

import { bridgeTables, type Tables } from '../host/bridge/tables.ts'
import { createMemoryStore, type Store } from '../host/store/store.ts'
import { simulatedKeys } from './simulated-env.ts'

/** A store whose process can be killed: from then on, what the killed process still writes has no effect. */
export function createKillableStore(cacheKeys: string) {
  const keys = simulatedKeys(cacheKeys)
  const store: Store<Tables> = createMemoryStore(bridgeTables)
  let lives = 0
  let writesLeft = Number.POSITIVE_INFINITY
  const never = new Promise<never>(() => {})
  return {
    keys,
    /** What a test looks into. */
    kept: { store, requestKeys: keys.requestKeys },
    dieAfterWrites(count: number) {
      writesLeft = count
    },
    /** The store of a new life, and whether that life still goes on. */
    nextLife() {
      lives += 1
      writesLeft = Number.POSITIVE_INFINITY
      const life = lives
      const writes = () => {
        writesLeft -= 1
        return life === lives && writesLeft >= 0
      }
      const own: Store<Tables> = {
        ...store,
        put: (table, name, value) => (writes() ? store.put(table, name, value) : never),
        remove: (table, name) => (writes() ? store.remove(table, name) : never),
        write: (fill) => (writes() ? store.write(fill) : never),
      }
      return { life, store: own, isAlive: () => life === lives && writesLeft >= 0 }
    },
  }
}

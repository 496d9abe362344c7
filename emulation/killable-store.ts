// The store of a bench whose bridge can be killed, and whose writes can fail.

import { bridgeTables, type Tables } from '../host/bridge/tables.ts'
import type { KeyFile } from '../host/store/key-slots.ts'
import { createMemoryStore, type Store, UnwritableError } from '../host/store/store.ts'
import { simulatedKeys } from './simulated-env.ts'

/** What becomes of a write. `refused`: nothing is written. `torn`: it fails after all of it, or a part of it, was written. */
export type WriteFault = 'refused' | 'torn' | undefined

const fault = () => new UnwritableError('No space left on device (injected)')

/** A file of keys whose writes fail when `next` says so. */
function faulty(file: KeyFile, next: () => WriteFault): KeyFile {
  return {
    ...file,
    write(at, bytes) {
      const how = next()
      if (how === 'torn') file.write(at, bytes.subarray(0, bytes.length / 2))
      if (how !== undefined) throw fault()
      file.write(at, bytes)
    },
  }
}

/** A store whose process can be killed: from then on, what the killed process still writes has no effect. */
export function createKillableStore(cacheKeys: string) {
  const keys = simulatedKeys(cacheKeys)
  const store: Store<Tables> = createMemoryStore(bridgeTables)
  let lives = 0
  let writesLeft = Number.POSITIVE_INFINITY
  let nextFault: () => WriteFault = () => undefined
  const never = new Promise<never>(() => {})

  async function attempt(write: () => Promise<void>): Promise<void> {
    const how = nextFault()
    if (how !== 'refused') await write()
    if (how !== undefined) throw fault()
  }

  return {
    keys: {
      ...keys,
      outboxKeys: faulty(keys.outboxKeys, () => nextFault()),
      requestKeys: faulty(keys.requestKeys, () => nextFault()),
    },
    /** What a test looks into and changes. */
    kept: {
      store,
      requestKeys: keys.requestKeys,
      /** Asked before each write to the store and to the files of keys. */
      failWrites(next: () => WriteFault) {
        nextFault = next
      },
    },
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
        put: (table, name, value) => (writes() ? attempt(() => store.put(table, name, value)) : never),
        remove: (table, name) => (writes() ? attempt(() => store.remove(table, name)) : never),
        write: (fill) => (writes() ? attempt(() => store.write(fill)) : never),
      }
      return { life, store: own, isAlive: () => life === lives && writesLeft >= 0 }
    },
  }
}

// One process at a time, whatever becomes of the others: a write transaction of LMDB, whose lock goes to the next when a
// process dies. A file that names its process cannot do that without a moment in which two believe they have it.

import { mkdirSync } from 'node:fs'
import { open } from 'lmdb'

/** Calls `act` while no other process is in this function for the same directory (made, mode 0700); waits until it is so. */
export function exclusively<T>(directory: string, act: () => T): T {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const root = open({ path: directory })
  try {
    return root.transactionSync(act)
  } finally {
    root.close()
  }
}

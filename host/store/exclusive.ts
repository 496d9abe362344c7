// A lock between processes: a write transaction of LMDB, whose lock is released when a process dies. A lock file with a
// process id cannot guarantee that without a moment in which two processes believe that they hold the lock.

import { mkdirSync } from 'node:fs'
import { open } from 'lmdb'

/** Calls `act` while no other process is in this function for the same directory (created, mode 0700); waits for the lock. */
export function exclusively<T>(directory: string, act: () => T): T {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const root = open({ path: directory })
  try {
    return root.transactionSync(act)
  } finally {
    root.close()
  }
}

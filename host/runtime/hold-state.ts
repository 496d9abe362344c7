// Who may use a state directory: one bridge, and one command at a time that changes something beside it.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ConfigurationError } from '../state/errors.ts'
import { besideOf, createState, type StatePaths, stateOf } from '../state/state-directory.ts'
import { HeldError, type Lock, takeLock, withLock } from './lock-file.ts'

/**
 * Takes a state directory for one bridge, before anything in it is opened. The hold of a process that has ended is taken
 * over. @throws ConfigurationError naming the process that holds it
 */
export function holdState(paths: StatePaths): Lock {
  return holdDirectory(paths.owner, paths.root, 'bridge', '--state')
}

/**
 * Takes a directory for one program, before anything in it is opened. `holder`: what to stop; `option`: what names another one.
 * @throws ConfigurationError naming the process that holds it
 */
export function holdDirectory(path: string, directory: string, holder: string, option: string): Lock {
  try {
    return takeLock(path, directory)
  } catch (error) {
    // What the system refuses is shown with its fix (main.ts).
    if ((error as NodeJS.ErrnoException).code !== undefined) throw error
    if (!(error instanceof HeldError)) throw new ConfigurationError(`${directory}: ${(error as Error).message}`)
    throw new ConfigurationError(
      `${directory} is in use by process ${error.pid}: stop that ${holder} first, or name another directory with ${option}`,
    )
  }
}

/** Calls `act` while no other command changes this directory; waits for one that does. A bridge may run meanwhile. */
export function changeState<T>(paths: StatePaths, act: () => T): T {
  return withLock(paths.changes, `the state directory ${paths.root}`, act)
}

const pollMs = 20

/**
 * Calls `act` while no other process changes this directory. Waits up to a minute for one that does, without stopping
 * other work, if it may; else refuses at once. @throws HeldError
 */
export async function tryChange<T>(paths: StatePaths, act: () => Promise<T>, mayWait = true): Promise<T> {
  const untilMs = performance.now() + (mayWait ? 60_000 : 0)
  let lock: Lock | undefined
  while (lock === undefined) {
    try {
      lock = takeLock(paths.changes, `the state directory ${paths.root}`)
    } catch (error) {
      if (!(error instanceof HeldError) || performance.now() >= untilMs) throw error
      await setTimeout(pollMs)
    }
  }
  try {
    return await act()
  } finally {
    lock.release()
  }
}

/** Creates a state directory (`createState`) while no other process does. @throws ConfigurationError */
export async function newState(paths: StatePaths, fill: (paths: StatePaths) => Promise<void>): Promise<void> {
  mkdirSync(dirname(paths.root), { recursive: true })
  const creating = holdDirectory(`${besideOf(paths)}.lock`, paths.root, 'bridge', '--state')
  try {
    if (stateOf(paths) === 'whole') throw new ConfigurationError(`another process has just created ${paths.root}`)
    await createState(paths, fill)
  } finally {
    creating.release()
  }
}

// Lock files: a file names the process that holds a resource.

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

export interface Lock {
  release(): void
}

// In a restarted container the process may have the same number as before: a lock with our number is ours only if this
// process took it.
const held = new Set<string>()

/** Fields of /proc/PID/stat from the third on; empty where there is no /proc. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name in brackets, which may contain spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

/** Start of a process in clock ticks since the machine's; '' where there is no /proc. */
const startOf = (pid: number) => statOf(pid)[19] ?? ''

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has ended and has no file open; in a container it may never be reaped.
    return statOf(pid)[0] !== 'Z'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The process that a lock names, if it still runs. A later process with the same number does not count. */
function holderOf(path: string, text: string): number | undefined {
  const [pidText = '', start = ''] = text.trim().split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid < 1) return undefined
  if (pid === process.pid) return held.has(path) ? pid : undefined
  if (!isAlive(pid)) return undefined
  const startNow = startOf(pid)
  return start !== '' && startNow !== '' && start !== startNow ? undefined : pid
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Removes the lock of a process that has ended, unless another process has replaced it meanwhile. */
function removeStale(path: string, text: string): void {
  const aside = `${path}.${process.pid}.stale`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    if (readText(aside) !== text) linkSync(aside, path)
  } finally {
    rmSync(aside, { force: true })
  }
}

/**
 * Takes the lock at `path` (mode 0600; the number and start of this process). The lock of a process that has ended is
 * replaced. Processes in different PID namespaces (two containers on one volume) are not kept apart.
 * @param what the locked resource, for messages
 * @throws Error when a running process holds it, or the folder cannot be written
 */
export function takeLock(path: string, what: string): Lock {
  const mine = `${process.pid} ${startOf(process.pid)}\n`
  for (let tries = 0; tries < 10; tries++) {
    try {
      // Written under another name and linked, so that no process reads an empty lock.
      const aside = `${path}.${process.pid}.new`
      writeFileSync(aside, mine, { mode: 0o600 })
      try {
        linkSync(aside, path)
      } finally {
        rmSync(aside, { force: true })
      }
      held.add(path)
      return {
        release: () => {
          if (!held.delete(path)) return
          if (readText(path) === mine) rmSync(path, { force: true })
        },
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        const message = error instanceof Error ? error.message : String(error)
        throw new Error(`cannot lock ${what}: ${message}. Name a folder that exists and that you may write to.`)
      }
    }
    const text = readText(path)
    const holder = holderOf(path, text)
    if (holder !== undefined) {
      throw new Error(`${what} is in use by process ${holder}. Stop that meter first, or name another file.`)
    }
    removeStale(path, text)
  }
  throw new Error(`${what} stayed locked by ${path}. Remove that file if no meter is running.`)
}

// Lock files: a file names the process that holds a resource. The hold of a process that has ended is taken over.

import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

export interface Lock {
  release(): void
}

/** Another process holds the resource. */
export class HeldError extends Error {
  readonly pid: number
  constructor(what: string, pid: number) {
    super(`${what} is in use by process ${pid}`)
    this.pid = pid
  }
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

/** Start of a process in clock ticks since the machine's; '-' where there is no /proc. */
const startOf = (pid: number) => statOf(pid)[19] ?? '-'

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
function holderOf(text: string): number | undefined {
  const [pidText = '', start = '-'] = text.trim().split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid < 1) return undefined
  if (pid === process.pid) return held.has(text) ? pid : undefined
  if (!isAlive(pid)) return undefined
  const startNow = startOf(pid)
  return start !== '-' && startNow !== '-' && start !== startNow ? undefined : pid
}

/** The text of a file; undefined when there is none. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Links `aside` to `path` unless something is there. */
function linkNew(aside: string, path: string): boolean {
  try {
    linkSync(aside, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Puts `aside` in the place of a lock with the text `stale`. Only the holder of `PATH.takeover`, a lock itself, replaces a
 * lock, and looks again first: two processes cannot both take one over.
 */
function replaceStale(path: string, stale: string, aside: string): boolean {
  return withLock(`${path}.takeover`, path, () => {
    if (readText(path) !== stale) return false
    renameSync(aside, path)
    return true
  })
}

/**
 * Takes the lock at `path` (mode 0600): number and start of this process, and a number of its own. Processes in different
 * PID namespaces (two containers on one volume) are not kept apart.
 * @param what the locked resource, for messages
 * @throws HeldError when a running process holds it; the error of node:fs when the folder cannot be written
 */
export function takeLock(path: string, what: string): Lock {
  const name = randomBytes(8).toString('hex')
  const mine = `${process.pid} ${startOf(process.pid)} ${name}\n`
  // Written under another name and linked, so that no process reads an empty lock.
  const aside = `${path}.${name}.new`
  writeFileSync(aside, mine, { mode: 0o600 })
  try {
    while (!linkNew(aside, path)) {
      const text = readText(path)
      // Released in this moment.
      if (text === undefined) continue
      const holder = holderOf(text)
      if (holder !== undefined) throw new HeldError(what, holder)
      if (replaceStale(path, text, aside)) break
    }
  } finally {
    rmSync(aside, { force: true })
  }
  held.add(mine)
  return {
    release() {
      if (held.delete(mine) && readText(path) === mine) rmSync(path, { force: true })
    },
  }
}

const pollMs = 10

/**
 * Calls `act` while this process holds the lock at `path`; waits up to `timeoutMs` for another process that holds it.
 * @throws HeldError after that time
 */
export function withLock<T>(path: string, what: string, act: () => T, timeoutMs = 60_000): T {
  const untilMs = performance.now() + timeoutMs
  let lock: Lock | undefined
  while (lock === undefined) {
    try {
      lock = takeLock(path, what)
    } catch (error) {
      if (!(error instanceof HeldError) || performance.now() >= untilMs) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs)
    }
  }
  try {
    return act()
  } finally {
    lock.release()
  }
}

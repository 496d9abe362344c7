// Copies a state directory while a bridge uses it.
//
// The copy holds no key of the cache, no cached reading, no key of the outbox, and no flash of an emulated meter: with an
// older flash a meter would use nonces again. An undelivered response cannot be read in it: it is made again from its request.

import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ChainPoint } from '../audit/audit-record.ts'
import { scanSegment } from '../audit/scan-segment.ts'
import { indexPath, trailFiles } from '../audit/segment.ts'
import { startOnRecord, verifyTrail } from '../audit/verify-trail.ts'
import { ConfigurationError } from '../state/errors.ts'
import { readJson, type StatePaths, statePaths, writeFileWhole } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { copyLmdbStore } from '../store/lmdb.ts'

/** Tables whose contents are not copied. */
const omittedTables = ['readings', 'orders']
/** Tries to copy a trail whose files change meanwhile. */
const triesMax = 20

export interface Backup {
  /** When it was made, ISO 8601. */
  made: string
  /** The end of the copied audit trail. */
  head: ChainPoint
}

const noteOf = (directory: string) => join(directory, 'backup.json')

/**
 * Makes a backup in a directory that does not exist yet.
 * @throws ConfigurationError when it exists; Error of node:fs when it cannot be written
 */
export async function backupState(paths: StatePaths, directory: string, nowMs: number): Promise<Backup> {
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new ConfigurationError(`${directory} exists already: name a directory that is to be created`)
  const copy = statePaths(join(dirname(directory), `.${basename(directory)}.new`))
  rmSync(copy.root, { recursive: true, force: true })
  mkdirSync(copy.root, { recursive: true, mode: 0o700 })
  try {
    // The store first: then the keys are those of the requests in it, and the trail has all that the store has.
    if (existsSync(paths.store)) await copyLmdbStore(paths.store, copy.store, omittedTables)
    copyParts(paths, copy)
    await copyTrail(paths.audit, copy.audit)
    const { ok, problem, head } = await verifyTrail(copy.audit, { oldest: await startOnRecord(copy.audit) })
    if (!ok && head.seq === 0) throw new ConfigurationError(`the audit trail is damaged: ${problem}`)
    const backup = { made: new Date(nowMs).toISOString(), head }
    writeFileWhole(noteOf(copy.root), `${JSON.stringify({ version: 1, program: version, ...backup })}\n`)
    rmSync(directory, { recursive: true, force: true })
    renameSync(copy.root, directory)
    return backup
  } catch (error) {
    rmSync(copy.root, { recursive: true, force: true })
    throw error
  }
}

/** Reads what a backup says of itself. @throws ConfigurationError for a directory that is no backup */
export function readBackup(directory: string): Backup {
  if (!existsSync(noteOf(directory))) throw new ConfigurationError(`${directory} is no backup: it has no backup.json`)
  const { version: format, made, head } = readJson(noteOf(directory)) as { [name: string]: unknown }
  if (format !== 1 || typeof made !== 'string')
    throw new ConfigurationError(`${noteOf(directory)} is not of this version`)
  return { made, head: head as ChainPoint }
}

/** Registry, configuration, certificates and keys: those of accepted requests, and none of the outbox or the cache. */
export function copyParts(from: StatePaths, to: StatePaths): void {
  for (const name of ['registry', 'config', 'pki', 'vault', 'requestKeys', 'meters', 'clock', 'version'] as const) {
    if (!existsSync(from[name])) continue
    mkdirSync(dirname(to[name]), { recursive: true, mode: 0o700 })
    cpSync(from[name], to[name], { recursive: true, filter: (path) => !path.endsWith('.new') })
  }
}

/** Copies an audit trail up to its last whole batch. A bridge may append, compress and remove meanwhile. */
export async function copyTrail(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    rmSync(to, { recursive: true, force: true })
    mkdirSync(to, { recursive: true, mode: 0o700 })
    try {
      for (const { path, number, kind } of trailFiles(from)) {
        copyFileSync(path, join(to, basename(path)))
        if (kind === 'archived') copyFileSync(indexPath(from, number), indexPath(to, number))
      }
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === triesMax) throw error
    }
  }
  const last = trailFiles(to).at(-1)
  if (last?.kind !== 'plain') return
  const { endOffset } = await scanSegment(last, () => {})
  if (statSync(last.path).size > endOffset) truncateSync(last.path, endOffset)
}

// Restores a state directory from a backup, or its store from its audit trail.

import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { useRequestIds } from '../access/request-counters.ts'
import { dspKeys } from '../audit/open-notes.ts'
import { recordsOf } from '../audit/read-trail.ts'
import { trailFiles } from '../audit/segment.ts'
import { acceptedIds } from '../audit/select.ts'
import { openServiceAuditTrail } from '../audit/service-audit-trail.ts'
import { startOnRecord, verifyTrail } from '../audit/verify-trail.ts'
import { bridgeTables } from '../bridge/tables.ts'
import { readConfig } from '../config/config.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity } from '../pki/test-pki.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { destroyFile, type StatePaths, statePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import type { Timing } from '../wan/timing.ts'
import { type Backup, copyParts, copyTrail, readBackup } from './backup-state.ts'
import { type CaughtUp, catchUpStore } from './catch-up.ts'
import { holdState } from './hold-state.ts'
import { migrateStore } from './migrate-store.ts'

export interface RestoreParts {
  timing: Timing
  /** Environment variables, which may name the DCC's signing tool. */
  env: { [name: string]: string | undefined }
}

export interface Restored extends CaughtUp {
  /** RequestIDs that were used after this time, ISO 8601, are not known. */
  unknownSince?: string
  /** Where the state directory is that was there before. */
  before?: string
}

/** Brings the store of a state directory up to its audit trail. No bridge may run meanwhile. @throws CommandError */
export async function catchUpState(paths: StatePaths, parts: RestoreParts, unknownSince?: string): Promise<CaughtUp> {
  await migrateStore(paths, randomBytes, parts.timing.nowMs())
  const store = openLmdbStore(paths.store, bridgeTables)
  try {
    const caughtUp = await catchUpStore(store, paths.audit, dspKeys(paths))
    const tool = await signingToolOf(readConfig(paths.config, parts.env, {}))
    const { key } = (tool?.dsp ?? loadIdentity(paths.pki, 'dsp')).signer
    const problems: string[] = []
    const trail = await openServiceAuditTrail({
      directory: paths.audit,
      timing: parts.timing,
      store,
      key,
      report: (problem) => void problems.push(problem),
    })
    const { requestIds, fromSeq, seq, lost, undelivered } = caughtUp
    trail.record({
      event: 'store restored',
      requestIds,
      fromSeq,
      lastSeq: seq,
      ...(unknownSince !== undefined && { unknownSince }),
    })
    const why = 'it is not in the store that was restored: it must be asked again'
    for (const requestId of [...lost, ...undelivered]) trail.record({ event: 'dropped', requestId, why })
    await trail.committed()
    await trail.close()
    if (problems.length > 0) throw new CommandError(exitCode.failed, problems.join('; '))
    return caughtUp
  } finally {
    await store.close()
  }
}

export interface RestoreOptions {
  backup: string
  /** A surviving audit trail; the one of the state directory unless given. */
  trail?: string | undefined
  /** Restores although used RequestIDs are not known. */
  acceptUnknown: boolean
}

/**
 * Puts a backup in place of a state directory, which is kept under another name. Used RequestIDs are taken from the newest
 * trail that survives. @throws CommandError when they cannot be known and that was not accepted; nothing is changed then
 */
export async function restoreState(
  paths: StatePaths,
  { backup: directory, trail, acceptUnknown }: RestoreOptions,
  parts: RestoreParts,
): Promise<Restored> {
  const from = statePaths(directory)
  const backup = readBackup(from.root)
  // No bridge may use it until another is in its place. The lock goes away with the directory.
  const hold = existsSync(paths.root) ? holdState(paths) : undefined
  try {
    return await putInPlace(paths, { from, backup, trail, acceptUnknown }, parts)
  } finally {
    hold?.release()
  }
}

interface Placing extends Omit<RestoreOptions, 'backup'> {
  from: StatePaths
  backup: Backup
}

async function putInPlace(
  paths: StatePaths,
  { from, backup, trail, acceptUnknown }: Placing,
  parts: RestoreParts,
): Promise<Restored> {
  const survivor = await survivingTrail(trail ?? paths.audit, from, backup)
  const { unknownSince } = survivor
  if (unknownSince !== undefined && !acceptUnknown) {
    throw new CommandError(
      exitCode.failed,
      `RequestIDs that were used after ${unknownSince} are not known: ${survivor.problem}. Requests that were accepted since then ` +
        'would be accepted again. Name a newer audit trail with --trail DIR, or accept that with --accept-unknown',
    )
  }
  const fresh = statePaths(join(dirname(paths.root), `.${basename(paths.root).replace(/^\./, '')}.restored`))
  rmSync(fresh.root, { recursive: true, force: true })
  mkdirSync(fresh.root, { recursive: true, mode: 0o700 })
  try {
    copyParts(from, fresh)
    for (const name of ['store', 'storeOf1'] as const)
      if (existsSync(from[name])) cpSync(from[name], fresh[name], { recursive: true })
    await copyTrail(survivor.directory, fresh.audit)
    await takeRequestIds(fresh, survivor.alsoUsed)
    const caughtUp = await catchUpState(fresh, parts, unknownSince)
    const before = moveAway(paths, parts.timing.nowMs())
    renameSync(fresh.root, paths.root)
    if (before !== undefined) destroyKeys(statePaths(before))
    return { ...caughtUp, ...(unknownSince !== undefined && { unknownSince }), ...(before !== undefined && { before }) }
  } catch (error) {
    rmSync(fresh.root, { recursive: true, force: true })
    throw error
  }
}

interface Survivor {
  /** The trail to continue. */
  directory: string
  /** What was used after this time is not known, and why. */
  unknownSince?: string
  problem?: string
  /** RequestIDs in a trail that is damaged. */
  alsoUsed: string[]
}

/** The newest trail that contains the end of the backup's. */
async function survivingTrail(directory: string, from: StatePaths, { head, made }: Backup): Promise<Survivor> {
  const isOwn = directory === from.audit
  if (isOwn || trailFiles(directory).length === 0) {
    return {
      directory: from.audit,
      unknownSince: made,
      problem: `there is no audit trail in ${directory}`,
      alsoUsed: [],
    }
  }
  const verdict = await verifyTrail(directory, {
    anchor: head,
    keys: dspKeys(from),
    oldest: await startOnRecord(directory),
  })
  // What was removed from the trail after the backup was made is not known.
  const continues = verdict.first <= head.seq + 1
  if (verdict.ok && continues) return { directory, alsoUsed: [] }
  let unknownSince = made
  const alsoUsed: string[] = []
  for await (const record of recordsOf(directory)) {
    if (continues && record.seq <= verdict.head.seq && record.seq > head.seq) unknownSince = record.time
    alsoUsed.push(...acceptedIds([record]))
  }
  const what = continues
    ? `is damaged: ${verdict.problem}`
    : `begins at record ${verdict.first}, and the backup's ends with record ${head.seq}`
  const problem = `the audit trail in ${directory} ${what}`
  return { directory: from.audit, unknownSince, problem, alsoUsed }
}

async function takeRequestIds(paths: StatePaths, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const store = openLmdbStore(paths.store, bridgeTables)
  try {
    await useRequestIds(store, ids)
  } finally {
    await store.close()
  }
}

/** Destroys the keys of the cache, of responses and of requests, which nothing uses or ends any more, and the old lock. */
function destroyKeys({ cacheKeys, outboxKeys, requestKeys, owner }: StatePaths): void {
  const ofCache = existsSync(cacheKeys) ? readdirSync(cacheKeys).map((name) => join(cacheKeys, name)) : []
  try {
    for (const path of [...ofCache, outboxKeys, requestKeys]) if (existsSync(path)) destroyFile(path)
  } catch (error) {
    throw new CommandError(
      exitCode.failed,
      `it is restored, but keys of before cannot be destroyed: ${(error as Error).message}. Overwrite and delete ` +
        `${cacheKeys}, ${outboxKeys} and ${requestKeys}: with them old readings can be read`,
    )
  }
  rmSync(owner, { force: true })
}

/** Renames what is in the place of the state directory. */
function moveAway({ root }: StatePaths, nowMs: number): string | undefined {
  if (!existsSync(root)) return undefined
  const before = `${root}.before-restore-${new Date(nowMs).toISOString().replace(/[:.]/g, '')}`
  renameSync(root, before)
  return before
}

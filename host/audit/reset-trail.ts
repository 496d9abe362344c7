// Begins a new audit trail in place of a damaged one, which is kept under another name.

import { existsSync, renameSync } from 'node:fs'
import { chainStart } from './audit-record.ts'
import { openServiceAuditTrail } from './service-audit-trail.ts'
import type { TrailParts } from './trail-files.ts'
import { createTrailNotes } from './trail-notes.ts'
import { startTrail, TrailError } from './trail-start.ts'

/**
 * Begins a new trail with a record of why, and of the last record that the store noted of the old one.
 * @returns where the old trail is, if there was one
 * @throws TrailError when the store is behind the trail; RangeError when nothing is wrong with the trail
 */
export async function resetTrail(parts: TrailParts, why: string): Promise<{ problem: string; movedTo?: string }> {
  const { directory, store, timing } = parts
  const notes = createTrailNotes(store)
  const problem = await problemOf(directory, parts)
  const movedTo = `${directory}.before-reset-${new Date(timing.nowMs()).toISOString().replace(/[:.]/g, '')}`
  const moved = existsSync(directory)
  if (moved) renameSync(directory, movedTo)
  const last = notes.head() ?? chainStart
  await notes.clearSegments()
  await notes.noteOldest({ number: 1, ...chainStart })
  await notes.noteHead({ number: 1, ...chainStart })
  const trail = await openServiceAuditTrail(parts)
  trail.record({ event: 'reset', why, lastSeq: last.seq, lastHash: last.hash })
  await trail.committed()
  await trail.close()
  return { problem, ...(moved && { movedTo }) }
}

async function problemOf(directory: string, { store }: TrailParts): Promise<string> {
  try {
    await startTrail(directory, createTrailNotes(store))
  } catch (error) {
    if (error instanceof TrailError && error.kind === 'trail') return error.message
    throw error
  }
  throw new RangeError(`the audit trail in ${directory} can be continued: a bridge starts with it`)
}

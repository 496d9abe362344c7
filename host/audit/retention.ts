// Removes closed segments whose last record is older than the retention time.

import { hash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dayMs } from '../../protocol/half-hour.ts'
import type { Timing } from '../wan/timing.ts'
import type { AuditEvent, ChainPoint } from './audit-record.ts'
import { oldLinesOf } from './old-line.ts'
import { archivePath, indexPath, type SegmentFile, trailFiles } from './segment.ts'
import { readIndex } from './segment-index.ts'
import type { NotedPoint, TrailNotes } from './trail-notes.ts'

/** Segments to remove, by number, and the end of the last one. */
export interface Expired {
  from: number
  upTo: number
  end: ChainPoint
}

/** The oldest segments, as long as all their records are of before `beforeMs`. The newest file is never among them. */
export async function expiredSegments(
  directory: string,
  notes: TrailNotes,
  beforeMs: number,
): Promise<Expired | undefined> {
  let found: Expired | undefined
  for (const file of trailFiles(directory).slice(0, -1)) {
    const last = await lastOf(directory, file, notes)
    if (last === undefined || last.timeMs >= beforeMs) break
    found = { from: found?.from ?? file.number, upTo: file.number, end: last.end }
  }
  return found
}

/** The end of a closed segment and its latest time; undefined while that is not known. */
async function lastOf(
  directory: string,
  { number, kind, path }: SegmentFile,
  notes: TrailNotes,
): Promise<{ end: ChainPoint; timeMs: number } | undefined> {
  if (kind === 'old') return lastOldRecord(path)
  const noted = notes.segment(number)
  const index = indexPath(directory, number)
  if (noted === undefined || !existsSync(index)) return undefined
  const bytes = readFileSync(index)
  // Only the index that the store noted is believed.
  const blocks = hash('sha256', bytes) === noted.index ? readIndex(bytes) : undefined
  if (blocks === undefined) return undefined
  return { end: { seq: noted.seq, hash: noted.hash }, timeMs: Math.max(...blocks.map(({ toMs }) => toMs)) }
}

async function lastOldRecord(path: string): Promise<{ end: ChainPoint; timeMs: number } | undefined> {
  let last: { end: ChainPoint; timeMs: number } | undefined
  for await (const { record, hash: lineHash } of oldLinesOf(path)) {
    if (record === undefined) return undefined
    const timeMs = Math.max(last?.timeMs ?? 0, Date.parse(record.time))
    last = { end: { seq: record.seq, hash: lineHash }, timeMs }
  }
  return last
}

/** Removes files of before the oldest segment. */
async function removeBefore(directory: string, notes: TrailNotes, oldest: NotedPoint): Promise<void> {
  for (const { number, path } of trailFiles(directory)) {
    if (number >= oldest.number) continue
    for (const one of [path, archivePath(directory, number), indexPath(directory, number)]) rmSync(one, { force: true })
    await notes.forgetSegment(number)
  }
}

export interface RetentionParts {
  directory: string
  timing: Timing
  /** Infinity, or absent: nothing is removed. */
  retentionDays?: number
  report(problem: string): void
}

/** What the removal needs of the trail. */
interface Recording {
  record(event: AuditEvent): void
  committed(): Promise<void>
}

/** Removes expired segments of an open trail, after that is on record. */
export function createRetirement(
  { directory, timing, report, retentionDays = Number.POSITIVE_INFINITY }: RetentionParts,
  notes: TrailNotes,
  { record, committed }: Recording,
) {
  let working: Promise<void> = Promise.resolve()
  let stopped = false

  async function retire(): Promise<void> {
    const expired = await expiredSegments(directory, notes, timing.nowMs() - retentionDays * dayMs)
    if (expired === undefined || stopped) return
    const { from, upTo, end } = expired
    record({ event: 'segments removed', from, upTo, lastSeq: end.seq, lastHash: end.hash })
    await committed()
    const oldest = { number: upTo + 1, ...end }
    await notes.noteOldest(oldest)
    await removeBefore(directory, notes, oldest)
  }

  return {
    /** Finishes what an earlier run began. */
    async finish() {
      const oldest = notes.oldest()
      if (oldest !== undefined) await removeBefore(directory, notes, oldest)
    },
    /** Call it at the start, and whenever a segment was closed. */
    start() {
      if (!Number.isFinite(retentionDays)) return
      working = working
        .then(retire)
        .catch((error) => report(`old segments of the audit trail are not removed: ${(error as Error).message}`))
    },
    async stop() {
      await working
      stopped = true
    },
  }
}

// Finds the end of an audit trail at a start: repairs what a crash leaves, and stops at anything else.

import { hash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { syncDirectory } from './archive.ts'
import { type AuditRecord, type ChainPoint, chainStart } from './audit-record.ts'
import { oldLineFollows, oldLinesOf } from './old-line.ts'
import { recordsIn } from './read-records.ts'
import { type SegmentEnd, scanSegment } from './scan-segment.ts'
import {
  headerBytesMax,
  headerLine,
  readTrailer,
  type SegmentFile,
  trailerBytes,
  trailerLine,
  trailFiles,
} from './segment.ts'
import type { TrailNotes } from './trail-notes.ts'

/** The most that a crash can leave unfinished: one batch. */
export const tornBytesMax = 1024 * 1024

export interface TrailStart {
  /** The last whole batch. */
  head: ChainPoint
  /** The segment to continue: its length, and the header or trailer that the next batch follows. Absent: begin another. */
  open?: { bytes: number; anchor: string }
  /** Number of the last segment; 0 when there is none. */
  number: number
  /** What was cut off after the last batch. */
  cut?: { bytes: number; sha256: string; file: string }
  /** Records of the last batch, when the store had not noted it yet. */
  unnoted: AuditRecord[]
}

/** The trail and the store contradict each other, or the trail is damaged. */
export class TrailError extends Error {
  /** `store behind`: the store is older than the trail, or was emptied. `trail`: the trail is not what it was. */
  readonly kind: 'store behind' | 'trail'
  constructor(kind: TrailError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

function damage(directory: string, what: string): TrailError {
  return new TrailError(
    'trail',
    `${what}: no crash does this. Restore ${directory} from a copy (smets1 restore), or begin a new trail: smets1 audit --reset REASON`,
  )
}

function storeBehind(directory: string, what: string): TrailError {
  return new TrailError(
    'store behind',
    `the store is behind the audit trail in ${directory}: ${what}. It was emptied or is an older copy, and used RequestIDs would be accepted again. ` +
      'Put the newer store back, or take the used RequestIDs from the trail: smets1 restore',
  )
}

/**
 * Finds the end of the trail and compares it with what the store noted. An unfinished last batch is cut off and saved in a
 * file beside.
 * @throws TrailError
 */
export async function startTrail(directory: string, notes: TrailNotes): Promise<TrailStart> {
  const oldest = notes.oldest()?.number ?? 0
  const files = trailFiles(directory).filter(({ number }) => number >= oldest)
  checkFiles(directory, files, oldest, notes)
  const last = files.at(-1)
  if (last === undefined) {
    const noted = notes.head()
    if (noted !== undefined && noted.seq > 0)
      throw damage(directory, `there is no audit trail, but the store noted record ${noted.seq} of it`)
    return { head: chainStart, number: 0, unnoted: [] }
  }
  if (last.kind === 'old') return startAfterOld(directory, files, last, notes)
  const points: ChainPoint[] = []
  let lines: Buffer = Buffer.alloc(0)
  const end = await scanSegment(last, (batch) => {
    points.push(batch.point)
    lines = batch.lines
  }).catch((error: Error) => {
    throw damage(directory, `${last.path} cannot be read: ${error.message}`)
  })
  const { header, rest } = end
  if (header === undefined) {
    // A segment that was being begun.
    const isUnfinished =
      last.kind === 'plain' && rest.length <= headerBytesMax && (!rest.includes(10) || rest.includes(0))
    if (!isUnfinished) throw damage(directory, `${last.path}: ${end.problem ?? 'it has no header'}`)
    rmSync(last.path)
    return startTrail(directory, notes)
  }
  if (header.number !== last.number)
    throw damage(directory, `${last.path} is segment ${header.number} under another name`)
  const before = notes.segment(last.number - 1)
  if (before !== undefined && (before.seq !== header.before.seq || before.hash !== header.before.hash))
    throw damage(directory, `${last.path} does not continue segment ${before.number} as the store noted it`)
  const torn = tornBytes(directory, last, end)
  const unnoted = compareHead(directory, [header.before, ...points], notes)
  const cut = torn.length > 0 ? cutOff(last.path, end.endOffset, torn) : undefined
  const first = (points.at(-2) ?? header.before).seq + 1
  const records = unnoted ? [...recordsIn(lines.toString('utf8'), first)] : []
  const found = { head: end.end, number: last.number, unnoted: records, ...(cut && { cut }) }
  if (end.seal !== undefined) return found
  const anchor = points.length === 0 ? headerLine(header.number, header.before) : trailerLine(end.end.hash)
  return { ...found, open: { bytes: end.endOffset, anchor } }
}

/** Checks that no segment is missing or has another size than the store noted. */
function checkFiles(directory: string, files: readonly SegmentFile[], oldest: number, notes: TrailNotes): void {
  const [first] = files
  if (first !== undefined && oldest > 0 && first.number > oldest)
    throw damage(directory, `segment ${oldest} of the audit trail is missing`)
  for (const [i, { number, kind, path }] of files.entries()) {
    const before = files[i - 1]?.number
    if (before !== undefined && before + 1 !== number)
      throw damage(directory, `segment ${before + 1} of the audit trail is missing`)
    const noted = kind === 'archived' ? notes.segment(number) : undefined
    if (noted !== undefined && noted.archiveBytes !== statSync(path).size)
      throw damage(directory, `${path} is not the segment that the store noted: it has another size`)
  }
}

/** The bytes behind the last good batch, when a crash can have left them. */
function tornBytes(
  directory: string,
  { kind, path }: SegmentFile,
  { endOffset, problem, end, rest }: SegmentEnd,
): Buffer {
  if (rest.length === 0) return rest
  if (kind === 'archived') throw damage(directory, `${path}: ${problem ?? 'there are bytes behind its end'}`)
  const torn = readFileSync(path).subarray(endOffset)
  if (torn.length > tornBytesMax)
    throw damage(directory, `${path}: ${torn.length} bytes after record ${end.seq} are no batch`)
  // A batch is written with its trailer last. A power cut may keep later pages of it and lose earlier ones, which then read
  // as zeros; a batch with its trailer and without zeros was altered.
  const trailer = firstTrailer(torn)
  if (trailer !== undefined && (!torn.includes(0) || trailer + trailerBytes < torn.length))
    throw damage(directory, `${path}: the batch after record ${end.seq} was altered`)
  return torn
}

function firstTrailer(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf('\n='); at >= 0; at = bytes.indexOf('\n=', at + 1)) {
    if (readTrailer(bytes.toString('latin1', at + 1, at + 1 + trailerBytes)) !== undefined) return at + 1
  }
  return undefined
}

/**
 * Compares the points of the last segment with the end that the store noted. The bridge writes a batch only when the one before
 * it is noted, so a crash leaves the store at most one batch behind: then the result is true.
 */
function compareHead(directory: string, points: readonly ChainPoint[], notes: TrailNotes): boolean {
  const end = points.at(-1) ?? chainStart
  const noted = notes.head()
  if (noted === undefined) {
    if (points.length > 1) throw storeBehind(directory, 'it has no note of it')
    return false
  }
  if (noted.seq > end.seq)
    throw damage(
      directory,
      `the audit trail ends with record ${end.seq}, but the store noted record ${noted.seq}: the trail was cut, or an older one was put in its place`,
    )
  const at = points.findIndex(({ seq }) => seq === noted.seq)
  const behind = `it noted record ${noted.seq}, and the trail ends with record ${end.seq}`
  if (at < 0 && noted.seq < (points[0]?.seq ?? 0)) throw storeBehind(directory, behind)
  if (points[at]?.hash !== noted.hash)
    throw damage(
      directory,
      `record ${noted.seq} of the audit trail is not the one that the store noted: the trail was rewritten`,
    )
  if (at < points.length - 2) throw storeBehind(directory, behind)
  return at === points.length - 2
}

/** The end of a trail whose last file is of version 0.1. */
async function startAfterOld(
  directory: string,
  files: readonly SegmentFile[],
  last: SegmentFile,
  notes: TrailNotes,
): Promise<TrailStart> {
  const { head, cut } = await endOfOld(directory, files)
  const noted = notes.head()
  if (noted !== undefined && (noted.seq !== head.seq || noted.hash !== head.hash))
    throw damage(directory, `the audit trail ends with record ${head.seq}, but the store noted record ${noted.seq}`)
  return { head, number: last.number, unnoted: [], ...(cut && { cut }) }
}

async function endOfOld(directory: string, files: readonly SegmentFile[]): Promise<Pick<TrailStart, 'head' | 'cut'>> {
  let cut: TrailStart['cut']
  // The newest file may still be empty.
  for (const { path } of [...files].reverse()) {
    const end = await lastOldLine(path)
    const bytes = statSync(path).size - end.offset
    if (bytes > 0 && (cut !== undefined || bytes > tornBytesMax))
      throw damage(directory, `${path}:${end.number}: ${end.problem}, ${bytes} bytes before the end`)
    if (bytes > 0) cut = cutOff(path, end.offset, readFileSync(path).subarray(end.offset))
    if (end.head !== undefined) return { head: end.head, ...(cut && { cut }) }
  }
  return { head: chainStart, ...(cut && { cut }) }
}

/** The last good record of a file of version 0.1, and where the next line would start. */
async function lastOldLine(
  file: string,
): Promise<{ head?: ChainPoint; offset: number; number: number; problem: string }> {
  let head: ChainPoint | undefined
  let offset = 0
  let number = 1
  const stop = (problem: string) => ({ ...(head && { head }), offset, number, problem })
  for await (const line of oldLinesOf(file)) {
    if (!line.ended) return stop('a line without its end')
    if (line.record === undefined) return stop(line.problem ?? 'a line that is no record')
    const problem = head && oldLineFollows(line, head)
    if (problem !== undefined) return stop(problem)
    head = { seq: line.record.seq, hash: line.hash }
    offset = line.nextOffset
    number = line.number + 1
  }
  return stop('bytes that are no line')
}

/** Truncates a file after saving the bytes that are cut off. */
function cutOff(path: string, offset: number, torn: Buffer): NonNullable<TrailStart['cut']> {
  const savedAs = `${path.replace(/\.(jsonl|log)$/, '')}.torn-${offset}`
  const file = openSync(savedAs, 'w', 0o600)
  writeSync(file, torn)
  fsyncSync(file)
  closeSync(file)
  truncateSync(path, offset)
  const cut = openSync(path, 'r+')
  fsyncSync(cut)
  closeSync(cut)
  syncDirectory(dirname(path))
  return { bytes: torn.length, sha256: hash('sha256', torn), file: basename(savedAs) }
}

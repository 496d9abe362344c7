// Verifies an audit trail: every batch, the seals, the indexes, and that it is the trail that the store noted.

import { createHash, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { verifyHere } from '../pki/public-key.ts'
import { type ChainPoint, chainStart } from './audit-record.ts'
import { oldLineFollows, oldLinesOf } from './old-line.ts'
import { recordsOf } from './read-trail.ts'
import { type SegmentEnd, scanSegment } from './scan-segment.ts'
import { indexPath, type SegmentFile, sealedText, trailFiles } from './segment.ts'
import type { NotedPoint, TrailNotes } from './trail-notes.ts'
import { tornBytesMax } from './trail-start.ts'

/** The result of a verification. */
export interface Verdict {
  ok: boolean
  files: number
  records: number
  /** Sequence number of the first record, and the end of the chain. */
  first: number
  head: ChainPoint
  /** The first fault, with its file. */
  problem?: string
  /** Bytes of an unfinished last batch: being written, or left by a crash and cut off at the next start. */
  unfinishedBytes: number
  /** Bytes of lines that were verified, uncompressed. */
  bytes: number
}

export interface VerifyOptions {
  /** A point noted earlier, elsewhere: the chain must pass through it, or begin behind it. */
  anchor?: ChainPoint | undefined
  /** What the store noted; undefined when there is no store. */
  notes?: TrailNotes | undefined
  /** Where the trail begins, when there are no notes (`startOnRecord`). */
  oldest?: NotedPoint | undefined
  /** Public keys that may have sealed, beside those that the store noted. Seals are not verified without any. */
  keys?: readonly [fingerprint: string, key: KeyObject][]
}

/** A point that the chain must pass through, and who noted it. */
interface Passing extends ChainPoint {
  noted: string
}

type State = Verdict & {
  /** The end of what was verified; undefined before the first record. */
  before: ChainPoint | undefined
  passing: Passing[]
}

class Fault extends Error {}

/** Where a trail begins whose oldest segments were removed, as its newest record of that says. It is verified with the trail. */
export async function startOnRecord(directory: string): Promise<NotedPoint | undefined> {
  const first = trailFiles(directory)[0]?.number ?? 1
  if (first === 1) return undefined
  let start: NotedPoint | undefined
  for await (const record of recordsOf(directory)) {
    // Files of before that point are what a crash left of the removal.
    if (record.event !== 'segments removed' || record.upTo + 1 < first) continue
    start = { number: record.upTo + 1, seq: record.lastSeq, hash: record.lastHash }
  }
  return start
}

/** Verifies a trail up to the end of each of its files. The bridge may run meanwhile. */
export async function verifyTrail(directory: string, options: VerifyOptions = {}): Promise<Verdict> {
  const { anchor, notes } = options
  // Before the files are read: a running bridge appends.
  const head = notes?.head()
  const oldest = notes === undefined ? options.oldest : notes.oldest()
  const keys = new Map([...(options.keys ?? []), ...(notes?.signers() ?? [])])
  const files = trailFiles(directory).filter(({ number }) => oldest === undefined || number >= oldest.number)
  const state: State = {
    ok: true,
    files: files.length,
    records: 0,
    first: 0,
    head: chainStart,
    unfinishedBytes: 0,
    bytes: 0,
    before: oldest,
    passing: [
      ...(anchor !== undefined && anchor.seq > 0 ? [{ ...anchor, noted: 'that was noted' }] : []),
      ...(head !== undefined && head.seq > 0 ? [{ ...head, noted: 'that the store noted' }] : []),
    ],
  }
  let problem: string | undefined
  try {
    checkNumbers(directory, files, oldest, head)
    for (const file of files) {
      const isLast = file === files.at(-1)
      if (file.kind === 'old') await verifyOld(file, isLast, state, anchor)
      else await verifySegment(directory, file, isLast, state, { anchor, notes, keys })
    }
    checkPassed(state)
  } catch (error) {
    problem = (error as Error).message
  }
  const { before: _, passing: __, ...verdict } = state
  return problem === undefined ? verdict : { ...verdict, ok: false, problem }
}

function checkNumbers(
  directory: string,
  files: readonly SegmentFile[],
  oldest: NotedPoint | undefined,
  head: NotedPoint | undefined,
): void {
  const [first] = files
  if (first === undefined && head !== undefined && head.seq > 0)
    throw new Fault(`${directory} has no audit trail, but the store noted record ${head.seq} of it`)
  if (first !== undefined && oldest !== undefined && first.number !== oldest.number)
    throw new Fault(`segment ${oldest.number} is missing: the first is ${first.path}`)
  for (const [i, { number, path }] of files.entries()) {
    const before = files[i - 1]
    if (before !== undefined && number !== before.number + 1)
      throw new Fault(`${before.path} is not followed by the next file but by ${path}`)
  }
}

/** Where the first record of a trail must continue. */
function startOf(firstSeq: number, anchor: ChainPoint | undefined, place: string): ChainPoint {
  if (firstSeq === 1) return chainStart
  if (anchor !== undefined && anchor.seq === firstSeq - 1) return anchor
  throw new Fault(`${place}: the trail begins at record ${firstSeq}; what came before it is missing`)
}

/** Takes a point of the chain that was verified. */
function pass(state: State, point: ChainPoint, place: string): void {
  state.head = point
  state.before = point
  if (state.passing.length === 0) return
  for (const { seq, hash, noted } of state.passing) {
    if (seq === point.seq && hash !== point.hash) throw new Fault(`${place}: record ${seq} is not the one ${noted}`)
  }
  state.passing = state.passing.filter(({ seq }) => seq !== point.seq)
}

function checkPassed({ passing, head }: State): void {
  for (const { seq, noted } of passing) {
    if (seq > head.seq) throw new Fault(`the trail ends at record ${head.seq}, before record ${seq} ${noted}`)
    throw new Fault(`record ${seq} is not the end of a batch, unlike the one ${noted}`)
  }
}

async function verifyOld(
  { path }: SegmentFile,
  isLast: boolean,
  state: State,
  anchor: ChainPoint | undefined,
): Promise<void> {
  for await (const line of oldLinesOf(path)) {
    const place = `${path}:${line.number}`
    if (!line.ended && isLast) {
      state.unfinishedBytes = statSync(path).size - line.offset
      return
    }
    if (line.record === undefined) throw new Fault(`${place}: ${line.problem}`)
    const { seq } = line.record
    const before = state.before ?? startOf(seq, anchor, place)
    if (state.records === 0) {
      state.first = seq
      state.passing = state.passing.filter((one) => one.seq !== before.seq || one.hash !== before.hash)
    }
    const wrong = oldLineFollows(line, before)
    if (wrong !== undefined) throw new Fault(`${place}: ${wrong}`)
    state.records += 1
    state.bytes = state.bytes + line.nextOffset - line.offset
    pass(state, { seq, hash: line.hash }, place)
  }
}

interface SegmentOptions {
  anchor: ChainPoint | undefined
  notes: TrailNotes | undefined
  keys: Map<string, KeyObject>
}

async function verifySegment(
  directory: string,
  file: SegmentFile,
  isLast: boolean,
  state: State,
  { anchor, notes, keys }: SegmentOptions,
): Promise<void> {
  const { path } = file
  let begun = false
  const scanned = await scanSegment(file, ({ first, lines, point }, header) => {
    if (!begun) {
      begun = true
      beginSegment(file, header, state, anchor)
    }
    if (state.records === 0) state.first = first
    state.records += point.seq - first + 1
    state.bytes += lines.length
    pass(state, point, path)
  }).catch((error: Error) => {
    throw error instanceof Fault ? error : new Fault(`${path} cannot be read: ${error.message}`)
  })
  if (!begun && scanned.header !== undefined) beginSegment(file, scanned.header, state, anchor)
  if (scanned.rest.length > 0 || scanned.header === undefined) {
    const { rest, problem } = scanned
    const size = existsSync(path) ? statSync(path).size : 0
    const unfinished = isLast && file.kind === 'plain' && size - scanned.endOffset <= tornBytesMax
    if (!unfinished || (problem !== undefined && !rest.includes(0)))
      throw new Fault(`${path}: ${problem ?? `${rest.length} bytes after record ${scanned.end.seq} are no batch`}`)
    state.unfinishedBytes = size - scanned.endOffset
    return
  }
  if (isLast && file.kind === 'plain' && scanned.seal === undefined) return
  checkSeal(file, scanned, keys)
  if (notes !== undefined && file.kind === 'archived') checkNote(directory, file, scanned, notes)
}

function beginSegment(
  { path, number }: SegmentFile,
  header: { number: number; before: ChainPoint },
  state: State,
  anchor: ChainPoint | undefined,
): void {
  if (header.number !== number) throw new Fault(`${path} is segment ${header.number} under another name`)
  const before = state.before ?? startOf(header.before.seq + 1, anchor, path)
  if (header.before.seq !== before.seq || header.before.hash !== before.hash)
    throw new Fault(`${path} continues record ${header.before.seq} of another trail, not record ${before.seq}`)
  state.passing = state.passing.filter((one) => one.seq !== before.seq || one.hash !== before.hash)
  state.before = before
}

function checkSeal({ path, number }: SegmentFile, { seal, end }: SegmentEnd, keys: Map<string, KeyObject>): void {
  if (seal === undefined) throw new Fault(`${path} has no seal at its end: it was cut`)
  if (keys.size === 0) return
  const key = keys.get(seal.signer)
  if (key === undefined)
    throw new Fault(`${path} is sealed with a key that is neither the DSP's nor noted in the store`)
  if (!verifyHere(key, sealedText(number, end), seal.signature))
    throw new Fault(`${path}: the signature of its seal is not of its end, record ${end.seq}`)
}

function checkNote(directory: string, { path, number }: SegmentFile, { end }: SegmentEnd, notes: TrailNotes): void {
  const noted = notes.segment(number)
  if (noted === undefined)
    throw new Fault(`the store has no note of ${path}: it is an older copy, or the segment is new`)
  if (noted.seq !== end.seq || noted.hash !== end.hash)
    throw new Fault(`${path} ends with record ${end.seq}, not with the one that the store noted`)
  const index = indexPath(directory, number)
  const sha256 = existsSync(index) ? createHash('sha256').update(readFileSync(index)).digest('hex') : undefined
  if (sha256 !== noted.index)
    throw new Fault(`${index} is ${sha256 === undefined ? 'missing' : 'not the one that the store noted'}`)
}

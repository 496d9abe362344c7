// Reads the files of a service audit trail in order and verifies the chain of lines.

import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import {
  type AuditRecord,
  type ChainPoint,
  chainStart,
  followsOn,
  hashOf,
  lineBytesMax,
  readLine,
} from './audit-record.ts'

/** A line: its record and hash, or what is wrong with it. */
export interface ReadLine {
  file: string
  /** From 1, in its file. */
  number: number
  /** Where the line starts, and where the next one would, bytes from the start of the file. */
  offset: number
  nextOffset: number
  record?: AuditRecord
  hash: string
  problem?: string
  /** False for a last line without a line end: it is being written, or was left incomplete by a crash. */
  ended: boolean
}

const fileName = /^audit-(\d{6})\.jsonl$/

/** The files of a trail, oldest first. */
export function trailFiles(directory: string): string[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory).filter((name) => fileName.test(name))
  return names.sort().map((name) => join(directory, name))
}

/** Number of a file of the trail. */
export function numberOfFile(path: string): number {
  return Number(fileName.exec(basename(path))?.[1])
}

export function pathOfFile(directory: string, number: number): string {
  return join(directory, `audit-${String(number).padStart(6, '0')}.jsonl`)
}

/** The lines of one file. Reading stops at a line that is too long. Rejects when the file cannot be read. */
export async function* linesOf(file: string): AsyncGenerator<ReadLine> {
  let rest: Buffer = Buffer.alloc(0)
  let offset = 0
  let number = 0
  const read = (line: Buffer, ended: boolean): ReadLine => {
    number += 1
    const record = readLine(line)
    const nextOffset = offset + line.length + (ended ? 1 : 0)
    const found = { file, number, offset, nextOffset, hash: hashOf(line), ended }
    offset = nextOffset
    return typeof record === 'string' ? { ...found, problem: record } : { ...found, record }
  }
  for await (const part of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let bytes = rest.length === 0 ? part : Buffer.concat([rest, part])
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      yield read(bytes.subarray(0, end), true)
      bytes = bytes.subarray(end + 1)
    }
    rest = bytes
    if (rest.length > lineBytesMax) break
  }
  if (rest.length > 0) yield read(rest, false)
}

/** The result of a verification. */
export interface Verdict {
  ok: boolean
  files: number
  records: number
  /** Sequence number of the first record, and the end of the chain. */
  first: number
  head: ChainPoint
  /** The first fault, with file and line. */
  problem?: string
  /** Bytes of an incomplete last line: being written, or left by a crash and cut off at the next start. */
  unfinishedBytes: number
}

/**
 * Verifies every line of a trail. A chain that begins after record 1 is a fault unless `anchor` is the point before it, so
 * that missing files are detected. `anchor` may also be a point within the trail, noted earlier: the chain must then pass
 * through it, so that a trail rewritten or truncated before that point is detected.
 */
export async function verifyTrail(directory: string, anchor?: ChainPoint): Promise<Verdict> {
  const files = trailFiles(directory)
  const verdict: Verdict = { ok: true, files: files.length, records: 0, first: 0, head: chainStart, unfinishedBytes: 0 }
  const fail = (problem: string): Verdict => ({ ...verdict, ok: false, problem })
  /** The point that the chain must still pass through. */
  let toPass = anchor === undefined || anchor.seq === 0 ? undefined : anchor
  let before: ChainPoint | undefined
  for (const [index, file] of files.entries()) {
    const fileBefore = files[index - 1]
    if (fileBefore !== undefined && numberOfFile(file) !== numberOfFile(fileBefore) + 1) {
      return fail(`${fileBefore} is not followed by the next file but by ${file}`)
    }
    for await (const line of linesOf(file)) {
      const place = `${file}:${line.number}`
      if (!line.ended && index === files.length - 1) {
        verdict.unfinishedBytes = statSync(file).size - line.offset
        break
      }
      if (line.record === undefined) return fail(`${place}: ${line.problem}`)
      if (before === undefined) {
        before = startOf(line.record, anchor)
        if (before === undefined) {
          return fail(`${place}: the trail begins at record ${line.record.seq}; what came before it is missing`)
        }
        if (before.seq > 0) toPass = undefined
        verdict.first = line.record.seq
      }
      const wrong = followsOn(line.record, before)
      if (wrong !== undefined) return fail(`${place}: ${wrong}`)
      before = { seq: line.record.seq, hash: line.hash }
      if (before.seq === anchor?.seq) {
        if (before.hash !== anchor.hash) return fail(`${place}: record ${before.seq} is not the one that was noted`)
        toPass = undefined
      }
      verdict.records += 1
      verdict.head = before
    }
  }
  if (toPass !== undefined) {
    return fail(`the trail ends at record ${verdict.head.seq}, before record ${toPass.seq} that was noted`)
  }
  return verdict
}

/** The point that the first record of the first file must follow. */
function startOf(first: AuditRecord, anchor: ChainPoint | undefined): ChainPoint | undefined {
  if (first.seq === 1) return chainStart
  return anchor !== undefined && anchor.seq === first.seq - 1 ? anchor : undefined
}

/** The records of a trail, oldest first. Damaged lines are skipped (`verifyTrail` reports them). */
export async function* recordsOf(directory: string): AsyncGenerator<AuditRecord> {
  for (const file of trailFiles(directory)) {
    for await (const { record, ended } of linesOf(file)) if (record !== undefined && ended) yield record
  }
}

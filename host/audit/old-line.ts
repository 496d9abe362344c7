// Lines of trails that version 0.1 wrote: JSON, each with the SHA-256 of the line before. They are read, never written.

import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type AuditRecord, type ChainPoint, lineBytesMax } from './audit-record.ts'

/** A line of version 0.1: its record, or what is wrong with it. */
export interface OldLine {
  /** From 1, in its file. */
  number: number
  /** Where the line starts, and where the next one would, bytes from the start of the file. */
  offset: number
  nextOffset: number
  record?: AuditRecord
  /** SHA-256 of this line, and the one that it names of the line before. */
  hash: string
  prev?: string
  problem?: string
  /** False for a last line without a line end: a crash left it incomplete. */
  ended: boolean
}

/** The lines of one file. Reading stops at a line that is too long. Rejects when the file cannot be read. */
export async function* oldLinesOf(file: string): AsyncGenerator<OldLine> {
  let rest: Buffer = Buffer.alloc(0)
  let offset = 0
  let number = 0
  const read = (line: Buffer, ended: boolean): OldLine => {
    number += 1
    const nextOffset = offset + line.length + (ended ? 1 : 0)
    const found = { number, offset, nextOffset, hash: hash('sha256', line), ended, ...readOldLine(line) }
    offset = nextOffset
    return found
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

function readOldLine(line: Buffer): { record: AuditRecord; prev: string } | { problem: string } {
  if (line.length >= lineBytesMax) return { problem: `a line of ${line.length} bytes; the most is ${lineBytesMax}` }
  let value: unknown
  try {
    value = JSON.parse(line.toString('utf8'))
  } catch {
    return { problem: 'a line that is not JSON' }
  }
  if (typeof value !== 'object' || value === null) return { problem: 'a line that is no record' }
  const { prev, ...fields } = value as { [name: string]: unknown }
  const { seq, time, event } = fields
  const whole = Number.isSafeInteger(seq) && typeof prev === 'string' && /^[0-9a-f]{64}$/.test(prev)
  if (!whole || typeof event !== 'string' || typeof time !== 'string' || Number.isNaN(Date.parse(time)))
    return { problem: 'a line that is no record' }
  // Version 0.1 had another name for this fault.
  if (fields.fault === 'rubbish') fields.fault = 'malformed'
  return { record: fields as unknown as AuditRecord, prev }
}

/** Undefined when a line follows the given point of the chain; otherwise what is wrong. */
export function oldLineFollows({ record, prev }: OldLine, before: ChainPoint): string | undefined {
  if (record === undefined) return 'a line that is no record'
  if (record.seq !== before.seq + 1) return `record ${record.seq} comes after record ${before.seq}`
  if (prev !== before.hash) return `record ${record.seq} does not name the hash of the line before it`
  return undefined
}

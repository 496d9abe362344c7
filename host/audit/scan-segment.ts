// Reads the batches of a segment and checks their chain.

import { createReadStream, existsSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ChainPoint } from './audit-record.ts'
import {
  batchHash,
  headerBytesMax,
  readHeader,
  readSeal,
  readTrailer,
  type Seal,
  type SegmentFile,
  type SegmentHeader,
  sealBytes,
  trailerBytes,
} from './segment.ts'

/** No batch is larger, with its trailer. */
export const batchBytesMax = 1024 * 1024

/** A batch whose hash is right: its lines, and its place in the chain. */
export interface Batch {
  /** Number of its first record. */
  first: number
  /** Its lines, line ends included. */
  lines: Buffer
  point: ChainPoint
  /** Where its trailer ends, bytes from the start of the segment. */
  endOffset: number
}

/** What is behind the last good batch. */
export interface SegmentEnd {
  header: SegmentHeader | undefined
  end: ChainPoint
  /** Where the last good batch, or the seal, ends. */
  endOffset: number
  seal?: Seal
  /** Bytes that are neither a batch nor a seal: all of them, or the first ones of very many. */
  rest: Buffer
  /** What is wrong with the rest, when it is more than unfinished. */
  problem?: string
}

/** The bytes of a segment, decompressed. */
function bytesOf({ path, kind }: SegmentFile): AsyncIterable<Buffer> {
  // A running bridge may have compressed it since the directory was read.
  const archived = kind === 'archived' || !existsSync(path)
  const source = createReadStream(archived && kind === 'plain' ? `${path}.gz` : path, { highWaterMark: 1 << 20 })
  if (!archived) return source
  const gunzip = createGunzip({ chunkSize: 1 << 18 })
  pipeline(source, gunzip, () => {})
  return gunzip
}

/**
 * The batches of a segment in order, as far as their hashes are right, and then what is behind them.
 * @throws Error of node:fs or node:zlib when the file cannot be read
 */
export async function* segmentBatches(
  file: SegmentFile,
): AsyncGenerator<{ batch: Batch; header: SegmentHeader }, SegmentEnd> {
  const scanner = createScanner()
  for await (const part of bytesOf(file)) {
    yield* scanner.take(part)
    if (scanner.isStuck()) break
  }
  return scanner.end()
}

/** The same with a function that is called for each batch; returns what is behind the last one. */
export async function scanSegment(
  file: SegmentFile,
  each: (batch: Batch, header: SegmentHeader) => void | Promise<void>,
): Promise<SegmentEnd> {
  const scanner = createScanner()
  for await (const part of bytesOf(file)) {
    for (const { batch, header } of scanner.take(part)) {
      const work = each(batch, header)
      if (work !== undefined) await work
    }
    if (scanner.isStuck()) break
  }
  return scanner.end()
}

function createScanner() {
  let header: SegmentHeader | undefined
  let end: ChainPoint = { seq: 0, hash: '' }
  let endOffset = 0
  /** From the header or trailer before the next batch. */
  let pending: Buffer = Buffer.alloc(0)
  /** Bytes at the beginning of `pending` that belong to the header or trailer. */
  let anchorBytes = 0
  let problem: string | undefined

  function readStart(): boolean {
    const lineEnd = pending.indexOf(10)
    if (lineEnd < 0) return false
    header = readHeader(pending.toString('latin1', 0, lineEnd))
    if (header === undefined) {
      problem = 'its first line is no header'
      return false
    }
    end = header.before
    anchorBytes = lineEnd + 1
    endOffset = anchorBytes
    return true
  }

  function* take(part: Buffer): Generator<{ batch: Batch; header: SegmentHeader }> {
    pending = pending.length === 0 ? part : Buffer.concat([pending, part])
    if (problem !== undefined || (header === undefined && !readStart()) || header === undefined) return
    let anchor = 0
    for (;;) {
      // No line of a record begins with the sign of a trailer.
      const found = pending.indexOf('\n=', anchor + anchorBytes - 1)
      if (found < 0 || found + 1 + trailerBytes > pending.length) break
      const linesFrom = anchor + anchorBytes
      const trailerAt = found + 1
      const stated = readTrailer(pending.toString('latin1', trailerAt, trailerAt + trailerBytes))
      const lines = pending.subarray(linesFrom, trailerAt)
      if (stated === undefined || batchHash(pending.subarray(anchor, trailerAt)) !== stated) {
        problem = `the batch after record ${end.seq} does not have the hash that is stated behind it`
        break
      }
      const first = end.seq + 1
      end = { seq: end.seq + countLines(lines), hash: stated }
      endOffset += lines.length + trailerBytes
      anchor = trailerAt
      anchorBytes = trailerBytes
      yield { batch: { first, lines, point: end, endOffset }, header }
    }
    pending = pending.subarray(anchor)
  }

  return {
    take,
    /** True when more bytes change nothing. */
    isStuck: () =>
      problem !== undefined || pending.length > (header === undefined ? headerBytesMax : batchBytesMax + anchorBytes),
    end(): SegmentEnd {
      const rest = pending.subarray(header === undefined ? 0 : anchorBytes)
      const found = { header, end, endOffset, rest, ...(problem !== undefined && { problem }) }
      const seal = rest.length === sealBytes ? readSeal(rest.toString('latin1')) : undefined
      if (seal === undefined || problem !== undefined) return found
      return { ...found, endOffset: endOffset + sealBytes, seal, rest: Buffer.alloc(0) }
    },
  }
}

function countLines(lines: Buffer): number {
  let count = 0
  for (let at = lines.indexOf(10); at >= 0; at = lines.indexOf(10, at + 1)) count += 1
  return count
}

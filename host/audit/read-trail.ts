// Reads the records of an audit trail in order: all, or those that may answer a question, which the index finds.

import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { AuditRecord } from './audit-record.ts'
import { oldLinesOf } from './old-line.ts'
import { recordsIn, type Wanted } from './read-records.ts'
import { segmentBatches } from './scan-segment.ts'
import { indexPath, type SegmentFile, trailFiles } from './segment.ts'
import { type Block, euiNumber, hasEui, readIndex } from './segment-index.ts'

const decompress = promisify(gunzip)

/**
 * The records of a trail, oldest first; with `wanted`, the ones that may be wanted, and perhaps others. What is damaged is
 * left out (`verifyTrail` reports it).
 */
export async function* recordsOf(directory: string, wanted: Wanted = {}): AsyncGenerator<AuditRecord> {
  for (const file of trailFiles(directory)) {
    if (file.kind === 'old') yield* oldRecords(file, wanted)
    else {
      const blocks = file.kind === 'archived' ? blocksOf(directory, file) : undefined
      yield* blocks === undefined ? scannedRecords(file, wanted) : indexedRecords(file, blocks, wanted)
    }
  }
}

async function* oldRecords({ path }: SegmentFile, { fromMs, toMs, fromSeq = 0 }: Wanted): AsyncGenerator<AuditRecord> {
  for await (const { record, ended } of oldLinesOf(path)) {
    if (record === undefined || !ended || record.seq < fromSeq) continue
    const timeMs = Date.parse(record.time)
    if ((fromMs === undefined || timeMs >= fromMs) && (toMs === undefined || timeMs < toMs)) yield record
  }
}

function blocksOf(directory: string, { number }: SegmentFile): Block[] | undefined {
  const path = indexPath(directory, number)
  return existsSync(path) ? readIndex(readFileSync(path)) : undefined
}

async function* scannedRecords(file: SegmentFile, wanted: Wanted): AsyncGenerator<AuditRecord> {
  for await (const { batch } of segmentBatches(file))
    yield* recordsIn(batch.lines.toString('utf8'), batch.first, wanted)
}

async function* indexedRecords(
  { path }: SegmentFile,
  blocks: readonly Block[],
  wanted: Wanted,
): AsyncGenerator<AuditRecord> {
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, euis = [], fromSeq = 0 } = wanted
  const numbers = euis.map(euiNumber)
  const found = blocks.filter(
    (block, i) =>
      (blocks[i + 1]?.first ?? Number.POSITIVE_INFINITY) > fromSeq &&
      block.toMs >= fromMs &&
      block.fromMs < toMs &&
      numbers.every((number) => hasEui(block, number)),
  )
  if (found.length === 0) return
  const file = openSync(path, 'r')
  try {
    for (const { offset, bytes, first } of found) {
      const member = Buffer.alloc(bytes)
      readSync(file, member, 0, bytes, offset)
      const lines = await decompress(member).catch(() => undefined)
      if (lines !== undefined) yield* recordsIn(lines.toString('utf8'), first, wanted)
    }
  } finally {
    closeSync(file)
  }
}

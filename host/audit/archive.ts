// Compresses closed segments, in blocks, and writes their index. Killed at any moment, the plain file or the archive is whole.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type LineContext, readLineTime } from './record-line.ts'
import { scanSegment } from './scan-segment.ts'
import { archivePath, headerLine, indexPath, type SegmentFile, sealLine, trailerLine } from './segment.ts'
import { type Block, blockBytes, euisIn, formatIndex } from './segment-index.ts'
import type { NotedSegment } from './trail-notes.ts'

const compress = promisify(gzip)

/** The archive and the index of a closed segment. @throws Error when it is not whole */
async function compressSegment(file: SegmentFile): Promise<{ archive: Buffer; index: Buffer; note: NotedSegment }> {
  const members: Buffer[] = []
  const blocks: Block[] = []
  let offset = 0
  let parts: Buffer[] = []
  let size = 0
  let first = 0
  const addMember = async (bytes: Buffer) => {
    const member = await compress(bytes)
    members.push(member)
    offset += member.length
    return member.length
  }
  const addBlock = async () => {
    if (parts.length === 0) return
    const bytes = Buffer.concat(parts)
    const at = offset
    const text = bytes.toString('utf8')
    const length = await addMember(bytes)
    blocks.push({ offset: at, bytes: length, first, ...timesIn(text), euis: euisIn(text) })
    parts = []
    size = 0
  }
  let begun = false
  const scanned = await scanSegment(file, async ({ first: firstOfBatch, lines, point }, header) => {
    if (!begun) {
      begun = true
      // The header is a member of its own, so that every block begins with a batch.
      await addMember(Buffer.from(headerLine(header.number, header.before)))
    }
    if (parts.length === 0) first = firstOfBatch
    parts.push(Buffer.from(lines), Buffer.from(trailerLine(point.hash)))
    size += lines.length
    if (size >= blockBytes) await addBlock()
  })
  const { seal, rest, problem, end } = scanned
  if (seal === undefined || rest.length > 0)
    throw new Error(`${file.path} is not whole (${problem ?? 'it has no seal'}): smets1 audit --verify shows more`)
  await addBlock()
  await addMember(Buffer.from(sealLine(seal)))
  const archive = Buffer.concat(members)
  const index = formatIndex(blocks)
  const sha256 = createHash('sha256').update(index).digest('hex')
  return { archive, index, note: { number: file.number, ...end, archiveBytes: archive.length, index: sha256 } }
}

/** Earliest and latest time of lines. */
function timesIn(text: string): { fromMs: number; toMs: number } {
  let context: LineContext = {}
  let fromMs = Number.POSITIVE_INFINITY
  let toMs = Number.NEGATIVE_INFINITY
  for (const line of text.split('\n')) {
    if (line === '') continue
    if (line.startsWith('=')) {
      context = {}
      continue
    }
    const timeMs = readLineTime(line, context)
    if (timeMs < fromMs) fromMs = timeMs
    if (timeMs > toMs) toMs = timeMs
  }
  return { fromMs, toMs }
}

/** Writes a file whole, mode 0600. */
function writeWhole(path: string, bytes: Buffer): void {
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}

/** Flushes the names of new files to the disk. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Compresses a closed segment, and removes its plain file once `note` has put the archive's size and the index's SHA-256 on
 * disk. @throws Error when the segment is not whole, or a file cannot be written
 */
export async function archiveSegment(file: SegmentFile, note: (segment: NotedSegment) => Promise<void>): Promise<void> {
  const directory = dirname(file.path)
  const { archive, index, note: noted } = await compressSegment(file)
  writeWhole(archivePath(directory, file.number), archive)
  writeWhole(indexPath(directory, file.number), index)
  syncDirectory(directory)
  await note(noted)
  rmSync(file.path)
  syncDirectory(directory)
}

/** Writes the index of an archive again, for a store that has lost its note of it. */
export async function indexArchive(file: SegmentFile): Promise<NotedSegment> {
  const { index, note } = await compressSegment(file)
  const { size } = statSync(file.path)
  if (size !== note.archiveBytes)
    throw new Error(`${file.path} was not compressed by this version: its index cannot be made`)
  writeWhole(indexPath(dirname(file.path), file.number), index)
  return note
}

// Finds the end of an audit trail after a crash that may have left an incomplete batch.

import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type ChainPoint, chainStart, followsOn } from './audit-record.ts'
import { linesOf, trailFiles } from './read-trail.ts'

/**
 * The most that a crash can leave incomplete: one batch. A power cut may preserve later pages of it and lose earlier ones, so
 * the lines after the first bad one are not used either.
 */
export const tornBytesMax = 1024 * 1024

export interface Tail {
  /** The last complete record. */
  head: ChainPoint
  /** What was cut off after it. */
  cut?: { bytes: number; sha256: string; file: string }
}

/**
 * Finds the end of a trail and cuts off incomplete lines, which are saved in a separate file.
 * @throws Error naming the line when more is wrong than a crash can cause
 */
export async function findTail(directory: string): Promise<Tail> {
  const files = trailFiles(directory)
  let cut: Tail['cut']
  // The newest file may still be empty.
  for (const file of files.reverse()) {
    const end = await endOf(file)
    const bytes = statSync(file).size - end.offset
    if (bytes > 0 && (cut !== undefined || bytes > tornBytesMax)) {
      throw new Error(
        `${file}:${end.number}: ${end.problem}, ${bytes} bytes before the end: more than a crash can have torn. ` +
          `Restore the audit trail from a copy, or move ${directory} away to begin a new one`,
      )
    }
    if (bytes > 0) cut = cutOff(file, end.offset)
    if (end.head !== undefined) return cut === undefined ? { head: end.head } : { head: end.head, cut }
  }
  return cut === undefined ? { head: chainStart } : { head: chainStart, cut }
}

/** The last good record of a file, and where the next line would start. */
async function endOf(file: string): Promise<{ head?: ChainPoint; offset: number; number: number; problem: string }> {
  let head: ChainPoint | undefined
  let offset = 0
  let number = 1
  const stop = (problem: string) => ({ ...(head && { head }), offset, number, problem })
  for await (const line of linesOf(file)) {
    const { record } = line
    if (!line.ended) return stop('a line without its end')
    if (record === undefined) return stop(line.problem ?? 'a line that is no record')
    const problem = head && followsOn(record, head)
    if (problem !== undefined) return stop(problem)
    head = { seq: record.seq, hash: line.hash }
    offset = line.nextOffset
    number = line.number + 1
  }
  return stop('bytes that are no line')
}

/** Truncates a file after saving the bytes that are cut off. */
function cutOff(path: string, offset: number): NonNullable<Tail['cut']> {
  const torn = readFileSync(path).subarray(offset)
  const savedAs = `${path.replace(/\.jsonl$/, '')}.torn-${offset}`
  const file = openSync(savedAs, 'w', 0o600)
  writeSync(file, torn)
  fsyncSync(file)
  closeSync(file)
  truncateSync(path, offset)
  const cut = openSync(path, 'r+')
  fsyncSync(cut)
  closeSync(cut)
  syncDirectory(dirname(path))
  return { bytes: torn.length, sha256: createHash('sha256').update(torn).digest('hex'), file: basename(savedAs) }
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

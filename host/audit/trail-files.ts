// The segments of an open audit trail: appends to the newest one, seals and compresses it when it is full, and removes those
// that are older than the retention time.

import { createPublicKey, type KeyObject } from 'node:crypto'
import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { signatureValue } from '../pki/public-key.ts'
import type { Timing } from '../wan/timing.ts'
import { archiveSegment, syncDirectory } from './archive.ts'
import type { ChainPoint } from './audit-record.ts'
import {
  batchHash,
  headerLine,
  plainPath,
  sealedText,
  sealLine,
  trailerBytes,
  trailerLine,
  trailFiles,
} from './segment.ts'
import { fingerprintOf, type TrailNotes, type TrailStore } from './trail-notes.ts'
import type { TrailStart } from './trail-start.ts'

/** Default of the largest segment: about 130,000 records. */
export const defaultSegmentBytesMax = 16 * 1024 * 1024

export interface TrailParts {
  directory: string
  timing: Timing
  /** Notes the end of the trail. */
  store: TrailStore
  /** The DSP's private key, which seals closed segments. */
  key: KeyObject
  /** Largest segment; a batch that would exceed it starts the next one. */
  segmentBytesMax?: number
  /** Closed segments are removed when their last record is older; Infinity: never. */
  retentionDays?: number
  /** Called when a batch cannot be written, or a closed segment not be compressed. */
  report(problem: string): void
  /** Minimum time between two batches, milliseconds; `batchMs` unless given. */
  batchMs?: number
  /** Flushes an open file to the disk. Default: fdatasync. */
  sync?(file: number): Promise<void>
}

export interface TrailFiles {
  /**
   * Appends a batch durably, once the one before is noted in the store. `afterFailure`: the last batch failed, and may have
   * left bytes, which are cut off.
   */
  append(lines: Buffer, records: number, afterFailure: boolean): Promise<void>
  head(): ChainPoint
  /** Whether a segment was begun since the last call. */
  startedSegment(): boolean
  close(): Promise<void>
}

type Sync = (file: number) => Promise<void>

/** Where a segment continues: its length, and the header or trailer that the next batch follows. */
type Place = NonNullable<TrailStart['open']>

/** A segment that is being written. `place`: where it continues; absent for a new one, which gets its header. */
function openSegment(directory: string, number: number, before: ChainPoint, sync: Sync, place?: Place) {
  const path = plainPath(directory, number)
  // One may be left of an attempt that failed.
  if (place === undefined) rmSync(path, { force: true })
  const file = openSync(path, place === undefined ? 'ax' : 'a', 0o600)
  let { bytes, anchor } = place ?? { bytes: 0, anchor: headerLine(number, before) }
  if (place === undefined) {
    write(Buffer.from(anchor))
    bytes = anchor.length
  }
  let isEmpty = anchor.startsWith('smets1')

  function write(all: Uint8Array): void {
    for (let at = 0; at < all.length; ) at += writeSync(file, all, at)
  }

  return {
    number,
    /** Whether it has records, and these lines would make it larger than that. */
    isFull: (more: number, bytesMax: number) => !isEmpty && bytes + more + trailerBytes > bytesMax,
    /** Checks that it is as it was left. `afterFailure`: cuts off what a failed write may have left. */
    check(afterFailure: boolean) {
      const { size } = fstatSync(file)
      if (size === bytes) return
      if (size < bytes) throw new Error(`${path} became shorter: something else changes it`)
      // Another program's line would break the chain.
      if (!afterFailure) throw new Error(`${path} is written by another program`)
      ftruncateSync(file, bytes)
    },
    /** Appends a batch durably and returns its hash. The writes are synchronous and take microseconds. */
    async append(lines: Buffer): Promise<string> {
      const hash = batchHash(Buffer.concat([Buffer.from(anchor), lines]))
      const trailer = trailerLine(hash)
      write(lines)
      write(Buffer.from(trailer))
      await sync(file)
      bytes += lines.length + trailer.length
      anchor = trailer
      isEmpty = false
      return hash
    },
    async seal(line: string): Promise<void> {
      write(Buffer.from(line))
      await sync(file)
    },
    close: () => closeSync(file),
  }
}

/** Compresses the closed segments of before `number`. */
async function archiveClosed(directory: string, number: number, notes: TrailNotes): Promise<void> {
  const closed = trailFiles(directory).filter((file) => file.kind === 'plain' && file.number < number)
  for (const file of closed) await archiveSegment(file, notes.noteSegment)
}

/** Opens the newest segment, or begins one. */
export function openTrailFiles(parts: TrailParts, notes: TrailNotes, start: TrailStart): TrailFiles {
  const { directory, report, key, segmentBytesMax = defaultSegmentBytesMax } = parts
  const sync = parts.sync ?? promisify(fdatasync)
  const publicKey = createPublicKey(key)
  const signer = fingerprintOf(publicKey)
  let { head } = start
  let notedSeq = notes.head()?.seq
  let current = openSegment(directory, start.open ? start.number : start.number + 1, head, sync, start.open)
  let hasStarted = false
  syncDirectory(directory)
  let archiving: Promise<void> = Promise.resolve()
  let noting: Promise<void> = Promise.resolve()

  async function noteHead(): Promise<void> {
    if (notedSeq === head.seq) return
    const { seq } = head
    await notes.noteHead({ number: current.number, ...head })
    notedSeq = seq
  }

  /** Seals the segment and begins the next one; a failure leaves it as it was. */
  async function startNext(): Promise<void> {
    const signature = signatureValue(key, sealedText(current.number, head))
    await notes.noteSigner(publicKey)
    await current.seal(sealLine({ signer, signature }))
    const next = openSegment(directory, current.number + 1, head, sync)
    syncDirectory(directory)
    current.close()
    current = next
    hasStarted = true
    compress()
  }

  function compress(): void {
    archiving = archiving
      .then(() => archiveClosed(directory, current.number, notes))
      .catch((error) => report(`a closed segment is not compressed: ${(error as Error).message}`))
  }

  compress()
  return {
    startedSegment() {
      const started = hasStarted
      hasStarted = false
      return started
    },
    head: () => head,
    async append(lines, records, afterFailure) {
      await noting
      await noteHead()
      current.check(afterFailure)
      if (current.isFull(lines.length, segmentBytesMax)) await startNext()
      const hash = await current.append(lines)
      head = { seq: head.seq + records, hash }
      // The next batch waits for it; when it fails, it is tried again then.
      noting = noteHead().catch(() => {})
    },
    async close() {
      await noting
      await noteHead().catch((error) => report(`the end of the audit trail is not noted: ${(error as Error).message}`))
      await archiving
      current.close()
    },
  }
}

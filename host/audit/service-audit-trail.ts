// The service audit trail: an append-only record of requests, decisions and responses.
//
// One JSON line per event, each with the SHA-256 of the line before, in files of bounded size. Lines are written in batches
// with one fdatasync each (about 3 ms). No acknowledgement and no response leaves the bridge before its record is on disk:
// callers await `committed`.
//
// The chain reveals lines that were changed, removed or inserted. A truncated or completely rewritten trail is only
// revealed by a point that was noted elsewhere (`smets1 audit --verify --anchor`).

import { closeSync, fdatasync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Timing } from '../wan/serial-line.ts'
import { type AuditEvent, type ChainPoint, chainLine, chainStart, lineBytesMax } from './audit-record.ts'
import { numberOfFile, pathOfFile, trailFiles } from './read-trail.ts'
import { findTail, syncDirectory, tornBytesMax } from './torn-tail.ts'

export interface ServiceAuditTrail {
  /** Adds an event to the next batch. */
  record(event: AuditEvent): void
  /** Resolves when all events recorded so far are on disk; rejects when one of them cannot be written. */
  committed(): Promise<void>
  /** The end of the chain on disk. */
  head(): ChainPoint
  /** Why the last batch could not be written; undefined when it was. */
  trouble(): string | undefined
  /** Writes what is left. */
  close(): Promise<void>
}

export interface TrailParts {
  directory: string
  timing: Timing
  /** Largest file; a batch that would exceed it starts the next file. */
  fileBytesMax?: number
  /** Called when a batch cannot be written. */
  report(problem: string): void
  /** Flushes an open file to the disk. Default: fdatasync. */
  sync?(file: number): Promise<void>
}

/** Minimum time between two fdatasyncs, milliseconds. An idle trail writes at once. */
export const batchMs = 5
/** Default of the largest file: about 30,000 records. */
const defaultFileBytesMax = 16 * 1024 * 1024

interface Waiter {
  /** Number of the last event that must be on disk. */
  upTo: number
  resolve(): void
  reject(error: Error): void
}

/** Promises for events by their number, counted from 1. */
function createWaiters() {
  let waiters: Waiter[] = []
  let settled = 0
  return {
    /** Resolves or rejects when event `upTo` is settled. */
    wait(upTo: number): Promise<void> {
      if (settled >= upTo) return Promise.resolve()
      return new Promise((resolve, reject) => waiters.push({ upTo, resolve, reject }))
    },
    /** Settles all events up to a number. */
    settle(upTo: number, error: Error | undefined): void {
      settled = upTo
      const due = waiters.filter((one) => one.upTo <= upTo)
      waiters = waiters.filter((one) => one.upTo > upTo)
      for (const one of due) error === undefined ? one.resolve() : one.reject(error)
    },
  }
}

type TimedEvent = { event: AuditEvent; time: string }

/** The next lines, at most what `findTail` can repair after a crash. `lost`: events that could not be written, and why. */
function nextBatch(
  waiting: readonly TimedEvent[],
  head: ChainPoint,
  lost: number,
  problem: string,
): { lines: Buffer; point: ChainPoint; count: number } {
  const lines: Buffer[] = []
  let size = 0
  let point = head
  let count = 0
  const add = ({ event, time }: TimedEvent) => {
    let next = chainLine(event, time, point)
    if (next.line.length >= lineBytesMax) {
      const tooLong = `a record "${event.event}" of ${next.line.length} bytes; the most is ${lineBytesMax}`
      next = chainLine({ event: 'records lost', count: 1, problem: tooLong }, time, point)
    }
    point = next.point
    size += next.line.length + 1
    lines.push(next.line, newline)
  }
  const [oldest] = waiting
  if (lost > 0 && oldest !== undefined)
    add({ event: { event: 'records lost', count: lost, problem }, time: oldest.time })
  for (const one of waiting) {
    if (size > tornBytesMax / 2) break
    add(one)
    count += 1
  }
  return { lines: Buffer.concat(lines), point, count }
}

/** The newest file of a trail; a batch that would make it larger than `fileBytesMax` starts another. */
function openTrailFile(directory: string, fileBytesMax: number, sync: (file: number) => Promise<void>) {
  const newest = trailFiles(directory).at(-1)
  let number = newest === undefined ? 1 : numberOfFile(newest)
  let file = openSync(pathOfFile(directory, number), 'a', 0o600)
  let bytes = fstatSync(file).size
  syncDirectory(directory)

  function startNext(): void {
    const next = openSync(pathOfFile(directory, number + 1), 'ax', 0o600)
    closeSync(file)
    file = next
    number += 1
    bytes = 0
    syncDirectory(directory)
  }

  return {
    /** Appends lines durably. `afterFailure`: the last batch failed, and may have left bytes, which are cut off. */
    async append(lines: Buffer, afterFailure: boolean): Promise<void> {
      if (bytes > 0 && bytes + lines.length > fileBytesMax) startNext()
      const { size } = fstatSync(file)
      if (size !== bytes) {
        const path = pathOfFile(directory, number)
        if (size < bytes) throw new Error(`${path} became shorter: something else changes it`)
        // Another program's line would break the chain.
        if (!afterFailure) throw new Error(`${path} is written by another program`)
        ftruncateSync(file, bytes)
      }
      // The writes are synchronous and take microseconds; only the fdatasync is awaited.
      for (let at = 0; at < lines.length; ) at += writeSync(file, lines, at)
      await sync(file)
      bytes += lines.length
    },
    close: () => closeSync(file),
  }
}

/**
 * Opens the trail in a directory (created with mode 0700) and appends to it. An incomplete batch left by a crash is cut off,
 * saved in a separate file, and recorded.
 * @throws Error naming the line when the end is damaged by more than a crash can cause
 */
export async function openServiceAuditTrail(parts: TrailParts): Promise<ServiceAuditTrail> {
  const { directory, timing, fileBytesMax = defaultFileBytesMax, report } = parts
  const sync = parts.sync ?? promisify(fdatasync)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const tail = await findTail(directory)
  const file = openTrailFile(directory, fileBytesMax, sync)
  let head = tail.head

  let waiting: TimedEvent[] = []
  const waiters = createWaiters()
  let taken = 0
  let lost = 0
  let trouble: string | undefined
  let busy = false
  let closed = false
  let startedMs = Number.NEGATIVE_INFINITY

  function record(event: AuditEvent): void {
    taken += 1
    waiting.push({ event, time: new Date(timing.nowMs()).toISOString() })
    schedule()
  }

  function schedule(): void {
    if (busy || waiting.length === 0) return
    busy = true
    const idleMs = timing.nowMs() - startedMs
    // After the clock was set back the batch is written at once.
    if (idleMs >= batchMs || idleMs < 0) void Promise.resolve().then(commit)
    else timing.after(batchMs - idleMs, () => void commit())
  }

  async function commit(): Promise<void> {
    startedMs = timing.nowMs()
    const { lines, point, count } = nextBatch(waiting, head, lost, trouble ?? '')
    const upTo = taken - (waiting.length - count)
    let failure: Error | undefined
    try {
      await file.append(lines, trouble !== undefined)
      lost = 0
      trouble = undefined
      head = point
    } catch (error) {
      trouble = `the audit trail cannot be written: ${(error as Error).message}`
      failure = new Error(trouble)
      lost += count
      report(trouble)
    }
    waiting = waiting.slice(count)
    waiters.settle(upTo, failure)
    busy = false
    schedule()
  }

  if (tail.cut !== undefined) record({ event: 'tail cut', ...tail.cut })

  const trail: ServiceAuditTrail = {
    record(event) {
      if (closed) throw new Error('the audit trail is closed')
      record(event)
    },
    committed: () => waiters.wait(taken),
    head: () => head,
    trouble: () => trouble,
    async close() {
      closed = true
      await trail.committed().catch(() => {})
      file.close()
    },
  }
  return trail
}

const newline = Buffer.from('\n')

/** A trail in memory, for tests. */
export function createMemoryTrail(events: AuditEvent[] = []): ServiceAuditTrail {
  return {
    record: (event) => void events.push(structuredClone(event)),
    committed: async () => {},
    head: () => chainStart,
    trouble: () => undefined,
    close: async () => {},
  }
}

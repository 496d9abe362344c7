// The service audit trail: an append-only record of requests, decisions and responses.
//
// Lines are written in batches with one fdatasync each (about 3 ms). No acknowledgement and no response leaves the bridge
// before its record is on disk: callers await `committed`. Each batch has a hash that covers the batch before it, and the
// store notes the end of the trail after each batch, before the next is written. So a trail that was altered, cut, replaced
// or rewritten, and a store that is older than its trail, are recognised at the next start and by `smets1 audit --verify`.

import { mkdirSync } from 'node:fs'
import { UnwritableError } from '../store/store.ts'
import { type AuditEvent, type AuditRecord, type ChainPoint, chainStart, lineBytesMax } from './audit-record.ts'
import { type LineContext, writeLine } from './record-line.ts'
import { createRetirement } from './retention.ts'
import { openTrailFiles, type TrailFiles, type TrailParts } from './trail-files.ts'
import { createTrailNotes } from './trail-notes.ts'
import { startTrail, tornBytesMax } from './trail-start.ts'

export interface ServiceAuditTrail {
  /** Adds an event to the next batch. */
  record(event: AuditEvent): void
  /** Resolves when all events recorded so far are on disk; rejects when one of them cannot be written. */
  committed(): Promise<void>
  /** The end of the chain on disk. */
  head(): ChainPoint
  /** Why the last batch could not be written; undefined when it was. */
  trouble(): string | undefined
  /** Records that the store had not noted when the trail was opened: of one batch at most. */
  unnoted: readonly AuditRecord[]
  /** Writes what is left. */
  close(): Promise<void>
}

/** Minimum time between two fdatasyncs, milliseconds. An idle trail writes at once. */
export const batchMs = 5

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

type TimedEvent = { event: AuditEvent; timeMs: number }

/** The next lines, at most what `startTrail` can repair after a crash. `lost`: events that could not be written, and why. */
function nextBatch(
  waiting: readonly TimedEvent[],
  lost: number,
  problem: string,
): { lines: Buffer; records: number; count: number } {
  const lines: Buffer[] = []
  const context: LineContext = {}
  let size = 0
  let count = 0
  const add = ({ event, timeMs }: TimedEvent) => {
    const before = { ...context }
    let line = Buffer.from(`${writeLine(event, timeMs, context)}\n`)
    if (line.length > lineBytesMax) {
      const tooLong = `a record "${event.event}" of ${line.length} bytes; the most is ${lineBytesMax}`
      line = Buffer.from(`${writeLine({ event: 'records lost', count: 1, problem: tooLong }, timeMs, before)}\n`)
      Object.assign(context, { request: undefined }, before)
    }
    size += line.length
    lines.push(line)
  }
  const [oldest] = waiting
  if (lost > 0 && oldest !== undefined)
    add({ event: { event: 'records lost', count: lost, problem }, timeMs: oldest.timeMs })
  for (const one of waiting) {
    if (size > tornBytesMax / 2) break
    add(one)
    count += 1
  }
  return { lines: Buffer.concat(lines), records: lines.length, count }
}

/** Collects events and writes them in batches. `written` is called after each attempt. */
function createBatches(
  { timing, report, batchMs: pauseMs = batchMs }: TrailParts,
  files: Pick<TrailFiles, 'append'>,
  written: () => void,
) {
  let waiting: TimedEvent[] = []
  const waiters = createWaiters()
  let taken = 0
  let lost = 0
  let trouble: string | undefined
  let busy = false
  let startedMs = Number.NEGATIVE_INFINITY

  function schedule(): void {
    if (busy || waiting.length === 0) return
    busy = true
    const idleMs = timing.nowMs() - startedMs
    // After the clock was set back the batch is written at once.
    if (idleMs >= pauseMs || idleMs < 0) void Promise.resolve().then(commit)
    else timing.after(pauseMs - idleMs, () => void commit())
  }

  async function commit(): Promise<void> {
    startedMs = timing.nowMs()
    const { lines, records, count } = nextBatch(waiting, lost, trouble ?? '')
    const upTo = taken - (waiting.length - count)
    let failure: Error | undefined
    try {
      await files.append(lines, records, trouble !== undefined)
      lost = 0
      trouble = undefined
    } catch (error) {
      trouble = `the audit trail cannot be written: ${(error as Error).message}`
      failure = new UnwritableError(trouble)
      lost += count
      report(trouble)
    }
    written()
    waiting = waiting.slice(count)
    waiters.settle(upTo, failure)
    busy = false
    schedule()
  }

  return {
    record(event: AuditEvent): void {
      taken += 1
      waiting.push({ event, timeMs: timing.nowMs() })
      schedule()
    },
    committed: () => waiters.wait(taken),
    trouble: () => trouble,
  }
}

/**
 * Opens the trail in a directory (created with mode 0700) and appends to it. An unfinished batch left by a crash is cut off,
 * saved in a separate file, and recorded.
 * @throws TrailError when the trail is damaged, or is not the one that the store noted
 */
export async function openServiceAuditTrail(parts: TrailParts): Promise<ServiceAuditTrail> {
  const { directory } = parts
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const notes = createTrailNotes(parts.store)
  const start = await startTrail(directory, notes)
  const files = openTrailFiles(parts, notes, start)
  const { record, committed, trouble } = createBatches(parts, files, () => {
    if (files.startedSegment()) retirement.start()
  })
  const retirement = createRetirement(parts, notes, { record, committed })
  let closed = false
  if (start.cut !== undefined) record({ event: 'tail cut', ...start.cut })
  await retirement.finish()
  retirement.start()
  return {
    unnoted: start.unnoted,
    record(event) {
      if (closed) throw new Error('the audit trail is closed')
      record(event)
    },
    committed,
    head: files.head,
    trouble,
    async close() {
      await retirement.stop()
      closed = true
      await committed().catch(() => {})
      await files.close()
    },
  }
}

/** A trail in memory, for tests. */
export function createMemoryTrail(events: AuditEvent[] = []): ServiceAuditTrail {
  return {
    unnoted: [],
    record: (event) => void events.push(structuredClone(event)),
    committed: async () => {},
    head: () => chainStart,
    trouble: () => undefined,
    close: async () => {},
  }
}

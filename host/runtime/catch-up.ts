// Brings a store up to its audit trail, after the store was lost or replaced by an older copy.

import { useRequestIds } from '../access/request-counters.ts'
import { indexArchive } from '../audit/archive.ts'
import type { AuditRecord } from '../audit/audit-record.ts'
import { recordsOf } from '../audit/read-trail.ts'
import { trailFiles } from '../audit/segment.ts'
import { acceptedIds } from '../audit/select.ts'
import { createTrailNotes, type TrailNotes } from '../audit/trail-notes.ts'
import { startOnRecord, type VerifyOptions, verifyTrail } from '../audit/verify-trail.ts'
import type { Tables } from '../bridge/tables.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { Store } from '../store/store.ts'

/** Numbers that are passed over in each sequence, because some may have been issued and are not on record. */
const sequenceMargin = 1_000_000n

/** What was taken from the trail, and what is lost. */
export interface CaughtUp {
  /** From which record on the trail was read, and its end. */
  fromSeq: number
  seq: number
  requestIds: number
  /** Requests whose response is on record as delivered, which the store still had as open or not delivered. */
  closed: number
  /** Accepted requests that are neither answered nor in the store: nobody can answer them. */
  lost: string[]
  /** Responses that were not delivered, and are lost with the old store. */
  undelivered: string[]
  /** Schedules were created or deleted, and the store does not know of it. */
  scheduleChanges: number
  /** Meters that have a newer key than the store's time: the vault of that time does not open them. */
  rotated: string[]
}

/** The records behind the store's note, as they pass. */
function createTally(store: Store<Tables>) {
  const isKept = (id: string) => store.get('accepted', id) !== undefined || store.get('outbox', id) !== undefined
  const open = new Set<string>()
  const undelivered = new Set<string>()
  const rotated = new Set<string>()
  let closed = 0
  let requestIds = 0
  let scheduleChanges = 0
  let highestRun = 0n
  let highestSchedule = 0
  return {
    /** Returns the RequestIDs that the record says were used. */
    async take(record: AuditRecord): Promise<string[]> {
      const ids = acceptedIds([record])
      requestIds += ids.length
      if (record.event === 'accepted' && record.scheduleId) {
        const counter = BigInt(/:(\d+)$/.exec(record.requestId)?.[1] ?? 0)
        if (counter > highestRun) highestRun = counter
        if (record.scheduleId > highestSchedule) highestSchedule = record.scheduleId
      } else if (record.event === 'accepted') open.add(record.requestId)
      if (record.event === 'answered directly' && record.srv.startsWith('5.')) scheduleChanges += 1
      if (record.event === 'answered') {
        open.delete(record.requestId)
        undelivered.add(record.requestId)
      }
      if (record.event === 'delivered' || record.event === 'dropped') {
        open.delete(record.requestId)
        undelivered.delete(record.requestId)
        if (isKept(record.requestId)) {
          closed += 1
          for (const table of ['accepted', 'outbox', 'bodies'] as const) await store.remove(table, record.requestId)
        }
      }
      if (record.event === 'bench reset') {
        // What was under way ended there.
        open.clear()
        undelivered.clear()
      }
      if (record.event === 'key rotated') rotated.add(record.device)
      return ids
    },
    async finish(fromSeq: number, seq: number): Promise<CaughtUp> {
      const isLost = (id: string) => !isKept(id)
      await skipSequence(store, 'schedules', BigInt(highestSchedule))
      await skipSequence(store, 'dsp-counter', highestRun)
      return {
        fromSeq,
        seq,
        requestIds,
        closed,
        lost: [...open].filter(isLost),
        // What the store still has is answered again.
        undelivered: [...undelivered].filter(isLost),
        scheduleChanges,
        rotated: [...rotated],
      }
    },
  }
}

async function skipSequence(store: Store<Tables>, name: string, recorded: bigint): Promise<void> {
  const stored = store.get('counters', `sequence/${name}`)
  const issued = typeof stored === 'string' && /^\d{1,20}$/.test(stored) ? BigInt(stored) : 0n
  if (issued === 0n && recorded === 0n) return
  const next = (issued > recorded ? issued : recorded) + sequenceMargin
  await store.put('counters', `sequence/${name}`, `${next}`)
}

/**
 * Takes used RequestIDs, and what became of requests, from the records that the store had not noted, and notes the end of the
 * trail. No bridge may run meanwhile. @throws CommandError when the trail is damaged; nothing is taken from it then
 */
export async function catchUpStore(
  store: Store<Tables>,
  directory: string,
  keys: VerifyOptions['keys'] = [],
): Promise<CaughtUp> {
  const notes = createTrailNotes(store)
  await noteSegments(directory, notes)
  const { ok, problem, head } = await verifyTrail(directory, { notes, keys })
  if (!ok) {
    throw new CommandError(
      exitCode.failed,
      `the audit trail in ${directory} is damaged: ${problem}. Restore it from a copy first: smets1 restore BACKUP`,
    )
  }
  const fromSeq = (notes.head()?.seq ?? 0) + 1
  const tally = createTally(store)
  const ids = (async function* () {
    for await (const record of recordsOf(directory, { fromSeq })) yield* await tally.take(record)
  })()
  await useRequestIds(store, ids)
  const caughtUp = await tally.finish(fromSeq, head.seq)
  const last = trailFiles(directory).at(-1)
  if (last !== undefined) await notes.noteHead({ number: last.number, ...head })
  return caughtUp
}

/** Notes closed segments of which the store has no note, and where the trail begins. Their chain is verified afterwards. */
async function noteSegments(directory: string, notes: TrailNotes): Promise<void> {
  const files = trailFiles(directory)
  const [first] = files
  if (first !== undefined && (notes.oldest()?.number ?? 0) < first.number) {
    const start = await startOnRecord(directory)
    if (start !== undefined) await notes.noteOldest(start)
  }
  for (const file of files) {
    if (file.kind === 'archived' && notes.segment(file.number) === undefined)
      await notes.noteSegment(await indexArchive(file))
  }
}

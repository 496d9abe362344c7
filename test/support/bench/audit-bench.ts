// Audit trails in directories of their own, on a virtual clock.

import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import type { AuditEvent, AuditRecord, ChainPoint } from '../../../host/audit/audit-record.ts'
import { recordsIn } from '../../../host/audit/read-records.ts'
import { recordsOf } from '../../../host/audit/read-trail.ts'
import { type LineContext, writeLine } from '../../../host/audit/record-line.ts'
import { openServiceAuditTrail } from '../../../host/audit/service-audit-trail.ts'
import type { TrailParts } from '../../../host/audit/trail-files.ts'
import { createTrailNotes, fingerprintOf, readTrailRow, type TrailStore } from '../../../host/audit/trail-notes.ts'
import { verifyTrail } from '../../../host/audit/verify-trail.ts'
import { createMemoryStore } from '../../../host/store/store.ts'

export const clock = createVirtualClock(Date.UTC(2026, 10, 22))

/** Lets time pass, and the disk work, until a promise settles. */
export async function settled<T>(promise: Promise<T>): Promise<T> {
  let waiting = true
  const over = () => {
    waiting = false
  }
  promise.then(over, over)
  while (waiting) await clock.pass(1)
  return promise
}

/** Events as they are read back from a batch of a trail. */
export function readBack(events: readonly { event: AuditEvent; timeMs: number }[]): AuditRecord[] {
  const context: LineContext = {}
  const lines = events.map(({ event, timeMs }) => writeLine(event, timeMs, context))
  return [...recordsIn(lines.join('\n'), 1)]
}

/** The DSP of these trails. */
export const { privateKey: dspKey, publicKey: dspPublicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

export const event = (n: number, more = ''): AuditEvent => ({ event: 'dropped', requestId: `${n}`, why: more })

export function createAuditBench() {
  const folder = join(mkdtempSync(join(tmpdir(), 'smets1-audit-')), 'audit')
  const problems: string[] = []
  const store: TrailStore = createMemoryStore({ trail: readTrailRow })
  const notes = createTrailNotes(store)
  const open = (parts: Partial<TrailParts> = {}) =>
    openServiceAuditTrail({
      directory: folder,
      timing: clock,
      store,
      key: dspKey,
      report: (text) => void problems.push(text),
      ...parts,
    })
  const path = (n = 1) => join(folder, `audit-00000${n}.log`)
  return {
    folder,
    problems,
    open,
    store,
    notes,
    path,
    files: () => readdirSync(folder).sort(),
    lines: (n = 1) => readFileSync(path(n), 'utf8').split('\n').slice(0, -1),
    verify: (anchor?: ChainPoint) =>
      verifyTrail(folder, { anchor, notes, keys: [[fingerprintOf(dspPublicKey), dspPublicKey]] }),
    async records(): Promise<AuditRecord[]> {
      const found: AuditRecord[] = []
      for await (const record of recordsOf(folder)) found.push(record)
      return found
    },
    /** Writes events, one commit each, and closes. */
    async written(count: number, parts: Partial<TrailParts> = {}): Promise<void> {
      const trail = await open(parts)
      for (let n = 1; n <= count; n++) {
        trail.record(event(n, 'x'.repeat(50)))
        await settled(trail.committed())
      }
      await settled(trail.close())
    },
    remove: () => rmSync(join(folder, '..'), { recursive: true, force: true }),
  }
}

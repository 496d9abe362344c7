// Audit trails in directories of their own, on a virtual clock.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import type { AuditEvent, AuditRecord } from '../../../host/audit/audit-record.ts'
import { recordsOf } from '../../../host/audit/read-trail.ts'
import { openServiceAuditTrail, type TrailParts } from '../../../host/audit/service-audit-trail.ts'

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

export const event = (n: number, more = ''): AuditEvent => ({ event: 'dropped', requestId: `${n}`, why: more })

export function createAuditBench() {
  const folder = join(mkdtempSync(join(tmpdir(), 'smets1-audit-')), 'audit')
  const problems: string[] = []
  const open = (parts: Partial<TrailParts> = {}) =>
    openServiceAuditTrail({ directory: folder, timing: clock, report: (text) => void problems.push(text), ...parts })
  const path = (n = 1) => join(folder, `audit-00000${n}.jsonl`)
  return {
    folder,
    problems,
    open,
    path,
    files: () => readdirSync(folder).filter((name) => name.endsWith('.jsonl')),
    lines: (n = 1) => readFileSync(path(n), 'utf8').split('\n').slice(0, -1),
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

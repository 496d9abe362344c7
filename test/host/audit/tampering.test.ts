// Audit trails that were tampered with.

import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuditRecord, hashOf } from '../../../host/audit/audit-record.ts'
import { verifyTrail } from '../../../host/audit/read-trail.ts'
import type { TrailParts } from '../../../host/audit/service-audit-trail.ts'
import { clock, createAuditBench } from '../../support/bench/audit-bench.ts'

const test = suite('audit-verify')
let bench = createAuditBench()
test.before.each(() => {
  bench = createAuditBench()
})
test.after.each(() => bench.remove())

const written = (count: number, parts: Partial<TrailParts> = {}) => bench.written(count, parts)
const { files, path, lines } = {
  files: () => bench.files(),
  path: (n = 1) => bench.path(n),
  lines: (n = 1) => bench.lines(n),
}

test('any byte changed, any line left out, doubled or moved, breaks the chain', async () => {
  await written(12, { fileBytesMax: 1000 })
  const originals = files().map((name) => ({ name, bytes: readFileSync(join(bench.folder, name)) }))
  const restore = () => {
    for (const { name, bytes } of originals) writeFileSync(join(bench.folder, name), bytes)
  }
  const total = originals.reduce((sum, { bytes }) => sum + bytes.length, 0)
  await fc.assert(
    fc.asyncProperty(fc.nat(total - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      restore()
      const startOf = (n: number) => originals.slice(0, n).reduce((sum, { bytes }) => sum + bytes.length, 0)
      const index = originals.findIndex((_, n) => at < startOf(n + 1))
      const file = originals[index]!
      const left = at - startOf(index)
      const spoilt = Buffer.from(file.bytes)
      spoilt[left]! ^= change
      writeFileSync(join(bench.folder, file.name), spoilt)
      const verdict = await verifyTrail(bench.folder)
      // The last line can only be checked against a point that was noted.
      const lastFrom = originals.at(-1)!.bytes.lastIndexOf(10, originals.at(-1)!.bytes.length - 2)
      if (file !== originals.at(-1) || left <= lastFrom) assert.not.ok(verdict.ok, `byte ${at}`)
    }),
    { numRuns: 300 },
  )
  const edits: [string, (text: string[]) => string[]][] = [
    ['left out', (text) => text.filter((_, i) => i !== 1)],
    ['doubled', (text) => [text[0]!, text[0]!, ...text.slice(1)]],
    ['moved', (text) => [text[1]!, text[0]!, ...text.slice(2)]],
  ]
  for (const [name, edit] of edits) {
    restore()
    writeFileSync(path(2), `${edit(lines(2)).join('\n')}\n`)
    assert.not.ok((await verifyTrail(bench.folder)).ok, name)
  }
  restore()
  rmSync(path(2))
  assert.match((await verifyTrail(bench.folder)).problem!, /not followed by the next file/)
})

test('a trail that was cut or rewritten is detected by an earlier noted head', async () => {
  await written(4)
  const { head } = await verifyTrail(bench.folder)
  await written(2)
  assert.ok((await verifyTrail(bench.folder, head)).ok)
  truncateSync(path(), lines().slice(0, 3).join('\n').length + 1)
  assert.ok((await verifyTrail(bench.folder)).ok, 'by itself a shorter chain is a chain')
  assert.match((await verifyTrail(bench.folder, head)).problem!, /ends at record 3, before record 4 that was noted/)
  rmSync(bench.folder, { recursive: true })
  clock.set(clock.nowMs() + 1)
  await written(6)
  assert.match((await verifyTrail(bench.folder, head)).problem!, /record 4 is not the one that was noted/)
})

test('files that were taken away are missed, unless the point before is given', async () => {
  await written(12, { fileBytesMax: 1000 })
  const last = lines(1).at(-1)!
  renameSync(path(1), join(bench.folder, '..', 'kept.jsonl'))
  assert.match((await verifyTrail(bench.folder)).problem!, /what came before it is missing/)
  const anchor = { seq: (JSON.parse(last) as AuditRecord).seq, hash: hashOf(Buffer.from(last)) }
  assert.ok((await verifyTrail(bench.folder, anchor)).ok)
  await written(1)
  assert.ok((await verifyTrail(bench.folder, anchor)).ok)
})

test.run()

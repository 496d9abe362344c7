// Closed segments: compressed, found by their index, and removed when they are older than the retention time.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuditEvent, AuditRecord } from '../../../host/audit/audit-record.ts'
import { recordsOf } from '../../../host/audit/read-trail.ts'
import { trailFiles } from '../../../host/audit/segment.ts'
import { createSelector, type Selection, wantedFor } from '../../../host/audit/select.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { clock, createAuditBench, event, settled } from '../../support/bench/audit-bench.ts'

const test = suite('audit-archive')
let bench = createAuditBench()
test.before.each(() => {
  bench = createAuditBench()
})
test.after.each(() => bench.remove())

const small = { segmentBytesMax: 4000 }
const euiOf = (n: number) =>
  `00-DB-12-34-56-78-${(n >> 8).toString(16).padStart(2, '0')}-${(n & 255).toString(16).padStart(2, '0')}`.toUpperCase()
const users = [1, 2, 3].map(euiOf)
const devices = [16, 17, 18, 19, 20].map(euiOf)

/** Accepted, answered and delivered requests of several Users and devices, an hour apart. */
async function requests(count: number): Promise<void> {
  const trail = await bench.open(small)
  for (let n = 0; n < count; n++) {
    const [user, device] = [users[n % 3]!, devices[n % 5]!]
    const of = { requestId: `${user}:${device}:${n + 1}`, user, device, srv: n % 2 === 0 ? '4.8.1' : '4.6.1' }
    const events: AuditEvent[] = [
      {
        event: 'accepted',
        ...of,
        code: 'I99',
        role: 'IS',
        registrations: [],
        days: { first: '2026-11-21', last: '2026-11-21' },
        due: '2026-11-22T00:00:16.000Z',
      },
      { event: 'answered', ...of, code: 'I0', tookMs: 12, late: false, bytes: 4000, sha256: 'ab'.repeat(32) },
      { event: 'delivered', requestId: of.requestId, tries: 1 },
    ]
    for (const one of events) trail.record(one)
    if (n % 10 === 0) trail.record({ event: 'key rotated', device })
    await settled(trail.committed())
    clock.set(clock.nowMs() + 3_600_000)
  }
  await settled(trail.close())
}

async function listed(records: AsyncIterable<AuditRecord>, selection: Selection): Promise<AuditRecord[]> {
  const select = createSelector(selection)
  const found: AuditRecord[] = []
  for await (const record of records) {
    const shown = select(record)
    if (shown !== undefined) found.push(shown)
  }
  return found
}

test('a question is answered as by reading everything, whatever it asks for', async () => {
  const startMs = clock.nowMs()
  await requests(120)
  assert.ok(trailFiles(bench.folder).length > 5)
  const selections: Selection[] = [
    {},
    { user: users[0]! },
    { device: devices[2]! },
    { user: users[1]!, device: devices[3]! },
    { as: users[2]! },
    { srv: '4.6.1' },
    { srv: '4.8.1', device: devices[0]!, fromMs: startMs + 30 * 3_600_000 },
    { fromMs: startMs + dayMs, toMs: startMs + 2 * dayMs },
    { device: devices[1]!, fromMs: startMs + dayMs, toMs: startMs + 2 * dayMs },
    { device: euiOf(99) },
    { toMs: startMs },
  ]
  for (const selection of selections) {
    const wanted = await listed(recordsOf(bench.folder, wantedFor(selection)), selection)
    assert.equal(wanted, await listed(recordsOf(bench.folder), selection), JSON.stringify(selection))
  }
  assert.is((await listed(recordsOf(bench.folder), {})).length, 372)
  const few: AuditRecord[] = []
  for await (const record of recordsOf(bench.folder, wantedFor({ device: devices[1]! }))) few.push(record)
  assert.ok(few.length < 100, `${few.length} records were read`)
})

test('without an index, and with a damaged one, everything is read', async () => {
  await requests(60)
  const all = await bench.records()
  rmSync(join(bench.folder, 'audit-000001.index'))
  writeFileSync(join(bench.folder, 'audit-000002.index'), 'no index')
  assert.equal(await bench.records(), all)
  assert.not.ok((await bench.verify()).ok, 'but it is told')
})

test('segments older than the retention time are removed, on record, and the rest is a whole trail', async () => {
  await requests(100)
  const before = trailFiles(bench.folder).length
  const all = (await bench.records()).length
  const trail = await bench.open({ ...small, retentionDays: 2 })
  await settled(trail.close())
  const files = trailFiles(bench.folder)
  assert.ok(files.length < before && files.length > 1, `${files.length} of ${before}`)
  const left = await bench.records()
  const [oldest] = left
  assert.ok(Date.parse(left.at(-1)!.time) - Date.parse(oldest!.time) >= 2 * dayMs, 'not younger than that')
  const removed = left.find((record) => record.event === 'segments removed')!
  assert.equal([removed.from, removed.upTo, removed.lastSeq], [1, files[0]!.number - 1, oldest!.seq - 1])
  const verdict = await bench.verify()
  assert.ok(verdict.ok, verdict.problem)
  assert.equal([verdict.first, verdict.records], [oldest!.seq, all + 1 - removed.lastSeq])
  assert.not.ok(existsSync(join(bench.folder, 'audit-000001.index')))
  const number = String(files[0]!.number).padStart(6, '0')
  rmSync(join(bench.folder, `audit-${number}.log.gz`))
  assert.match((await bench.verify()).problem!, /is missing/)
})

test('a removal that a crash interrupted is finished at the next start', async () => {
  await requests(60)
  const kept = readFileSync(join(bench.folder, 'audit-000001.log.gz'))
  clock.set(clock.nowMs() + 2 * dayMs)
  await settled((await bench.open({ ...small, retentionDays: 1 })).close())
  writeFileSync(join(bench.folder, 'audit-000001.log.gz'), kept)
  assert.ok((await bench.verify()).ok)
  const trail = await bench.open(small)
  trail.record(event(1))
  await settled(trail.close())
  assert.not.ok(existsSync(join(bench.folder, 'audit-000001.log.gz')))
  assert.ok((await bench.verify()).ok)
})

test.run()

import {
  appendFileSync,
  existsSync,
  fstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AuditRecord, hashOf } from '../../../host/audit/audit-record.ts'
import { verifyTrail } from '../../../host/audit/read-trail.ts'
import { batchMs, type TrailParts } from '../../../host/audit/service-audit-trail.ts'
import { clock, createAuditBench, event, settled } from '../../support/bench/audit-bench.ts'

const test = suite('audit-trail')
let bench = createAuditBench()
test.before.each(() => {
  bench = createAuditBench()
})
test.after.each(() => bench.remove())

const open = (parts: Partial<TrailParts> = {}) => bench.open(parts)
const written = (count: number, parts: Partial<TrailParts> = {}) => bench.written(count, parts)
const { files, path, lines, records } = {
  files: () => bench.files(),
  path: (n = 1) => bench.path(n),
  lines: (n = 1) => bench.lines(n),
  records: () => bench.records(),
}

test('a line is one JSON object that names the SHA-256 of the line before, for its owner alone', async () => {
  await written(3)
  assert.equal(files(), ['audit-000001.jsonl'])
  assert.is(statSync(path()).mode & 0o777, 0o600)
  assert.is(statSync(bench.folder).mode & 0o777, 0o700)
  let prev = '0'.repeat(64)
  for (const [i, line] of lines().entries()) {
    const record = JSON.parse(line) as AuditRecord
    assert.equal([record.seq, record.prev, record.event], [i + 1, prev, 'dropped'])
    prev = hashOf(Buffer.from(line))
  }
  const verdict = await verifyTrail(bench.folder)
  assert.equal([verdict.ok, verdict.records, verdict.head], [true, 3, { seq: 3, hash: prev }])
})

test('records share an fdatasync: one for each batch, and no more than one in 5 ms', async () => {
  const startMs = clock.nowMs()
  let syncs = 0
  const trail = await open({
    sync: async () => {
      syncs += 1
    },
  })
  for (let burst = 0; burst < 20; burst++) {
    for (let n = 0; n < 50; n++) trail.record(event(n))
    await clock.pass(1)
  }
  await settled(trail.committed())
  const tookMs = clock.nowMs() - startMs
  await settled(trail.close())
  assert.is((await records()).length, 1000)
  assert.ok(syncs >= 1 && syncs <= Math.min(20, 1 + tookMs / batchMs), `${syncs} in ${tookMs} ms`)
})

test('committed waits for the disk', async () => {
  let reached: () => void = () => {}
  const written = new Promise<void>((resolve) => {
    reached = resolve
  })
  let sync: () => void = () => {}
  const synced = new Promise<void>((resolve) => {
    sync = resolve
  })
  const trail = await open({
    sync: () => {
      reached()
      return synced
    },
  })
  trail.record(event(1))
  let done = false
  const committed = trail.committed().then(() => {
    done = true
  })
  await written
  await clock.pass(100)
  assert.is(done, false)
  assert.is(trail.head().seq, 0)
  sync()
  await committed
  assert.is(trail.head().seq, 1)
  await trail.close()
})

test('a trail continues where it ended, and in the next file when one is full', async () => {
  await written(10, { fileBytesMax: 1000 })
  await written(10, { fileBytesMax: 1000 })
  const found = await records()
  assert.equal(
    found.map(({ seq }) => seq),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  assert.ok(files().length >= 4, `${files().length} files`)
  for (const name of files()) assert.ok(statSync(join(bench.folder, name)).size <= 1000)
  assert.ok((await verifyTrail(bench.folder)).ok)
})

test('a partial last batch after a crash is cut, saved beside, and recorded; committed records stay', async () => {
  await written(5)
  const whole = readFileSync(path())
  const lastFrom = whole.lastIndexOf(10, whole.length - 2) + 1
  const tails = [
    ...Array.from({ length: whole.length - lastFrom - 1 }, (_, i) => whole.subarray(0, lastFrom + 1 + i)),
    Buffer.concat([whole, Buffer.alloc(4096)]),
    Buffer.concat([whole, Buffer.alloc(700), Buffer.from('\n'), whole.subarray(lastFrom)]),
    Buffer.concat([whole, Buffer.from('{"seq":6}\n')]),
  ]
  for (const [i, bytes] of tails.entries()) {
    rmSync(bench.folder, { recursive: true })
    await written(0)
    writeFileSync(path(), bytes)
    const good = bytes.length < whole.length ? 4 : 5
    const trail = await open()
    trail.record(event(99))
    await settled(trail.committed())
    await settled(trail.close())
    const found = await records()
    assert.equal(
      found.map((record) => record.event),
      [...Array(good).fill('dropped'), 'tail cut', 'dropped'],
      `tail ${i}`,
    )
    const cut = found[good] as Extract<AuditRecord, { event: 'tail cut' }>
    const kept = readFileSync(join(bench.folder, cut.file))
    assert.equal([cut.bytes, cut.sha256], [kept.length, hashOf(kept)])
    assert.ok((await verifyTrail(bench.folder)).ok)
  }
})

test('a crash between two files: the new one is empty, or torn in its first line', async () => {
  for (const begun of ['', '{"seq":6,"prev"']) {
    rmSync(bench.folder, { recursive: true, force: true })
    await written(5)
    writeFileSync(path(2), begun)
    await written(2)
    assert.ok((await verifyTrail(bench.folder)).ok, begun)
    assert.is((await records()).at(-1)!.seq, begun === '' ? 7 : 8)
  }
})

test('damage that no crash explains: the start is refused, with the line and what to do', async () => {
  await written(3)
  appendFileSync(path(), Buffer.alloc(1024 * 1024 + 1))
  try {
    await open()
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /audit-000001\.jsonl:4: .*Restore the audit trail .* or move /)
  }
  assert.is(readdirSync(bench.folder).length, 1, 'nothing was cut')
})

test('a disk failure: records are not confirmed, the next batch states what was lost, the chain stays intact', async () => {
  let failing = true
  const trail = await open({
    sync: async () => {
      if (failing) throw new Error('ENOSPC: no space left on device')
    },
  })
  trail.record(event(1))
  trail.record(event(2))
  let told = ''
  await settled(trail.committed().catch((error: Error) => (told = error.message)))
  assert.match(told, /cannot be written: ENOSPC/)
  assert.match(trail.trouble()!, /ENOSPC/)
  assert.match(bench.problems.at(-1)!, /ENOSPC/)
  failing = false
  trail.record(event(3))
  await settled(trail.committed())
  assert.is(trail.trouble(), undefined)
  await settled(trail.close())
  const found = await records()
  assert.equal(
    found.map((record) => [record.event, 'count' in record ? record.count : 0]),
    [
      ['records lost', 2],
      ['dropped', 0],
    ],
  )
  assert.ok((await verifyTrail(bench.folder)).ok)
})

test('another program that writes into the file is noticed, and its line is not followed', async () => {
  const trail = await open()
  trail.record(event(1))
  await settled(trail.committed())
  appendFileSync(path(), '{"seq":2}\n')
  trail.record(event(2))
  let told = ''
  await settled(trail.committed().catch((error: Error) => (told = error.message)))
  assert.match(told, /written by another program/)
  await settled(trail.close())
})

test('a record too long for a line is replaced by one that says so', async () => {
  const trail = await open()
  trail.record(event(1, 'x'.repeat(70000)))
  await settled(trail.committed())
  await settled(trail.close())
  const [record] = await records()
  assert.is(record!.event, 'records lost')
})

test('a batch larger than a crash may tear is written in parts', async () => {
  const sizes: number[] = []
  let last = 0
  const trail = await open({
    sync: async (file) => {
      const { size } = fstatSync(file)
      sizes.push(size - last)
      last = size
    },
  })
  for (let n = 0; n < 60; n++) trail.record(event(n, 'y'.repeat(60000)))
  await settled(trail.committed())
  await settled(trail.close())
  assert.ok(sizes.length > 3 && sizes.every((size) => size <= 1024 * 1024), `${sizes}`)
  assert.is((await records()).length, 60)
  assert.ok(existsSync(path()))
})

test.run()

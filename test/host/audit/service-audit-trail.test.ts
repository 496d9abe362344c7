import { hash } from 'node:crypto'
import { appendFileSync, existsSync, fstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuditRecord } from '../../../host/audit/audit-record.ts'
import { sealedText, sealLine, trailFiles } from '../../../host/audit/segment.ts'
import { batchMs } from '../../../host/audit/service-audit-trail.ts'
import type { TrailParts } from '../../../host/audit/trail-files.ts'
import { fingerprintOf } from '../../../host/audit/trail-notes.ts'
import { signatureValue } from '../../../host/pki/public-key.ts'
import { clock, createAuditBench, dspKey, dspPublicKey, event, settled } from '../../support/bench/audit-bench.ts'

const sha256 = (bytes: Uint8Array) => hash('sha256', bytes)

/** Where the last batch of a segment begins. */
function lastBatchOf(bytes: Buffer): number {
  const trailer = bytes.lastIndexOf('\n=')
  return bytes.lastIndexOf('\n=', trailer - 1) + 46
}

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

test('a batch is its lines and their hash with the line before them, for their owner alone', async () => {
  await written(3)
  assert.equal(files(), ['audit-000001.log'])
  assert.is(statSync(path()).mode & 0o777, 0o600)
  assert.is(statSync(bench.folder).mode & 0o777, 0o700)
  const [header, ...rest] = lines()
  assert.is(header, `smets1-audit|2|1|0|${'A'.repeat(43)}`)
  let before = header
  let hash = ''
  for (let n = 1; n <= 3; n++) {
    const [line, trailer] = rest.splice(0, 2)
    assert.match(line!, new RegExp(`^x[0-9a-z]+\\|!${n}\\|x{50}$`))
    hash = sha256(Buffer.from(`${before}\n${line}\n`))
    assert.is(trailer, `=${Buffer.from(hash, 'hex').toString('base64url')}`)
    before = trailer
  }
  const verdict = await bench.verify()
  assert.equal([verdict.ok, verdict.records, verdict.head], [true, 3, { seq: 3, hash }])
  assert.equal(bench.notes.head(), { number: 1, seq: 3, hash })
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

test('a trail continues where it ended, and in the next segment when one is full', async () => {
  await written(10, { segmentBytesMax: 1000 })
  await written(10, { segmentBytesMax: 1000 })
  const found = await records()
  assert.equal(
    found.map(({ seq }) => seq),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  const segments = trailFiles(bench.folder)
  assert.ok(segments.length >= 3, `${segments.length} segments`)
  assert.equal(
    segments.map(({ kind }) => kind),
    [...Array(segments.length - 1).fill('archived'), 'plain'],
  )
  for (const { path: file, kind } of segments) {
    const bytes = kind === 'plain' ? readFileSync(file) : gunzipSync(readFileSync(file))
    assert.ok(bytes.length <= 1000 + 132)
  }
  const verdict = await bench.verify()
  assert.ok(verdict.ok, verdict.problem)
  assert.is(verdict.records, 20)
})

test('a partial last batch after a crash is cut, saved beside, and recorded; committed records stay', async () => {
  const tails = (whole: Buffer, lastFrom: number) => [
    ...Array.from({ length: Math.floor((whole.length - lastFrom - 1) / 6) }, (_, i) =>
      whole.subarray(0, lastFrom + 1 + 6 * i),
    ),
    Buffer.concat([whole, Buffer.alloc(4096)]),
    Buffer.concat([whole, Buffer.alloc(700), Buffer.from('\n'), whole.subarray(lastFrom)]),
    Buffer.concat([whole, Buffer.from('{"seq":6}\n')]),
  ]
  await written(5)
  const first = readFileSync(path())
  const count = tails(first, lastBatchOf(first)).length
  for (let i = 0; i < count; i++) {
    bench.remove()
    bench = createAuditBench()
    await written(4)
    const four = bench.notes.head()!
    await written(1)
    const whole = readFileSync(path())
    const bytes = tails(whole, lastBatchOf(whole))[i]!
    const good = bytes.length < whole.length ? 4 : 5
    // What a crash leaves: the store notes a batch after it is on disk.
    if (good === 4) await bench.notes.noteHead(four)
    writeFileSync(path(), bytes)
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
    assert.equal([cut.bytes, cut.sha256], [kept.length, sha256(kept)])
    assert.ok((await bench.verify()).ok)
  }
})

test('a crash between two segments: the new one is empty, or torn in its header', async () => {
  for (const begun of ['', 'smets1-audit|2|2|5|', '\0'.repeat(80)]) {
    bench.remove()
    bench = createAuditBench()
    await written(5)
    const end = bench.notes.head()!
    const seal = sealLine({
      signer: fingerprintOf(dspPublicKey),
      signature: signatureValue(dspKey, sealedText(1, end)),
    })
    appendFileSync(path(), seal)
    if (begun !== '-') writeFileSync(path(2), begun)
    await written(2)
    const verdict = await bench.verify()
    assert.ok(verdict.ok, verdict.problem)
    assert.is((await records()).at(-1)!.seq, 7)
  }
})

test('a crash while a closed segment is compressed: it is compressed again', async () => {
  await written(20, { segmentBytesMax: 1000 })
  const plain = gunzipSync(readFileSync(join(bench.folder, 'audit-000001.log.gz')))
  writeFileSync(path(), plain)
  writeFileSync(join(bench.folder, 'audit-000001.log.gz'), plain.subarray(0, 30))
  await written(1, { segmentBytesMax: 1000 })
  assert.not.ok(existsSync(path()))
  const verdict = await bench.verify()
  assert.ok(verdict.ok, verdict.problem)
  assert.is(verdict.records, 21)
})

test('damage that no crash explains: the start is refused, with what to do', async () => {
  await written(3)
  appendFileSync(path(), Buffer.alloc(1024 * 1024 + 1))
  try {
    await open()
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /audit-000001\.log: .*after record 3.*smets1 restore.*--reset/)
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
  assert.ok((await bench.verify()).ok)
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

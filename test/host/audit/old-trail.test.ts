// Trails that version 0.1 wrote: read, verified, and continued by new segments behind them.

import { hash } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAuditBench, event, settled } from '../../support/bench/audit-bench.ts'

const test = suite('audit-old-trail')
let bench = createAuditBench()
test.before.each(() => {
  bench = createAuditBench()
})
test.after.each(() => bench.remove())

const path = (n: number) => join(bench.folder, `audit-00000${n}.jsonl`)

/** Writes a trail as version 0.1 did: one line an event with the hash of the line before, here ten in a file. */
function writeOld(files: number): void {
  mkdirSync(bench.folder, { recursive: true, mode: 0o700 })
  let prev = '0'.repeat(64)
  for (let seq = 1; seq <= files * 10; seq++) {
    const time = new Date(Date.UTC(2026, 9, 1) + seq * 60_000).toISOString()
    const of = { requestId: `A:B:${seq}`, user: 'A', device: 'B', srv: '4.8.1' }
    const fields =
      seq % 2 === 0
        ? { event: 'dropped', requestId: of.requestId, why: 'x' }
        : { event: 'answered', ...of, fault: 'rubbish' }
    const line = JSON.stringify({ seq, prev, time, ...fields })
    prev = hash('sha256', line)
    appendFileSync(path(Math.ceil(seq / 10)), `${line}\n`)
  }
}

test('an old trail is read, verified and continued; its files stay as they are', async () => {
  writeOld(2)
  const before = readFileSync(path(2))
  assert.ok((await bench.verify()).ok, 'before the first start')
  await bench.written(3)
  assert.equal(bench.files(), ['audit-000001.jsonl', 'audit-000002.jsonl', 'audit-000003.log'])
  assert.equal(readFileSync(path(2)), before)
  const records = await bench.records()
  assert.equal(
    records.map(({ seq }) => seq),
    Array.from({ length: 23 }, (_, i) => i + 1),
  )
  assert.is((records[0] as { fault?: string }).fault, 'malformed', 'as it is named now')
  const verdict = await bench.verify()
  assert.ok(verdict.ok, verdict.problem)
  assert.equal([verdict.records, verdict.head.seq], [23, 23])
})

test('an old trail with an unfinished last line, or an empty last file, is continued', async () => {
  writeOld(2)
  appendFileSync(path(2), '{"seq":21,"prev"')
  const trail = await bench.open()
  trail.record(event(1))
  await settled(trail.close())
  const records = await bench.records()
  assert.equal([records[20]!.event, records[21]!.seq], ['tail cut', 22])
  assert.ok((await bench.verify()).ok)
  bench.remove()
  bench = createAuditBench()
  writeOld(1)
  writeFileSync(path(2), '')
  await bench.written(1)
  assert.ok((await bench.verify()).ok)
  assert.is((await bench.records()).at(-1)!.seq, 11)
})

test('damage in old files is told, also by what new segments continue', async () => {
  writeOld(2)
  await bench.written(2)
  const kept = readFileSync(path(2))
  const damages: [string, () => void][] = [
    ['altered', () => writeFileSync(path(2), kept.toString().replace('"why":"x"', '"why":"y"'))],
    ['cut', () => writeFileSync(path(2), kept.subarray(0, kept.lastIndexOf(10, kept.length - 2) + 1))],
    ['removed', () => rmSync(path(2))],
  ]
  for (const [name, damage] of damages) {
    damage()
    assert.not.ok((await bench.verify()).ok, name)
    writeFileSync(path(2), kept)
  }
  assert.ok((await bench.verify()).ok)
  rmSync(path(1))
  assert.match((await bench.verify()).problem!, /begins at record 11; what came before it is missing/)
})

test('more damage at the end of an old trail than a crash leaves stops the start', async () => {
  writeOld(1)
  appendFileSync(path(1), Buffer.alloc(1024 * 1024 + 1))
  try {
    await bench.open()
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /audit-000001\.jsonl:11: .*smets1 restore/)
  }
})

test.run()

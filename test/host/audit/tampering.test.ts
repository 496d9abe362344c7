// Audit trails, and stores, that were tampered with: told by a verification without options, and at a start.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { trailFiles } from '../../../host/audit/segment.ts'
import { clock, createAuditBench, event, settled } from '../../support/bench/audit-bench.ts'

const test = suite('audit-verify')
let bench = createAuditBench()
let copies = ''
test.before.each(() => {
  bench = createAuditBench()
  copies = mkdtempSync(join(tmpdir(), 'smets1-audit-copy-'))
})
test.after.each(() => {
  bench.remove()
  rmSync(copies, { recursive: true })
})

const small = { segmentBytesMax: 1000 }
const written = (count: number) => bench.written(count, small)
const copyTo = (name: string) => cpSync(bench.folder, join(copies, name), { recursive: true })
const copyBack = (name: string) => {
  rmSync(bench.folder, { recursive: true })
  cpSync(join(copies, name), bench.folder, { recursive: true })
}
const open = () => bench.open(small)

/** Why a start is refused, or '' when it is not. */
async function refusal(): Promise<string> {
  try {
    const trail = await open()
    await settled(trail.close())
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

const newest = () => trailFiles(bench.folder).at(-1)!.path
const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1)
const writeLines = (path: string, lines: string[]) => writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
const editNewest = (edit: (lines: string[]) => string[]) => writeLines(newest(), edit(linesOf(newest())))

/** Of the newest segment: its header, then a line and its trailer for each record. */
const damages: { [name: string]: () => void | Promise<void> } = {
  'line altered': () => editNewest((lines) => lines.map((line, i) => (i === 3 ? line.replace('xxx', 'yyy') : line))),
  'last line altered': () =>
    editNewest((lines) => lines.map((line, i) => (i === lines.length - 2 ? line.replace('xxx', 'yyy') : line))),
  'line removed': () => editNewest((lines) => lines.filter((_, i) => i !== 3)),
  'batch removed': () => editNewest((lines) => lines.filter((_, i) => i !== 3 && i !== 4)),
  'two swapped': () =>
    editNewest(([header, a, aHash, b, bHash, ...rest]) => [header!, b!, bHash!, a!, aHash!, ...rest]),
  'tail cut': () => editNewest((lines) => lines.slice(0, -2)),
  'tail cut within the last batch': () => editNewest((lines) => lines.slice(0, -1)),
  'newest segment removed': () => rmSync(newest()),
  'whole trail removed': () => rmSync(bench.folder, { recursive: true }),
  'segment replaced by an older one': () =>
    cpSync(join(copies, 'older', 'audit-000003.log'), join(bench.folder, 'audit-000003.log')),
  'trail replaced by an older one': () => copyBack('older'),
  'trail replaced by another': async () => {
    const other = createAuditBench()
    clock.set(clock.nowMs() + 1)
    await other.written(20, small)
    rmSync(bench.folder, { recursive: true })
    cpSync(other.folder, bench.folder, { recursive: true })
    other.remove()
  },
}

/** Found by a verification; a start does not read old segments. */
const archiveDamages: { [name: string]: () => void } = {
  'archive altered': () => {
    const path = join(bench.folder, 'audit-000001.log.gz')
    const bytes = gunzipSync(readFileSync(path))
    bytes[200]! ^= 1
    writeFileSync(path, gzipSync(bytes))
  },
  'byte of an archive altered': () => {
    const path = join(bench.folder, 'audit-000002.log.gz')
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1]! ^= 0xff
    writeFileSync(path, bytes)
  },
  'archive cut': () => {
    const path = join(bench.folder, 'audit-000002.log.gz')
    writeFileSync(path, readFileSync(path).subarray(0, -100))
  },
  'archive removed': () => rmSync(join(bench.folder, 'audit-000002.log.gz')),
  'first archive removed': () => rmSync(join(bench.folder, 'audit-000001.log.gz')),
  'archive replaced by another': () =>
    cpSync(join(bench.folder, 'audit-000001.log.gz'), join(bench.folder, 'audit-000002.log.gz')),
  'index altered': () => writeFileSync(join(bench.folder, 'audit-000001.index'), '[]\n'),
}

async function prepare(): Promise<void> {
  await written(17)
  copyTo('older')
  await written(2)
  const intact = await bench.verify()
  assert.ok(intact.ok, intact.problem)
  assert.ok(trailFiles(bench.folder).length >= 3)
}

for (const [name, damage] of Object.entries(damages)) {
  test(`${name}: told by a verification without options, and at a start`, async () => {
    await prepare()
    await damage()
    const verdict = await bench.verify()
    assert.not.ok(verdict.ok, 'not told by --verify')
    assert.ok(verdict.problem)
    assert.match(await refusal(), /restore/i)
  })
}

for (const [name, damage] of Object.entries(archiveDamages)) {
  test(`${name}: told by a verification without options`, async () => {
    await prepare()
    damage()
    assert.not.ok((await bench.verify()).ok)
  })
}

test('rewritten and chained anew, archives and all: the seals and the store tell', async () => {
  await prepare()
  const head = bench.notes.head()!
  const forged = createAuditBench()
  await forged.written(head.seq, small)
  rmSync(bench.folder, { recursive: true })
  cpSync(forged.folder, bench.folder, { recursive: true })
  forged.remove()
  assert.match((await bench.verify()).problem!, /store noted|segment/)
  assert.match(await refusal(), /store noted/)
})

test('any byte of the newest segment changed is told', async () => {
  await written(5)
  const path = newest()
  const whole = readFileSync(path)
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const spoilt = Buffer.from(whole)
      spoilt[at]! ^= change
      writeFileSync(path, spoilt)
      assert.not.ok((await bench.verify()).ok, `byte ${at}`)
    }),
    { numRuns: 300 },
  )
  // The last character of a hash has bits that are not used.
  for (let change = 1; change < 256; change++) {
    const spoilt = Buffer.from(whole)
    spoilt[whole.length - 2]! ^= change
    writeFileSync(path, spoilt)
    assert.not.ok((await bench.verify()).ok, `${spoilt.toString('latin1').slice(-2)}`)
  }
})

test('a store that is behind its trail: emptied, or an older copy', async () => {
  await written(5)
  const older = bench.notes.head()!
  await written(3)
  const now = bench.notes.head()!
  await bench.notes.noteHead(older)
  assert.match(await refusal(), /the store is behind .* noted record 5, .* ends with record 8.*smets1 restore/)
  await bench.store.remove('trail', 'head')
  assert.match(await refusal(), /the store is behind/)
  await bench.notes.noteHead(now)
  assert.is(await refusal(), '')
})

test('a store that is one batch behind, as a crash leaves it: the start goes on and says what it had not noted', async () => {
  await written(5)
  const before = bench.notes.head()!
  await written(1)
  await bench.notes.noteHead(before)
  const trail = await open()
  assert.equal(
    trail.unnoted.map(({ seq, event: name }) => [seq, name]),
    [[6, 'dropped']],
  )
  trail.record(event(9))
  await settled(trail.close())
  assert.ok((await bench.verify()).ok)
})

test('a trail that was cut or rewritten is detected by a point noted elsewhere, also without a store', async () => {
  await written(4)
  const { head } = await bench.verify()
  await written(2)
  assert.ok((await bench.verify(head)).ok)
  assert.not.ok((await bench.verify({ ...head, hash: '0'.repeat(64) })).ok)
  assert.match((await bench.verify({ seq: 99, hash: head.hash })).problem!, /ends at record 6, before record 99/)
})

test.run()

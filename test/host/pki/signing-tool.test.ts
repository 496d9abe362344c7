// keys.boxed: a jar that a user names: what is read from it, and the errors for other files.

import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { loadSigningTool, readSigningTool } from '../../../host/pki/signing-tool.ts'
import { readZip } from '../../../host/pki/zip.ts'
import { nowMs } from '../../support/bench/duis-parties.ts'
import { toolBytes, toolFile, toolJar } from '../../support/bench/duis-schema.ts'

const dspName = 'dsp-xml-sign-90B3D51F30000002-ds'
const limits = { entriesMax: 100, fileBytesMax: 10_000 }

type Entry = { name: string; bytes: Uint8Array; method?: number; flags?: number; size?: number; crc?: number }

/** A zip archive, as right or wrong as its entries say. */
function zipOf(entries: readonly Entry[], comment = ''): Buffer {
  const parts: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  for (const { name, bytes, method = 8, flags = 0, size = bytes.length, crc = crc32(bytes) } of entries) {
    const packed = method === 8 ? deflateRawSync(bytes) : Buffer.from(bytes)
    const local = Buffer.alloc(30 + 4)
    local.writeUInt32LE(0x04034b50)
    local.writeUInt16LE(Buffer.byteLength(name), 26)
    local.writeUInt16LE(4, 28)
    const row = Buffer.alloc(46)
    row.writeUInt32LE(0x02014b50)
    row.writeUInt16LE(flags, 8)
    row.writeUInt16LE(method, 10)
    row.writeUInt32LE(crc, 16)
    row.writeUInt32LE(packed.length, 20)
    row.writeUInt32LE(size, 24)
    row.writeUInt16LE(Buffer.byteLength(name), 28)
    row.writeUInt32LE(at, 42)
    central.push(row, Buffer.from(name))
    // The extra field of the local header comes after its name.
    parts.push(local.subarray(0, 30), Buffer.from(name), local.subarray(30), packed)
    at += 34 + Buffer.byteLength(name) + packed.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  end.writeUInt16LE(comment.length, 20)
  return Buffer.concat([...parts, directory, end, Buffer.from(comment)])
}

const text = (name: string, content: string, more: Partial<Entry> = {}): Entry => {
  return { name, bytes: Buffer.from(content), ...more }
}

async function assertRejects(promise: Promise<unknown>, why: RegExp): Promise<void> {
  const problem = await promise.then(
    () => 'it was accepted',
    (error: Error) => error.message,
  )
  assert.match(problem, why)
}

test('the tool of the development dependency: its Users and its DSP', async () => {
  const { signers, dsp } = await loadSigningTool(toolJar, nowMs)
  const euis = new Set(signers.map(({ eui }) => eui))
  for (const eui of ['90-B3-D5-1F-30-01-00-00', '90-B3-D5-1F-30-02-00-00', '00-DB-12-34-56-78-00-04']) {
    assert.ok(euis.has(eui), eui)
  }
  assert.equal([dsp.name, dsp.eui], [dspName, '90-B3-D5-1F-30-00-00-02'])
  assert.is(dsp.serial, '167048897159233642262001557408276884033')
  assert.is(dsp.signer.issuerName, 'CN=Z1,OU=07')
  assert.equal(
    createPublicKey(dsp.signer.key).export({ type: 'spki', format: 'der' }),
    createPublicKey(toolFile(`${dspName}.pem`)).export({ type: 'spki', format: 'der' }),
  )
  // Some of its certificates ended in 2025; the tool signs with their keys all the same.
  for (const { notBeforeMs, notAfterMs } of signers)
    assert.ok(notBeforeMs < 0 && notAfterMs === Number.POSITIVE_INFINITY)
})

test('a key under another name, or one that is not its certificate’s, is no key', async () => {
  const pem = toolBytes(`${dspName}.pem`)
  const other = toolBytes('xml-sign-90B3D51F30010000-ds.key')
  for (const entries of [
    [{ name: `${dspName}.pem`, bytes: pem }],
    [
      { name: `${dspName}.pem`, bytes: pem },
      { name: `${dspName}.key`, bytes: other },
    ],
    [
      { name: `${dspName}.pem`, bytes: pem },
      { name: `${dspName}.key`, bytes: Buffer.from('no key') },
    ],
    [{ name: 'xml-sign-90B3D51F30010000-ds.pem', bytes: toolBytes('xml-sign-90B3D51F30010000-ds.pem') }],
  ]) {
    await assertRejects(readSigningTool(zipOf(entries), nowMs), /no key of the DSP/)
  }
  const key = { name: `${dspName}.key`, bytes: toolBytes(`${dspName}.key.pem`) }
  assert.is((await readSigningTool(zipOf([{ name: `${dspName}.pem`, bytes: pem }, key]), nowMs)).dsp.name, dspName)
})

test('an archive: stored and packed files, an extra field, a comment behind it', async () => {
  const zip = zipOf([text('a', 'one'), text('b', 'two'.repeat(99), { method: 0 }), text('d/', ''), text('c', '')], 'PK')
  const files = await readZip(zip, (name) => name !== 'c', limits)
  assert.equal(
    [...files].map(([name, bytes]) => [name, bytes.toString()]),
    [
      ['a', 'one'],
      ['b', 'two'.repeat(99)],
    ],
  )
  assert.is((await readZip(zipOf([]), () => true, limits)).size, 0)
})

test('errors in an archive are reported', async () => {
  const wrong: [RegExp, Buffer][] = [
    [/not a zip/, Buffer.alloc(0)],
    [/not a zip/, Buffer.from('PK, but no archive'.repeat(9))],
    [/at most 10000/, zipOf([text('a', 'x'.repeat(10_001))])],
    // A bomb: it says that it is small.
    [/damaged/, zipOf([text('a', 'x'.repeat(1_000_000), { size: 100 })])],
    [/damaged/, zipOf([text('a', 'x', { crc: 1 })])],
    [/damaged/, zipOf([text('a', 'x', { size: 2 })])],
    [/encrypted/, zipOf([text('a', 'x', { flags: 1 })])],
    [/method 12/, zipOf([text('a', 'x', { method: 12 })])],
    [/two files/, zipOf([text('a', 'x'), text('a', 'y')])],
    [/more than 100 files/, zipOf(Array.from({ length: 101 }, (_, i) => text(`${i}`, '')))],
  ]
  for (const [why, zip] of wrong)
    await assertRejects(
      readZip(zip, () => true, limits),
      why,
    )
  await assertRejects(readSigningTool(zipOf([text('a.pem', 'nothing')]), nowMs), /holds no certificates/)
})

test('3,000 damaged jars: always a described error', async () => {
  const jar = zipOf(['.pem', '.key'].map((ending) => ({ name: dspName + ending, bytes: toolBytes(dspName + ending) })))
  const random = createRandom(4)
  let read = 0
  for (let i = 0; i < 3_000; i++) {
    const damaged = Buffer.from(jar.subarray(0, random.below(4) === 0 ? random.below(jar.length) : jar.length))
    for (let n = random.below(4); n >= 0 && damaged.length > 0; n--)
      damaged[random.below(damaged.length)] = random.below(256)
    try {
      await readSigningTool(damaged, nowMs)
      read += 1
    } catch (error) {
      if (!(error instanceof Error) || error instanceof RangeError || error instanceof TypeError) throw error
    }
  }
  assert.ok(read < 3_000)
})

test('a file that is missing, larger than any such tool, or no jar', async () => {
  const large = join(mkdtempSync(join(tmpdir(), 'smets1-jar-')), 'large.jar')
  writeFileSync(large, '')
  truncateSync(large, 100 * 1024 * 1024)
  await assertRejects(loadSigningTool(large, nowMs), /it has 104857600 bytes, at most 67108864/)
  rmSync(dirname(large), { recursive: true })
  await assertRejects(loadSigningTool('/nowhere/tool.jar', nowMs), /ENOENT/)
  await assertRejects(readSigningTool(readFileSync(new URL(import.meta.url)), nowMs), /not a zip/)
})

test.run()

// The DUIS 5.1 schema and the test certificates inside the DCC's signing tool, which a development dependency brings
// along. They are read out of it while tests run; none of it is part of this repository.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { loadSchema, type Schema } from '../../host/duis/schema.ts'

/** The tool as `java -cp` takes it. */
export const toolJar = join(dirname(createRequire(import.meta.url).resolve('@smartdcc/duis-sign-wrap')), 'tool.jar')

let entries: Map<string, Uint8Array> | undefined

/** A file of the jar as text, by its name. */
export function toolFile(name: string): string {
  return Buffer.from(toolBytes(name)).toString('utf8')
}

/** A file of the jar, by its name. */
export function toolBytes(name: string): Uint8Array {
  entries ??= readZip(readFileSync(toolJar))
  const bytes = entries.get(name)
  if (bytes === undefined) throw new Error(`${toolJar} holds no ${name}`)
  return bytes
}

let schema: Schema | undefined

/** The compiled DUIS 5.1 schema; compiled once per test process. */
export function duisSchema(): Schema {
  schema ??= loadSchema(duisSchemaDirectory())
  return schema
}

/** A temporary folder with the schema files under their own names, spaces included. */
export function duisSchemaDirectory(): string {
  entries ??= readZip(readFileSync(toolJar))
  const directory = mkdtempSync(join(tmpdir(), 'smets1-duis-schema-'))
  for (const [name, bytes] of entries) if (name.endsWith('.xsd')) writeFileSync(join(directory, name), bytes)
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The plain files of a zip archive (APPNOTE 4.3: end record, central directory, local headers; stored or deflated). */
function readZip(zip: Buffer): Map<string, Uint8Array> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const files = new Map<string, Uint8Array>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10)
    const packedBytes = zip.readUInt32LE(at + 20)
    const nameBytes = zip.readUInt16LE(at + 28)
    const local = zip.readUInt32LE(at + 42)
    const name = zip.toString('utf8', at + 46, at + 46 + nameBytes)
    // The local header repeats the name, and its extra field may have another length.
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const packed = zip.subarray(start, start + packedBytes)
    if (!name.endsWith('/')) files.set(name, method === 0 ? packed : inflateRawSync(packed))
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return files
}

// The DUIS 5.1 schema and the test certificates inside the DCC's signing tool, which a development dependency
// contains. They are read out of it while tests run; none of it is part of this repository.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { type FaultCodes, faultCodes, sentCodes } from '../../../host/catalogue/response-code.ts'
import { loadSchema, type Schema } from '../../../host/duis/schema.ts'
import { readZip } from '../../../host/pki/zip.ts'

/** The tool as `java -cp` takes it. */
export const toolJar = join(dirname(createRequire(import.meta.url).resolve('@smartdcc/duis-sign-wrap')), 'tool.jar')

const toolFiles = await readZip(readFileSync(toolJar), (name) => /\.(xsd|pem|key)$/.test(name), {
  entriesMax: 1_000,
  fileBytesMax: 1_000_000,
})

/** A file of the jar as text, by its name. */
export function toolFile(name: string): string {
  return Buffer.from(toolBytes(name)).toString('utf8')
}

/** A file of the jar, by its name. */
export function toolBytes(name: string): Uint8Array {
  const bytes = toolFiles.get(name)
  if (bytes === undefined) throw new Error(`${toolJar} holds no ${name}`)
  return bytes
}

let schema: Schema | undefined

/**
 * The compiled DUIS 5.1 schema, or the one in the folder that DUIS_SCHEMA names: every test then checks what is sent against
 * that. Compiled once per test process.
 */
export function duisSchema(): Schema {
  schema ??= loadSchema(process.env.DUIS_SCHEMA ?? duisSchemaDirectory())
  return schema
}

/** What we send is valid by the schema, and its code is a row of the table, given the codes by fault. */
export function assertSendable(xml: string, codes: FaultCodes = faultCodes): void {
  assert.equal(duisSchema().validate(xml), [], xml)
  const code = /<sr:ResponseCode>([^<]*)</.exec(xml)?.[1]
  assert.ok(
    sentCodes(codes).some((row) => row.code === code),
    `${code} is no row`,
  )
}

/** A temporary folder with the schema files under their own names, spaces included. */
export function duisSchemaDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-duis-schema-'))
  for (const [name, bytes] of toolFiles) if (name.endsWith('.xsd')) writeFileSync(join(directory, name), bytes)
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

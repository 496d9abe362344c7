import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isResponseCode, responseCodes } from '../host/duis/response-code.ts'
import { compileSchema, loadSchema } from '../host/duis/schema.ts'
import { isServiceReferenceVariant } from '../host/duis/service-reference.ts'
import { sampleRequest, signedRequest, template } from './support/duis-parties.ts'
import { duisSchema, duisSchemaDirectory, toolFile } from './support/duis-schema.ts'

const duisText = toolFile('DUIS Schema V5.1.xsd')

test('requests are valid, and what is wrong with others is said', () => {
  const schema = duisSchema()
  assert.equal(schema.validate(sampleRequest()), [])
  assert.equal(schema.validate(Buffer.from(signedRequest())), [])
  assert.equal(schema.validate(template('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML')), [])
  assert.match(schema.validate(sampleRequest().replace('>1<', '>x<')).join(), /CommandVariant/)
  assert.match(schema.validate('<r>').join(), /premature|Premature|end/i)
  assert.equal(schema.validate('<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'), ['document type or entity declaration'])
})

test('files are told apart by what they define, not by their names', () => {
  const directory = duisSchemaDirectory()
  assert.ok(readdirSync(directory).some((name) => name.includes(' ')))
  const schema = loadSchema(directory)
  assert.equal(schema.validate(sampleRequest()), [])
  schema.dispose()
  const names = ['MMC Schema V5.1.xsd', 'xmldsig-core-schema.xsd', 'DUIS Schema V5.1.xsd']
  const renamed = compileSchema(names.map((name, i) => ({ name: `${i}.xsd`, text: toolFile(name) })))
  assert.equal(renamed.validate(sampleRequest()), [])
  renamed.dispose()
})

test('a folder that is not what it should be is explained', () => {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-empty-'))
  assert.throws(() => loadSchema(directory), /no \.xsd file defines .*ServiceUserGateway/)
  writeFileSync(join(directory, 'duis.xsd'), duisText)
  assert.throws(() => loadSchema(directory), /no \.xsd file defines .*which another one imports/)
  writeFileSync(join(directory, 'duis copy.xsd'), duisText)
  assert.throws(() => loadSchema(directory), /both "duis.* define/)
  rmSync(directory, { recursive: true })
  assert.throws(() => loadSchema(directory), /ENOENT/)
})

/** The values a simple type of the DUIS 5.1 schema allows. */
function enumeration(type: string): string[] {
  const from = duisText.slice(duisText.indexOf(`simpleType name="${type}"`))
  return Array.from(from.slice(0, from.indexOf('</xs:simpleType>')).matchAll(/value="([^"]+)"/g), (match) => match[1]!)
}

test('response codes are those of the schema', () => {
  const schemaCodes = new Set(enumeration('ResponseCode'))
  for (const code of Object.keys(responseCodes)) assert.ok(schemaCodes.has(code) && isResponseCode(code), code)
  // 5.3 added E050111 and E050112; the codes of requests out of scope are not ours to send.
  for (const code of schemaCodes) {
    const inScope = /^(?:[IE]\d{1,4}|E040101|E041701|[EW]05\d+|E0802\d+)$/.test(code)
    assert.is(isResponseCode(code), inScope, code)
  }
  for (let i = 0; i < 2_000; i++) assert.is(isResponseCode(`E${i}`), schemaCodes.has(`E${i}`), `E${i}`)
})

test('service reference variants are those of the schema', () => {
  const found = enumeration('ServiceReferenceVariant')
  assert.ok(found.length > 100)
  for (const variant of found) assert.ok(isServiceReferenceVariant(variant), variant)
  for (const variant of ['', '4', '4.8', '4.8.4', 'constructor']) assert.not.ok(isServiceReferenceVariant(variant))
})

test.run()

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isResponseCode, responseCodes } from '../../host/catalogue/response-code.ts'
import { isServiceReferenceVariant } from '../../host/catalogue/service-reference.ts'
import { formatFailure, formatResponseMessage, formatSmets1Response } from '../../host/duis/format.ts'
import { formatDeviceAlert } from '../../host/duis/format-alert.ts'
import {
  formatNonDeviceRequest,
  formatScheduleAlert,
  inventoryContent,
  scheduleIdContent,
  schedulesContent,
} from '../../host/duis/format-non-device.ts'
import {
  dailyReadLogPayload,
  exportProfilePayload,
  exportRegistersPayload,
  importProfilePayload,
  importRegistersPayload,
  reactiveImportProfilePayload,
} from '../../host/duis/payload.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { compileSchema, loadSchema } from '../../host/duis/schema.ts'
import { esmeEui, nowMs, parties, sampleRequest, signedRequest, template } from '../support/bench/duis-parties.ts'
import { duisSchema, duisSchemaDirectory, toolFile } from '../support/bench/duis-schema.ts'

const duisText = toolFile('DUIS Schema V5.1.xsd')

test('requests are valid, and errors in others are reported', () => {
  const schema = duisSchema()
  assert.equal(schema.validate(sampleRequest()), [])
  assert.equal(schema.validate(Buffer.from(signedRequest())), [])
  assert.equal(schema.validate(template('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML')), [])
  assert.match(schema.validate(sampleRequest().replace('>1<', '>x<')).join(), /CommandVariant/)
  assert.match(schema.validate('<r>').join(), /premature|Premature|end/i)
  assert.equal(schema.validate('<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'), ['document type or entity declaration'])
})

test('files are distinguished by what they define, not by their names', () => {
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

/**
 * The 5.1 schemas made into what is known of 5.4: the same namespaces, its own version in the comments, 4.2 among what can be
 * scheduled (since 5.3), two response codes more, Connectivity of a device.
 */
function laterSchemas(): { name: string; text: string }[] {
  const renumbered = (name: string) => toolFile(name).replace(/V5\.1a?/g, 'V5.4')
  const versions = (text: string) => text.replace(/(XML Schema Version[^\n]*- )5\.1/g, '$15.4')
  const duis = versions(renumbered('DUIS Schema V5.1.xsd'))
    .replace(
      /(name="DSPScheduledServiceReference(?:Variant)?">\s*<xs:restriction base="xs:string">)/g,
      '$1<xs:enumeration value="4.2"/>',
    )
    .replace(
      /(<xs:element name="DSPReadExportProfileData")/,
      '<xs:element name="DSPReadInstantaneousExportRegisters" type="sr:DSPReadData"/>$1',
    )
    .replace(
      /(<xs:enumeration value="E050110"\/>)/,
      '$1<xs:enumeration value="E050111"/><xs:enumeration value="E050112"/>',
    )
    .replace(
      /(<xs:element minOccurs="0" name="S1SP" type="xs:string"\/>)/,
      '$1<xs:element minOccurs="0" name="Connectivity" type="xs:string"/>',
    )
  return [
    { name: 'DUIS later.xsd', text: duis },
    { name: 'MMC later.xsd', text: versions(renumbered('MMC Schema V5.1.xsd')) },
    { name: 'signature.xsd', text: toolFile('xmldsig-core-schema.xsd') },
  ]
}

test('a folder of another version: found out, named, and used', async () => {
  assert.equal(compileSchema(laterSchemas()).versions, ['DUIS 5.4', 'MMC 5.4'])
  const directory = mkdtempSync(join(tmpdir(), 'smets1-later-'))
  for (const { name, text } of laterSchemas()) writeFileSync(join(directory, name), text)
  const later = loadSchema(directory)
  rmSync(directory, { recursive: true })
  const earlier = loadSchema(duisSchemaDirectory())
  assert.equal(
    [earlier.versions, later.versions],
    [
      ['DUIS 5.1', 'MMC 5.1'],
      ['DUIS 5.4', 'MMC 5.4'],
    ],
  )
  // What is in both is valid by both; the namespaces have not changed.
  for (const xml of [signedRequest(), sampleRequest({ schemaVersion: '5.1' }), ...(await ownMessages())]) {
    assert.equal(later.validate(xml), [], xml)
    assert.equal(earlier.validate(xml), [], xml)
  }
  // What is only in the later one is only valid by that.
  for (const xml of await laterMessages()) {
    assert.equal(later.validate(xml), [], xml)
    assert.is.not(earlier.validate(xml).length, 0, xml)
  }
  // The flag that was proposed is in neither.
  for (const schema of [earlier, later]) {
    assert.match(schema.validate(sampleRequest({ forSettlement: true })).join(), /ForSettlement/)
    schema.dispose()
  }
})

test('a schema without a version, or with one in an attribute', () => {
  const files = laterSchemas()
  const plain = files.map(({ name, text }) => ({ name, text: text.replace(/<!--[\s\S]*?-->/, '') }))
  assert.equal(compileSchema(plain).versions, ['DUIS', 'MMC'])
  const said = plain.map(({ name, text }) => ({ name, text: text.replace('<xs:schema ', '<xs:schema version="5.5" ') }))
  assert.equal(compileSchema(said).versions, ['DUIS 5.5', 'MMC 5.5'])
})

const answer = () => {
  const { supplier, dsp, s1sp } = parties()
  const requestId = requestIdOf(supplier.eui, esmeEui, 1002n)
  return { requestId, code: 'I0', nowMs, dsp: dsp.signer, s1sp: s1sp.signer, schemaVersion: '5.4' }
}

/** One of each kind that we send. */
function ownMessages(): Promise<string[]> {
  const of = answer()
  const { dsp } = parties()
  const to = {
    code: 'N6',
    dspEui: dsp.eui,
    userEui: parties().supplier.eui,
    counter: 7n,
    nowMs,
    schemaVersion: '5.4',
    dsp: dsp.signer,
  }
  const device = { eui: esmeEui, type: 'ESME', status: 'Commissioned', manufacturer: 'a', model: 'b', s1sp: 'c' }
  const read = { variant: '4.8.1', serviceReference: '4.8', readName: 'DSPReadActiveImportProfileData' }
  const period = { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 }
  const entry = { stampMs: nowMs, wh: 1, varh: 2 }
  const smets1: [string, string][] = [
    ['4.1.1', importRegistersPayload({ activeWh: 1, reactiveVarh: 2 })],
    ['4.2', exportRegistersPayload({ activeWh: 1 })],
    ['4.6.1', dailyReadLogPayload([{ stampMs: nowMs, importWh: 1, tariffWh: Array(48).fill(1) }])],
    ['4.8.1', importProfilePayload([entry])],
    ['4.8.2', reactiveImportProfilePayload([entry])],
    ['4.8.3', exportProfilePayload([entry])],
  ]
  return Promise.all([
    formatResponseMessage({ ...of, code: 'I99', serviceReferenceVariant: '4.8.1' }, '', of.dsp),
    formatFailure({ ...of, code: 'E21', serviceReferenceVariant: '4.8.1' }),
    ...smets1.flatMap(([serviceReferenceVariant, payload]) =>
      [false, true].flatMap((boxedCompat) =>
        [undefined, { id: 7n, dspEui: dsp.eui }].map((schedule) =>
          formatSmets1Response({ ...of, serviceReferenceVariant, boxedCompat, schedule }, payload),
        ),
      ),
    ),
    ...[false, true].map((boxedCompat) => formatDeviceAlert({ description: 'a', atMs: nowMs }, { ...of, boxedCompat })),
    formatResponseMessage({ ...of, serviceReferenceVariant: '5.1' }, scheduleIdContent(7), dsp.signer),
    formatResponseMessage(
      { ...of, serviceReferenceVariant: '5.2' },
      schedulesContent([{ id: 7, details: { ...daily, ...read, period } }]),
      dsp.signer,
    ),
    formatResponseMessage({ ...of, serviceReferenceVariant: '8.2' }, inventoryContent([device]), dsp.signer),
    formatScheduleAlert(to, { kind: 'removal', scheduleId: 7, deviceEui: esmeEui }),
    formatScheduleAlert(to, { kind: 'failure', command: of.requestId, scheduleId: 7, deviceEui: esmeEui }),
  ])
}

const daily = { frequency: 'Daily' as const, startDay: 20_800, deviceEui: esmeEui }

/** 4.2 by schedule, asked for and read back. */
function laterMessages(): Promise<string[]> {
  const details = { ...daily, variant: '4.2', serviceReference: '4.2', readName: 'DSPReadInstantaneousExportRegisters' }
  const { requestId } = answer()
  return Promise.all([
    formatNonDeviceRequest(requestId, { variant: '5.1', schedule: details }),
    formatResponseMessage({ ...answer(), serviceReferenceVariant: '5.2' }, schedulesContent([{ id: 7, details }])),
  ])
}

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

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultCodes, faultCodesWith } from '../../../host/catalogue/response-code.ts'
import {
  firstVariantOf,
  isServiceReferenceVariant,
  serviceReferenceOf,
} from '../../../host/catalogue/service-reference.ts'
import { bodies } from '../../../host/duis/bodies.ts'
import { formatDateTime, parseDateTime } from '../../../host/duis/date-time.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import { parseRequestId } from '../../../host/duis/request.ts'
import {
  esmeEui,
  faultOf,
  nowMs,
  sampleRequest,
  signedRequest,
  template,
  vector,
} from '../../support/bench/duis-parties.ts'
import { root } from '../../support/repository.ts'

function parse(text: string, options = {}) {
  return parseRequest(Buffer.from(text), options)
}

function refusal(text: string, options = {}) {
  const parsed = parse(text, options)
  if (parsed.ok) throw new Error(`accepted: ${text}`)
  return parsed
}

const request = sampleRequest()

test('the reference template for 4.8.1 is read in full', () => {
  const parsed = parse(template('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'))
  assert.ok(parsed.ok)
  assert.equal(parsed.request, {
    requestId: {
      text: '90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A0:1002',
      originator: '90-B3-D5-1F-30-01-00-00',
      target: esmeEui,
      counter: 1002n,
    },
    schemaVersion: '5.4',
    commandVariant: 1,
    serviceReference: '4.8',
    serviceReferenceVariant: '4.8.1',
    bodyName: 'ReadActiveImportProfileData',
    kind: 'log',
    period: { startMs: Date.UTC(2014, 11, 31), endMs: Date.UTC(2015, 0, 1) },
  })
})

test('an unusual but valid request is read like a plain one', () => {
  const parsed = parseRequest(vector('unusual-4.8.1.xml'))
  assert.ok(parsed.ok)
  assert.equal(parsed.request, {
    requestId: {
      text: '90-b3-d5-1f-30-01-00-00:00-db-12-34-56-78-90-a0:18446744073709551615',
      originator: '90-B3-D5-1F-30-01-00-00',
      target: esmeEui,
      counter: 18_446_744_073_709_551_615n,
    },
    schemaVersion: '5.1',
    firstInSequence: true,
    precedingRequestId: parseRequestId('90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A0:7')!,
    commandVariant: 1,
    serviceReference: '4.8',
    serviceReferenceVariant: '4.8.1',
    bodyName: 'ReadActiveImportProfileData',
    kind: 'log',
    executionMs: Date.UTC(2026, 10, 23, 1),
    period: { startMs: Date.UTC(2026, 10, 20, 23), endMs: Date.UTC(2026, 10, 22) },
  })
})

test('every reference template is read, or refused as not for this S1SP with its header made out', () => {
  const directory = pathToFileURL(join(root, 'node_modules/@smartdcc/duis-templates/templates/'))
  let read = 0
  for (const name of readdirSync(directory)) {
    const parsed = parseRequest(readFileSync(new URL(name, directory)))
    if (parsed.ok) {
      read++
      assert.is(parsed.request.serviceReferenceVariant, bodies[parsed.request.bodyName]!.variant)
      continue
    }
    assert.is(parsed.fault, 'unsupportedBody', `${name}: ${parsed.detail}`)
    assert.is(parsed.code, 'E11')
    assert.ok(parsed.header?.requestId && parsed.header.serviceReferenceVariant, name)
  }
  assert.is(read, 23)
})

test('what is wrong with a header has a name', () => {
  const swap = (from: string | RegExp, to: string) => request.replace(from, to)
  const wrong: [string, string][] = [
    [swap('<sr:CommandVariant>1</sr:CommandVariant>', ''), 'schema'],
    [swap(/(<sr:CommandVariant>1<\/sr:CommandVariant>)/, '$1$1'), 'schema'],
    [swap(/(<sr:RequestID>.*<\/sr:RequestID>)(<sr:CommandVariant>.*<\/sr:CommandVariant>)/, '$2$1'), 'schema'],
    [swap('>1</sr:CommandVariant>', '>one</sr:CommandVariant>'), 'schema'],
    [swap('>1</sr:CommandVariant>', '>0</sr:CommandVariant>'), 'schema'],
    [swap('>1</sr:CommandVariant>', '>9</sr:CommandVariant>'), 'commandVariant'],
    [swap(':1002<', ':01002<'), 'schema'],
    [swap(':1002<', ':18446744073709551616<'), 'schema'],
    [swap(':1002<', ':-1<'), 'schema'],
    [swap('90-B3', '90B3'), 'schema'],
    [swap('>4.8.1<', '>4.8.4<'), 'schema'],
    [swap('>4.8<', '>4.99<'), 'schema'],
    [swap('>4.8<', '>4.6<'), 'mismatch'],
    [swap('>4.8.1<', '>4.8.3<'), 'mismatch'],
    [swap('>4.8<', '> 4.8<'), 'schema'],
    [swap('<sr:Header>', '<sr:Header x="">'), 'schema'],
    [swap('<sr:Header>', '<sr:Header>text'), 'schema'],
    [swap('<sr:Body>', '<sr:Body><sr:DisableSupply></sr:DisableSupply>'), 'schema'],
    [request.replace(/<sr:Body>.*<\/sr:Body>/, '<sr:Body></sr:Body>'), 'schema'],
    [request.replace(/<sr:Body>.*<\/sr:Body>/, ''), 'schema'],
    [request.replace(/<sr:Header>.*<\/sr:Header>/, ''), 'schema'],
    [swap('</sr:Body>', '</sr:Body><sr:Body></sr:Body>'), 'schema'],
    [swap('schemaVersion="5.4"', ''), 'schema'],
    [swap('schemaVersion="5.4"', 'schemaVersion="five"'), 'schema'],
    [swap('schemaVersion="5.4"', 'schemaVersion="6.0"'), 'unsupportedVersion'],
    [swap('schemaVersion="5.4"', 'schemaVersion="5.4" Id="x"'), 'schema'],
    [request.replaceAll('ServiceUserGateway', 'ServiceUserGateway2'), 'schema'],
    [request.replaceAll('sr:Request ', 'sr:Response ').replaceAll('</sr:Request>', '</sr:Response>'), 'schema'],
    [swap('sr:ReadActiveImportProfileData>', 'sr:constructor>').replace('/sr:ReadActive', '/sr:'), 'malformed'],
    [request.replaceAll('ReadActiveImportProfileData', 'constructor'), 'unsupportedBody'],
    [request.replaceAll('ReadActiveImportProfileData', 'ReadExportProfileData'), 'mismatch'],
    ['', 'malformed'],
    ['not XML', 'malformed'],
  ]
  for (const [text, fault] of wrong) assert.is(refusal(text).fault, fault, `${refusal(text).detail}: ${text}`)
})

test('dates: what xs:dateTime allows is read, anything else refused', () => {
  const read: [string, number][] = [
    ['2026-11-22T00:00:00Z', nowMs],
    ['2026-11-22T00:00:00', nowMs],
    ['2026-11-22T00:00:00.00Z', nowMs],
    ['2026-11-22T00:00:00.1239Z', nowMs + 123],
    ['2026-11-22T01:00:00+01:00', nowMs],
    ['2026-11-21T10:00:00-14:00', nowMs],
    ['2026-11-21T24:00:00Z', nowMs],
    ['2024-02-29T12:34:56Z', Date.UTC(2024, 1, 29, 12, 34, 56)],
    ['0099-01-01T00:00:00Z', Date.parse('0099-01-01T00:00:00Z')],
  ]
  for (const [text, timeMs] of read) assert.is(parseDateTime(text), timeMs, text)
  const wrong = (
    '2026-11-22 2026-11-22T00:00Z 2026-11-22T00:00:00.Z 2026-11-22T24:00:01Z 2026-11-22T24:00:00.1Z ' +
    '2026-11-22T23:60:00Z 2026-11-22T23:00:60Z 2026-02-29T00:00:00Z 2026-13-01T00:00:00Z 2026-00-01T00:00:00Z ' +
    '2026-11-31T00:00:00Z 0000-01-01T00:00:00Z 2026-11-22T00:00:00+14:01 2026-11-22T00:00:00+01:60 ' +
    '2026-11-22T00:00:00z 2026-11-22t00:00:00Z -2026-11-22T00:00:00Z 12026-11-22T00:00:00Z 2026-11-22T00:00:00Z1'
  ).split(' ')
  for (const text of [...wrong, '']) assert.is(parseDateTime(text), undefined, text)
  for (const text of wrong) assert.is(refusal(request.replace('2026-11-22T00:00:00Z', text)).fault, 'schema', text)
  assert.is(formatDateTime(nowMs + 999), '2026-11-22T00:00:00Z')
  assert.is(formatDateTime(nowMs - 1), '2026-11-21T23:59:59Z')
})

test('a period that ends before it starts is refused, an empty one is not', () => {
  const backwards = sampleRequest({ period: { startMs: nowMs, endMs: nowMs - 1_000 } })
  assert.is(refusal(backwards).fault, 'period')
  assert.ok(parse(sampleRequest({ period: { startMs: nowMs, endMs: nowMs } })).ok)
})

test('a refusal carries what was readable and can be sent back', () => {
  const { header } = refusal(request.slice(0, -20))
  assert.is(header?.requestId?.text, `90-B3-D5-1F-30-01-00-00:${esmeEui}:1002`)
  assert.is(header?.serviceReferenceVariant, '4.8.1')
  assert.is(header?.serviceReference, '4.8')
  assert.is(header?.schemaVersion, '5.4')
  assert.is(refusal('<a/>').header, undefined)
  // Two of them: nobody knows which is meant.
  assert.is(refusal(`${request}${request}`).header, undefined)
  assert.is(refusal(request.replace('>4.8.1<', '>4.8.9<')).header?.serviceReference, '4.8')
  assert.is(refusal(request.replace('>4.8.1<', '>4.8.9<')).header?.serviceReferenceVariant, undefined)
})

test('codes can be configured, by names and codes that exist', () => {
  const changed = faultCodesWith({ malformed: 'E52' })
  assert.ok(changed.ok)
  assert.is(refusal('', { codes: changed.codes }).code, 'E52')
  assert.is(refusal('').code, faultCodes.malformed)
  assert.match((faultCodesWith({ melformed: 'E52' }) as { detail: string }).detail, /malformed/)
  assert.not.ok(faultCodesWith({ malformed: 'E6' }).ok)
  assert.not.ok(faultCodesWith({ constructor: 'E48' }).ok)
})

test('long runs of anything cost no more than their length', () => {
  const spaces = ' '.repeat(60_000)
  const signed = signedRequest()
  const texts = [
    request.replace('>4.8<', `>4${spaces}8<`),
    request.replace('2026-11-22T', `2026${spaces}11-22T`),
    request.replace(':1002<', `:10${spaces}02<`),
    request.replace('>1<', `>${'0'.repeat(60_000)}<`),
    request.replace('"5.4"', `"5${spaces}4"`),
    request.replace('2026-11-22T00:00:00Z', `2026-11-22T00:00:00.${'0'.repeat(60_000)}`),
    signed.replace('CN=smets1', `CN${spaces}smets1`),
    signed.replace('CN=smets1', `CN=${'"'.repeat(59_999)}smets1`),
    `<sr:RequestID>${spaces}`,
    `<${'a'.repeat(60_000)}`,
    `<r schemaVersion${spaces}`,
    `<?xml version="1.0"${spaces}encoding${spaces.slice(60)}`,
  ]
  for (const text of texts) {
    const started = process.cpuUsage()
    faultOf(text)
    const { user, system } = process.cpuUsage(started)
    assert.ok(user + system < 250_000, `${(user + system) / 1_000} ms for ${text.slice(0, 40)}`)
  }
})

test('references of a variant', () => {
  assert.is(serviceReferenceOf('6.2.10'), '6.2')
  assert.is(serviceReferenceOf('8.2'), '8.2')
  assert.is(firstVariantOf('4.8'), '4.8.1')
  assert.is(firstVariantOf('4'), undefined)
  for (const { variant } of Object.values(bodies)) assert.ok(isServiceReferenceVariant(variant))
})

test.run()

// Forms of XML that the DCC's signing tool accepts: signed requests in them are accepted, with the same content as in UTF-8.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRequest } from '../../../host/duis/parse.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { faultOf, parties, receive, sampleRequest } from '../../support/bench/duis-parties.ts'
import { duisSchema } from '../../support/bench/duis-schema.ts'

const plain = sampleRequest()

/** `é` is in all encodings; a comment changes nothing. */
const body = plain.replace(/^<\?xml[^>]*\?>\n/, '').replace('<sr:Header>', '<!-- é --><sr:Header>')
const declared = (version: string, encoding: string) => `<?xml version="${version}" encoding="${encoding}"?>\n`

/** Unsigned texts, with how each is written as bytes. */
const forms: { [name: string]: { text: string; bytes(signed: string): Uint8Array } } = {
  'UTF-16, little-endian': {
    text: declared('1.0', 'UTF-16') + body,
    bytes: (text) => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  },
  'UTF-16, big-endian': {
    text: declared('1.0', 'UTF-16') + body,
    bytes: (text) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
  },
  'ISO-8859-1': { text: declared('1.0', 'ISO-8859-1') + body, bytes: (text) => Buffer.from(text, 'latin1') },
  'windows-1252': { text: declared('1.0', 'windows-1252') + body, bytes: (text) => Buffer.from(text, 'latin1') },
  'XML 1.1': { text: declared('1.1', 'UTF-8') + body, bytes: (text) => Buffer.from(text) },
  'a version with a sign': {
    text: plain.replace(/schemaVersion="/, 'schemaVersion="+'),
    bytes: (text) => Buffer.from(text),
  },
  'xsi:type': {
    text: plain
      .replace('<sr:Request ', '<sr:Request xmlns:xs="http://www.w3.org/2001/XMLSchema" ')
      .replace('<sr:Request ', '<sr:Request xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ')
      .replace('<sr:StartDateTime>', '<sr:StartDateTime xsi:type="xs:dateTime">'),
    bytes: (text) => Buffer.from(text),
  },
  'instructions before, in and after the root': {
    text: `<?before a?>${plain.replace(/^<\?xml[^>]*\?>\n/, '').replace('<sr:Body>', '<?in?><sr:Body><?in <sr:Body>?>')}<?after?>`,
    bytes: (text) => Buffer.from(text),
  },
}

const expected = receive(signDocument(plain, parties().supplier.signer))
assert.ok(expected.parsed.ok)

for (const [name, { text, bytes }] of Object.entries(forms)) {
  test(`${name}: taken when signed, valid by the schema, refused when changed`, () => {
    // What a signer reads is the text, whatever its bytes.
    const inUtf8 = text.replace(/encoding="[^"]*"/, 'encoding="UTF-8"')
    const signed = signDocument(inUtf8, parties().supplier.signer).replace(
      /^<\?xml[^>]*\?>/,
      text.match(/^<\?xml[^>]*\?>/)?.[0] ?? '',
    )
    const sent = bytes(signed)
    const { parsed, signature } = receive(sent)
    assert.ok(parsed.ok && signature?.ok, JSON.stringify([parsed.ok || parsed.detail, signature]))
    if (!parsed.ok || !expected.parsed.ok) return
    assert.equal(parsed.request, expected.parsed.request)
    assert.equal(duisSchema().validate(sent), [])
    assert.is(faultOf(bytes(signed.replace('2026-11-21', '2026-11-20'))), 'badSignature')
    const { parsed: broken } = receive(bytes(signed.replace('</sr:Header>', '')))
    assert.not.ok(broken.ok)
    if (!broken.ok) assert.is(broken.header?.requestId?.counter, 1002n)
  })
}

test('an instruction is part of what is signed', () => {
  const { text, bytes } = forms['instructions before, in and after the root']!
  const signed = signDocument(text, parties().supplier.signer)
  assert.is(faultOf(bytes(signed)), 'accepted')
  for (const instruction of ['<?before a?>', '<?in?>', '<?after?>']) {
    assert.is(faultOf(bytes(signed.replace(instruction, ''))), 'badSignature', instruction)
  }
})

test('white space around the algorithms and the empty URI is no part of them', () => {
  const signed = signDocument(plain, parties().supplier.signer)
  for (const [from, to] of [
    ['URI=""', 'URI=" "'],
    ['Algorithm="', 'Algorithm=" '],
  ] as const) {
    // The shape is accepted; that SignedInfo was changed after signing is what is found then.
    const { signature } = receive(signed.replace(from, to))
    assert.equal(signature?.ok === false && signature.detail, 'the signature value is wrong')
  }
  const other = receive(signed.replace('xml-exc-c14n#', 'xml-exc-c14n #')).signature
  assert.equal(other?.ok === false && other.detail, 'canonicalization algorithm not accepted')
})

test('xsi:type of a type that is none of DUIS, and xsi:nil, are refused', () => {
  const { text } = forms['xsi:type']!
  assert.is(faultOf(text), 'unsigned')
  for (const attribute of [
    'xsi:type="dateTime"',
    'xsi:type="ds:SignatureType"',
    'xsi:type="xs:a:b"',
    'xsi:nil="true"',
    'a=""',
  ]) {
    assert.is(faultOf(text.replace('xsi:type="xs:dateTime"', attribute)), 'schema', attribute)
  }
})

test('the version is repeated without its sign', () => {
  const parsed = parseRequest(Buffer.from(forms['a version with a sign']!.text))
  assert.is(parsed.ok && parsed.request.schemaVersion, '5.4')
  for (const version of ['-5.4', '++5.4', '5.4+', '+', '']) {
    assert.is(faultOf(plain.replace(/schemaVersion="[^"]*"/, `schemaVersion="${version}"`)), 'schema', version)
  }
})

test.run()

// Attempts to have one thing checked and another acted upon: signature wrapping (after the XSW catalogue of Somorovsky
// et al., "On Breaking SAML"), and a signature that says less than it seems.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { algorithms } from '../../../host/duis/names.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import {
  esmeEui,
  faultOf,
  nowMs,
  parties,
  receive,
  sampleRequest,
  signedRequest,
} from '../../support/bench/duis-parties.ts'

const signed = signedRequest().replace(/^<\?xml.*\?>\n/, '')
const evilRequest = {
  requestId: requestIdOf(parties().supplier.eui, esmeEui, 6666n),
  period: { startMs: nowMs, endMs: nowMs + 86_400_000 },
}
const evil = sampleRequest(evilRequest).replace(/^<\?xml.*\?>\n/, '')

const part = (pattern: RegExp, text: string) => pattern.exec(text)![0]
const signature = part(/<ds:Signature>.*<\/ds:Signature>/, signed)
const header = part(/<sr:Header>.*<\/sr:Header>/, signed)
const body = part(/<sr:Body>.*<\/sr:Body>/, signed)
const evilHeader = part(/<sr:Header>.*<\/sr:Header>/, evil)
const evilBody = part(/<sr:Body>.*<\/sr:Body>/, evil)
const open = part(/^<sr:Request[^>]*>/, signed)
const original = signed.replace(signature, '')
const signedInfo = part(/<ds:SignedInfo>.*<\/ds:SignedInfo>/, signed)
const reference = part(/<ds:Reference.*<\/ds:Reference>/, signed)

const root = (...content: string[]) => `${open}${content.join('')}</sr:Request>`
const withObject = (content: string) =>
  signature.replace('</ds:Signature>', `<ds:Object>${content}</ds:Object></ds:Signature>`)
const swap = (from: string | RegExp, to: string) => {
  const text = signed.replace(from, to)
  assert.is.not(text, signed)
  return text
}

const wrappings: Record<string, string> = {
  'the signed request as child of another one': root(evilHeader, evilBody, signed),
  'the signed request before another one': root(signed, evilHeader, evilBody),
  'another request, the signed one in the signature’s Object': root(evilHeader, evilBody, withObject(original)),
  'the signed parts in the Object': root(evilHeader, evilBody, withObject(header + body)),
  'another header in front': root(evilHeader, header, body, signature),
  'another header behind': root(header, evilHeader, body, signature),
  'another body in front': root(header, evilBody, body, signature),
  'another body behind the signature': root(header, body, signature, evilBody),
  'the signature in the header': root(header.replace('</sr:Header>', `${signature}</sr:Header>`), evilBody),
  'the signature first': root(signature, header, body),
  'the signature in an extension': root(evilHeader, evilBody, `<x xmlns="u:x">${signed}</x>`),
  'a wrapper around all': `<x xmlns="u:x">${signed}</x>`,
  'a request around all': root(signed),
  'another body, nothing else': root(header, evilBody, signature),
  'another header, nothing else': root(evilHeader, body, signature),
  'the header of another namespace': signed.replaceAll('sr:Header', 'ds:Header'),
  'an attribute more': swap('schemaVersion', 'xmlns:x="u:x" x:schemaVersion'),
  'an unused namespace more': swap('schemaVersion', 'xmlns:x="u:x" schemaVersion'),
  'a space more': swap('<sr:Body>', ' <sr:Body>'),
}

const weakened: Record<string, string> = {
  'two signatures': root(header, body, signature, signature),
  'a second signature, of another party': root(
    header,
    body,
    signature.replace('<ds:Signature>', '<ds:Signature >'),
    signature,
  ),
  'a signature in a signature': swap('</ds:KeyInfo>', `${signature}</ds:KeyInfo>`),
  'two SignedInfo': swap(signedInfo, signedInfo + signedInfo),
  'two References': swap(reference, reference + reference),
  'no Reference': swap(reference, ''),
  'no digest': swap(/<ds:DigestValue>.*<\/ds:DigestValue>/, '<ds:DigestValue></ds:DigestValue>'),
  'no value': swap(/<ds:SignatureValue>.*<\/ds:SignatureValue>/, '<ds:SignatureValue></ds:SignatureValue>'),
  'a zero value': swap(/(<ds:SignatureValue>).*(<\/ds:SignatureValue>)/, `$1${Buffer.alloc(64).toString('base64')}$2`),
  'a short value': swap(/(<ds:SignatureValue>).*(<\/ds:SignatureValue>)/, '$1AAAA$2'),
  'no key': swap(/<ds:KeyInfo>.*<\/ds:KeyInfo>/, ''),
  'two keys': swap(/(<ds:X509IssuerSerial>.*<\/ds:X509IssuerSerial>)/, '$1$1'),
  'a reference to an Id': swap('URI=""', 'URI="#x"').replace('<sr:Body>', '<sr:Body Id="x">'),
  'a reference to an Id that is there twice': swap('URI=""', 'URI="#x"').replace(
    /<sr:(Header|Body)>/g,
    '<sr:$1 Id="x">',
  ),
  'a reference to elsewhere': swap('URI=""', 'URI="http://127.0.0.1:9/x"'),
  'a reference without a URI': swap(' URI=""', ''),
  'a reference by XPointer': swap('URI=""', 'URI="#xpointer(/)"'),
  'a type of reference': swap('URI=""', 'URI="" Type="http://www.w3.org/2000/09/xmldsig#Object"'),
  'another digest algorithm': swap(algorithms.digest, 'http://www.w3.org/2000/09/xmldsig#sha1'),
  'a MAC instead': swap(algorithms.signature, 'http://www.w3.org/2000/09/xmldsig#hmac-sha1'),
  'RSA instead': swap(algorithms.signature, 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'),
  'no algorithm': swap(algorithms.signature, ''),
  'inclusive canonicalization': swap(algorithms.canonicalization, 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'),
  'canonicalization with comments': swap(algorithms.canonicalization, `${algorithms.canonicalization}WithComments`),
  'an XSLT transform': swap(algorithms.transform, 'http://www.w3.org/TR/1999/REC-xslt-19991116'),
  'an XPath transform too': swap(
    '</ds:Transforms>',
    '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>0</ds:XPath></ds:Transform></ds:Transforms>',
  ),
  'the same transform twice': swap(/(<ds:Transform .*<\/ds:Transform>)/, '$1$1'),
  'a transform with content': swap('enveloped-signature">', 'enveloped-signature">x'),
  'no transform': swap(/<ds:Transform .*<\/ds:Transform>/, ''),
  'an attribute in the algorithm’s place': swap('<ds:SignatureMethod ', '<ds:SignatureMethod x:a="" xmlns:x="u:x" '),
  'an HMAC length': swap('</ds:SignatureMethod>', '<ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>'),
  'text between the parts': swap('<ds:SignatureValue>', 'x<ds:SignatureValue>'),
  'a comment that hides a digest': swap('<ds:DigestValue>', '<ds:DigestValue>AAAA<!-- -->'),
  'a comment that hides a value': swap('<ds:SignatureValue>', '<ds:SignatureValue>AAAA<!-- -->'),
  'an element in the digest': swap('<ds:DigestValue>', '<ds:DigestValue><ds:X></ds:X>'),
  'a parts’ namespace changed': swap('<ds:KeyInfo>', '<ds:KeyInfo xmlns:ds="u:x">'),
}

for (const [name, text] of Object.entries(wrappings)) {
  test(`refused: ${name}`, () => {
    assert.is.not(faultOf(text), 'accepted')
  })
}

for (const [name, text] of Object.entries(weakened)) {
  test(`refused for its shape: ${name}`, () => {
    const { parsed, signature: result } = receive(text)
    if (!parsed.ok) return assert.is(parsed.fault, 'schema')
    if (result === undefined || result.ok) return assert.unreachable('accepted')
    assert.is(result.fault, 'badSignature')
    // Nobody could have signed such a thing validly either: it is not the arithmetic that refuses it.
    if (name !== 'a zero value') assert.not.match(result.detail, /digest is not|value is wrong/)
  })
}

test('the request from which all of these were made is accepted', () => {
  assert.is(faultOf(signed), 'accepted')
  assert.is(faultOf(root(header, body, signature)), 'accepted')
})

test.run()

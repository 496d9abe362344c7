import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { algorithms } from '../../../host/duis/names.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { verifySignature } from '../../../host/duis/verify.ts'
import type { Signer } from '../../../host/pki/signer.ts'
import { comparableName, findSigner } from '../../../host/pki/trust.ts'
import { duisSignedXml, xmlCryptoAccepts } from '../../support/attacks/xml-oracles.ts'
import {
  faultOf,
  nowMs,
  parties,
  receive,
  sampleRequest,
  signedRequest,
  unsignedTemplate,
  vector,
  vectorTrust,
} from '../../support/bench/duis-parties.ts'

const { supplier, mdr, trust } = parties()
const signed = signedRequest()

test('a template of the DCC, signed by us, is accepted as the originator’s', () => {
  const text = signDocument(unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'), supplier.signer)
  const { parsed, signature } = receive(text)
  assert.ok(parsed.ok)
  assert.equal(signature, { ok: true, signerEui: '90-B3-D5-1F-30-01-00-00' })
})

test('signing changes nothing but adding the signature', () => {
  const unsigned = unsignedTemplate('ECS21a_4.6.1_SINGLE_SUCCESS_REQUEST_DUIS.XML')
  const text = signDocument(unsigned, supplier.signer)
  assert.is(text.replace(/<ds:Signature>.*<\/ds:Signature>/, ''), unsigned)
  assert.throws(() => signDocument(text, supplier.signer), /signature already/)
  assert.throws(() => signDocument('<a/>', supplier.signer), /empty/)
  assert.throws(() => signDocument('<a>', supplier.signer), /not a document/)
  assert.throws(() => signDocument('<a></a><!-- </a> -->', supplier.signer), /without changing/)
  assert.match(signDocument('<a></a>', supplier.signer), '<a><ds:Signature xmlns:ds=')
})

test('a request in a vector file, signed once and for all, stays acceptable', () => {
  const { parsed, signature } = receive(vector('signed-4.8.1.xml'), vectorTrust())
  assert.ok(parsed.ok)
  assert.equal(signature, { ok: true, signerEui: '90-B3-D5-1F-30-01-00-00' })
})

test('what we sign, xml-crypto accepts', () => {
  const { publicKey } = findSigner(trust, supplier.signer.serial, supplier.signer.issuerName)!
  const template = unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML')
  for (const text of [signed, signDocument(template, supplier.signer)]) {
    assert.ok(xmlCryptoAccepts(text, publicKey))
    assert.not.ok(xmlCryptoAccepts(text.replace('>4.8.1<', '>4.8.2<'), publicKey))
  }
})

test('what xml-crypto signs, we accept', () => {
  for (const unsigned of [sampleRequest(), unsignedTemplate('ECS22b_4.8.1_TWIN_SUCCESS_REQUEST_DUIS.XML')]) {
    const { serial, issuerName, key } = supplier.signer
    const sig = duisSignedXml({
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }),
      signatureAlgorithm: algorithms.signature,
      canonicalizationAlgorithm: algorithms.canonicalization,
      getKeyInfoContent: () =>
        `<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>${issuerName}</ds:X509IssuerName>` +
        `<ds:X509SerialNumber>${serial}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>`,
    })
    sig.addReference({
      xpath: '/*',
      uri: '',
      isEmptyUri: true,
      digestAlgorithm: algorithms.digest,
      transforms: [algorithms.transform],
    })
    sig.computeSignature(unsigned, { prefix: 'ds' })
    assert.is(faultOf(sig.getSignedXml()), 'accepted')
  }
})

test('the signature is read as Java writes it and as people edit it', () => {
  const value = /<ds:SignatureValue>(.*)<\/ds:SignatureValue>/.exec(signed)![1]!
  const rewritten = (text: string) => signed.replace(value, text)
  const digest = /<ds:DigestValue>(.*)<\/ds:DigestValue>/.exec(signed)![1]!
  const accepted = [
    rewritten(`${value.slice(0, 76)}&#13;\n${value.slice(76)}`),
    rewritten(`\r\n  ${value.slice(0, 10)}\t${value.slice(10)}\n`),
    rewritten(`${value.slice(0, 10)}<!-- split -->${value.slice(10)}`),
    rewritten(`<![CDATA[${value}]]>`),
    signed.replace(digest, `${digest.slice(0, 5)}<!-- split -->${digest.slice(5)}`),
    signed.replace('<ds:SignedInfo>', '<!-- NOTE: placed by hand --><ds:SignedInfo><!-- and here -->'),
    signed.replace('<ds:Signature>', '<ds:Signature Id="s">\n').replace('</ds:Signature>', '\n </ds:Signature>'),
    signed.replace('CN=smets1 test CA,OU=07', ' ou=07 , CN = Smets1 Test CA '),
    signed.replace(`>${supplier.signer.serial}<`, `> 0${supplier.signer.serial}\n<`),
    signed.replace(/<ds:Transform ([^>]*)><\/ds:Transform>/, '<ds:Transform  $1 />'),
  ]
  for (const text of accepted) {
    assert.is.not(text, signed)
    assert.is(faultOf(text), 'accepted', text)
  }
  // White space beside the signature is part of the document, and inside SignedInfo part of what was signed.
  for (const text of [
    signed.replace('<ds:Signature>', ' <ds:Signature>'),
    signed.replace('<ds:SignedInfo>', '<ds:SignedInfo> '),
  ]) {
    assert.is(faultOf(text), 'badSignature')
  }
})

test('every value without an owner is refused, with its reason', () => {
  const outside = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
  const by = (signer: Partial<Signer>) => signDocument(sampleRequest(), { ...supplier.signer, ...signer })
  assert.is(faultOf(sampleRequest()), 'unsigned')
  assert.is(faultOf(by({ key: outside })), 'badSignature')
  assert.is(faultOf(by({ serial: '12345' })), 'unknownSigner')
  assert.is(faultOf(by({ serial: '-1' })), 'unknownSigner')
  assert.is(faultOf(by({ serial: '' })), 'unknownSigner')
  assert.is(faultOf(by({ serial: '9'.repeat(4_000) })), 'unknownSigner')
  assert.is(faultOf(by({ issuerName: 'CN=somebody,OU=07' })), 'unknownSigner')
  assert.is(faultOf(by({ issuerName: 'CN=<&>,OU=07' })), 'unknownSigner')
  // The MDR's own signature is good, but the request says it is the supplier's.
  assert.is(faultOf(by(mdr.signer)), 'signerMismatch')
})

test('a certificate counts within its dates only', () => {
  const parsed = parseRequest(Buffer.from(signed))
  assert.ok(parsed.ok)
  const at = (timeMs: number) => verifySignature(parsed.document, trust, { signerEui: supplier.eui, nowMs: timeMs })
  assert.ok(at(nowMs - 86_400_000).ok)
  for (const timeMs of [nowMs - 86_401_000, nowMs + 3_651 * 86_400_000]) {
    const result = at(timeMs)
    assert.is(result.ok ? '' : result.fault, 'certificateDates')
  }
  const result = verifySignature(parsed.document, trust, { signerEui: undefined, nowMs })
  assert.equal(result, { ok: true, signerEui: supplier.eui })
})

test('issuer names are compared as names', () => {
  assert.is(comparableName('CN=Z1,OU=07'), comparableName('OU=07,  CN = z1'))
  assert.is(comparableName('CN=Z1+OU=07'), comparableName('OU=07\nCN=Z1'.replace('\n', ',')))
  assert.is.not(comparableName('CN=Z1,OU=07'), comparableName('CN=Z1,OU=08'))
  assert.is.not(comparableName('CN=A\\,B'), comparableName('CN=A,B'))
})

test.run()

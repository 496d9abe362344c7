// Verifies an enveloped XML signature: whether the document is signed, and by the expected signer.
//
// Only the one shape DUIS uses is accepted. Everything in SignedInfo is read from the text whose signature is checked,
// so a comment cannot split a value (CVE-2025-29775), and there is one SignedInfo and one Reference (CVE-2025-29774).

import { type Fault, type FaultCodes, faultCodes } from '../catalogue/response-code.ts'
import { type Verify, verifyHere } from '../pki/public-key.ts'
import { findSigner, type TrustStore } from '../pki/trust.ts'
import { hasText, trimmed } from './child-sequence.ts'
import { algorithms, signatureNamespace } from './names.ts'
import { digestOf } from './signature.ts'
import type { XmlText } from './xml.ts'
import { exclusiveText, type XmlElement } from './xml-tree.ts'

export type SignatureExpectation = {
  /** EUI-64 that has to be the signer's, upper case: the originator of a request. Undefined: any trusted signer. */
  signerEui: string | undefined
  /** Compared with the certificate's validity dates. */
  nowMs: number
  /** Signatures that belong to documents inside this one, such as the S1SP's in a SMETS1 response; 0 when absent. */
  nestedSignatures?: number
  /** Codes by fault; the defaults when absent. */
  codes?: FaultCodes
}

export type SignatureResult =
  | { ok: true; signerEui: string }
  | { ok: false; fault: Fault; code: string; detail: string }

type Refusal = { fault: Fault; detail: string }

/**
 * Checks the signature that is the last child of the root, over the whole document (XMLDSIG enveloped signature,
 * document in inclusive and SignedInfo in exclusive canonical form, ECDSA P-256 with SHA-256).
 *
 * A refusal is one of: unsigned; badSignature (shape, algorithm, digest or value); unknownSigner; signerMismatch;
 * certificateDates. Never throws for anything in the document.
 */
export function verifySignature(document: XmlText, trust: TrustStore, expected: SignatureExpectation): SignatureResult {
  const found = check(document, trust, expected)
  return conclude('fault' in found || verifyHere(...found.value) ? found : wrongValue, expected)
}

/** The same, with the public-key operation of `verify`. */
export async function verifySignatureBy(
  verify: Verify,
  document: XmlText,
  trust: TrustStore,
  expected: SignatureExpectation,
): Promise<SignatureResult> {
  const found = check(document, trust, expected)
  return conclude('fault' in found || (await verify(...found.value)) ? found : wrongValue, expected)
}

/** A signature that is correct apart from its value, which is still to be verified. */
type Claim = { signerEui: string; value: Parameters<Verify> }

const wrongValue = bad('the signature value is wrong')

function conclude(found: Claim | Refusal, { codes = faultCodes }: SignatureExpectation): SignatureResult {
  if ('fault' in found) return { ok: false, code: codes[found.fault], ...found }
  return { ok: true, signerEui: found.signerEui }
}

/** Everything but the public-key operation, which costs fifteen times the digest. */
function check({ root, text }: XmlText, trust: TrustStore, expected: SignatureExpectation): Claim | Refusal {
  const signatures = countSignatures(root)
  const nested = expected.nestedSignatures ?? 0
  if (signatures === 0) return { fault: 'unsigned', detail: 'no signature' }
  if (signatures !== nested + 1) return bad(`${signatures} signatures, expected ${nested + 1}`)
  const signature = root.children[root.children.length - 1]
  if (signature === undefined || !isSignature(signature)) return bad('the signature is not the last child of the root')
  const parts = readSignature(signature)
  if (typeof parts === 'string') return bad(parts)

  const signer = findSigner(trust, parts.serial, parts.issuerName)
  if (signer === undefined) {
    return { fault: 'unknownSigner', detail: `no trusted certificate ${parts.serial} of ${parts.issuerName}` }
  }
  if (expected.signerEui !== undefined && signer.eui !== expected.signerEui) {
    return { fault: 'signerMismatch', detail: `signed by ${signer.eui}, expected ${expected.signerEui}` }
  }
  if (expected.nowMs < signer.notBeforeMs || expected.nowMs > signer.notAfterMs) {
    return { fault: 'certificateDates', detail: `certificate ${signer.serial} is not valid at this time` }
  }
  const covered = text.slice(0, signature.start) + text.slice(signature.end)
  if (digestOf(covered) !== parts.digest) return bad('the digest is not that of the document')
  const signed = Buffer.from(exclusiveText(text, parts.signedInfo))
  return { signerEui: signer.eui, value: [signer.publicKey, signed, Buffer.from(parts.value, 'base64')] }
}

type SignatureParts = {
  signedInfo: XmlElement
  /** base64 of 32 bytes */
  digest: string
  /** base64 of 64 bytes */
  value: string
  issuerName: string
  serial: string
}

/** Takes the element apart, or says in what it differs from the DUIS shape. */
function readSignature(signature: XmlElement): SignatureParts | string {
  const [signedInfo, signatureValue, keyInfo] = childrenOf(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo'])
  if (!signedInfo || !signatureValue || !keyInfo) return 'Signature is not SignedInfo, SignatureValue, KeyInfo'
  const [canonicalization, method, reference] = childrenOf(signedInfo, [
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  ])
  if (!canonicalization || !method || !reference) return 'SignedInfo is not of the DUIS shape, with one Reference'
  if (!hasAlgorithm(canonicalization, algorithms.canonicalization)) return 'canonicalization algorithm not accepted'
  if (!hasAlgorithm(method, algorithms.signature)) return 'signature algorithm not accepted'
  const referenceAttributes = withoutId(reference)
  const uri = referenceAttributes[0]
  if (referenceAttributes.length !== 1 || uri?.name !== 'URI' || uri.namespace !== '' || trimmed(uri.value) !== '') {
    return 'the Reference is not to the whole document'
  }
  const [transforms, digestMethod, digestValue] = childrenOf(reference, ['Transforms', 'DigestMethod', 'DigestValue'])
  if (!transforms || !digestMethod || !digestValue) return 'Reference is not of the DUIS shape'
  const [transform] = childrenOf(transforms, ['Transform'])
  if (!transform || !hasAlgorithm(transform, algorithms.transform)) return 'transforms other than enveloped-signature'
  if (!hasAlgorithm(digestMethod, algorithms.digest)) return 'digest algorithm not accepted'
  const digest = base64Of(digestValue, 32)
  const value = base64Of(signatureValue, 64)
  if (digest === undefined) return 'DigestValue is not 32 bytes in base64'
  if (value === undefined) return 'SignatureValue is not 64 bytes in base64'
  const holder = issuerSerialOf(keyInfo)
  if (holder === undefined) return 'KeyInfo does not name exactly one X509IssuerSerial'
  return { signedInfo, digest, value, ...holder }
}

/** Issuer name and serial number in KeyInfo. Keys and certificates in it are ignored. */
function issuerSerialOf(keyInfo: XmlElement): { issuerName: string; serial: string } | undefined {
  const found = keyInfo.children
    .filter((child) => isNamed(child, 'X509Data'))
    .flatMap((data) => data.children.filter((child) => isNamed(child, 'X509IssuerSerial')))
  const [one, ...more] = found
  if (one === undefined || more.length > 0) return undefined
  const [issuer, serial] = childrenOf(one, ['X509IssuerName', 'X509SerialNumber'])
  if (!issuer || !serial || issuer.children.length > 0 || serial.children.length > 0) return undefined
  return { issuerName: trimmed(issuer.text), serial: trimmed(serial.text) }
}

/** The children when they are exactly these, in XMLDSIG's namespace, with no text between; else nothing. */
function childrenOf(element: XmlElement, names: readonly string[]): XmlElement[] {
  const { children } = element
  const asNamed =
    children.length === names.length &&
    children.every(({ name, namespace }, i) => name === names[i] && namespace === signatureNamespace)
  return asNamed && !hasText(element) ? children : []
}

function isNamed(element: XmlElement, name: string): boolean {
  return element.name === name && element.namespace === signatureNamespace
}

function isSignature(element: XmlElement): boolean {
  return isNamed(element, 'Signature')
}

function countSignatures(element: XmlElement): number {
  let found = isSignature(element) ? 1 : 0
  for (const child of element.children) found += countSignatures(child)
  return found
}

/** True for an element with nothing in it but this algorithm; parameters would be a way to change its meaning. */
function hasAlgorithm(element: XmlElement, algorithm: string): boolean {
  const [attribute, ...more] = withoutId(element)
  const named = attribute?.name === 'Algorithm' && attribute.namespace === '' && trimmed(attribute.value) === algorithm
  return named && more.length === 0 && element.children.length === 0 && !hasText(element)
}

// Some signers add an Id to the parts of a signature. Nothing is looked up by Id, so they are ignored.
function withoutId(element: XmlElement) {
  return element.attributes.filter((attribute) => attribute.name !== 'Id' || attribute.namespace !== '')
}

/** The base64 text of exactly `byteCount` bytes, without the line breaks Java writes; undefined for anything else. */
function base64Of(element: XmlElement, byteCount: number): string | undefined {
  if (element.children.length > 0) return undefined
  const text = element.text.replace(/[ \t\r\n]/g, '')
  const bytes = Buffer.from(text, 'base64')
  // Encoding again also refuses stray characters and set bits in the padding.
  return bytes.length === byteCount && bytes.toString('base64') === text ? text : undefined
}

function bad(detail: string): Refusal {
  return { fault: 'badSignature', detail }
}

// The one shape of ds:Signature that DUIS uses (XMLDSIG; the recipe is the DUIS signature profile).

import { hash } from 'node:crypto'
import { algorithms, signatureNamespace } from './names.ts'
import { escapeText } from './xml-tree.ts'

/** SHA-256 of canonical text, base64, as DigestValue holds it. */
export function digestOf(canonical: string): string {
  return hash('sha256', canonical, 'base64')
}

/** The content of SignedInfo for one document digest, in canonical form. */
function signedInfoContent(digest: string): string {
  return (
    `<ds:CanonicalizationMethod Algorithm="${algorithms.canonicalization}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${algorithms.signature}"></ds:SignatureMethod>` +
    '<ds:Reference URI=""><ds:Transforms>' +
    `<ds:Transform Algorithm="${algorithms.transform}"></ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="${algorithms.digest}"></ds:DigestMethod>` +
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
  )
}

/** What is signed: SignedInfo in exclusive canonical form, which declares the one prefix in use. */
export function signedInfoText(digest: string): string {
  return `<ds:SignedInfo xmlns:ds="${signatureNamespace}">${signedInfoContent(digest)}`
}

/**
 * The ds:Signature element. It is written as its own canonical form, since a signature inside is covered by the one
 * outside. `declare` when no ancestor binds the prefix ds.
 */
export function signatureText(
  parts: { digest: string; value: string; issuerName: string; serial: string },
  declare: boolean,
): string {
  return (
    `<ds:Signature${declare ? ` xmlns:ds="${signatureNamespace}"` : ''}>` +
    `<ds:SignedInfo>${signedInfoContent(parts.digest)}` +
    `<ds:SignatureValue>${parts.value}</ds:SignatureValue>` +
    '<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial>' +
    `<ds:X509IssuerName>${escapeText(parts.issuerName)}</ds:X509IssuerName>` +
    `<ds:X509SerialNumber>${parts.serial}</ds:X509SerialNumber>` +
    '</ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo></ds:Signature>'
  )
}

// X.509 certificates of the test PKI (RFC 5280, 4.1), and the keys that go with them.

import { generateKeyPairSync, type KeyObject, sign, randomBytes as systemRandomBytes } from 'node:crypto'
import { bitString, der, oid, sequence, time, uniqueIdentifierOid } from './der.ts'

/** P-256. */
export function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

export const cnOid = Uint8Array.of(0x55, 0x04, 0x03)
export const ouOid = Uint8Array.of(0x55, 0x04, 0x0b)
const ecdsaWithSha256 = sequence(oid(Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)))

/** A distinguished name in DER order; RFC 4514 writes it from the end. */
export function distinguishedName(...parts: readonly (readonly [Uint8Array, string])[]): Uint8Array {
  return sequence(...parts.map(([type, text]) => der(0x31, sequence(oid(type), nameValue(type, text)))))
}

/** UTF8String, but for x500UniqueIdentifier: a BIT STRING of the EUI-64's eight bytes. */
function nameValue(type: Uint8Array, text: string): Uint8Array {
  return type === uniqueIdentifierOid
    ? bitString(Buffer.from(text.replaceAll('-', ''), 'hex'))
    : der(0x0c, Buffer.from(text))
}

const critical = der(0x01, Uint8Array.of(0xff))
// RFC 5280, 4.2.1.9 and 4.2.1.3; key usage digitalSignature is bit 0, keyCertSign bit 5.
const basicConstraints = sequence(oid(Uint8Array.of(0x55, 0x1d, 0x13)), critical, der(0x04, sequence(critical)))
export const authorityExtensions = sequence(basicConstraints, keyUsage(0x04, 2))
export const signerExtensions = sequence(keyUsage(0x80, 7))

function keyUsage(bits: number, unused: number): Uint8Array {
  const usage = der(0x03, Uint8Array.of(unused, bits))
  return sequence(oid(Uint8Array.of(0x55, 0x1d, 0x0f)), critical, der(0x04, usage))
}

export type CertificateParts = {
  serial: Uint8Array
  issuer: Uint8Array
  subject: Uint8Array
  publicKey: KeyObject
  extensions: Uint8Array
  notBeforeMs: number
  notAfterMs: number
}

/** A positive serial number of 16 bytes without a leading zero byte. */
export function newSerial(randomBytes: (count: number) => Uint8Array = systemRandomBytes): Uint8Array {
  const serial = Uint8Array.from(randomBytes(16))
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

/** A certificate of version 3 in PEM. */
export function certificatePem(parts: CertificateParts, authorityKey: KeyObject): string {
  return toPem(certificate(parts, authorityKey))
}

function certificate(parts: CertificateParts, authorityKey: KeyObject): Uint8Array {
  const tbs = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, parts.serial),
    ecdsaWithSha256,
    parts.issuer,
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, parts.extensions),
  )
  return sequence(tbs, ecdsaWithSha256, bitString(sign('sha256', tbs, authorityKey)))
}

function toPem(certificateDer: Uint8Array): string {
  const lines =
    Buffer.from(certificateDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

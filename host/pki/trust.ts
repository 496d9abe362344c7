// The trust store: certificates by serial number.

import { type KeyObject, X509Certificate } from 'node:crypto'
import { subjectEui } from './der.ts'

/** A certificate, reduced to what a signature check needs. */
export type TrustedSigner = {
  /** EUI-64 of the holder, upper case. */
  eui: string
  /** Issuer as `comparableName` writes it. */
  issuer: string
  /** Decimal. */
  serial: string
  publicKey: KeyObject
  notBeforeMs: number
  notAfterMs: number
}

/** Certificates by decimal serial number; two issuers may have used the same one. */
export type TrustStore = ReadonlyMap<string, readonly TrustedSigner[]>

/**
 * Builds a store of PEM certificates, and of `signers` that were read already. Every certificate given is trusted for
 * the EUI-64 in its subject's x500UniqueIdentifier; chains and revocation are not checked.
 *
 * Throws Error for one that is not PEM, not P-256 or names no EUI-64, saying which it is.
 */
export function createTrustStore(pems: readonly string[], signers: readonly TrustedSigner[] = []): TrustStore {
  const store = new Map<string, TrustedSigner[]>()
  for (const signer of [...pems.map(trustedSigner), ...signers]) {
    const others = store.get(signer.serial) ?? []
    if (others.some((other) => other.issuer === signer.issuer)) continue
    store.set(signer.serial, [...others, signer])
  }
  return store
}

/** Reads one PEM certificate. Throws Error as `createTrustStore`. */
export function trustedSigner(pem: string): TrustedSigner {
  const certificate = new X509Certificate(pem)
  const { publicKey } = certificate
  const serial = decimalSerial(certificate)
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error(`certificate ${serial} (${certificate.subject}) is not for a P-256 key`)
  }
  const eui = subjectEui(certificate.raw)
  if (eui === undefined) {
    throw new Error(`certificate ${serial} has no EUI-64 as x500UniqueIdentifier (2.5.4.45) in its subject`)
  }
  return {
    eui: Buffer.from(eui)
      .toString('hex')
      .toUpperCase()
      .replace(/(..)(?=.)/g, '$1-'),
    issuer: comparableName(issuerNameOf(certificate)),
    serial,
    publicKey,
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
  }
}

const issuerNameCharactersMax = 1_024

/** The trusted certificate with this serial number and issuer, or undefined. */
export function findSigner(trust: TrustStore, serial: string, issuerName: string): TrustedSigner | undefined {
  // RFC 5280 allows serial numbers of 20 bytes, 49 digits. Both values come from outside, unchecked.
  if (!/^\d{1,50}$/.test(serial) || issuerName.length > issuerNameCharactersMax) return undefined
  const issuer = comparableName(issuerName)
  return trust.get(BigInt(serial).toString())?.find((signer) => signer.issuer === issuer)
}

/** Serial number of a certificate in decimal, as X509SerialNumber holds it. */
export function decimalSerial(certificate: X509Certificate): string {
  return BigInt(`0x${certificate.serialNumber}`).toString()
}

/** Issuer of a certificate as RFC 4514 writes it: last part first, `CN=Z1,OU=07`. */
export function issuerNameOf(certificate: X509Certificate): string {
  return certificate.issuer.split('\n').reverse().join(',')
}

/**
 * A distinguished name normalised for comparison: order of the parts, white space and case. The name only selects between
 * certificates with the same serial number, so a tolerant comparison trusts no other certificate.
 */
export function comparableName(name: string): string {
  const parts = name.match(/(?:\\.|"[^"]*"|[^,;+\\"])+/g) ?? []
  return parts
    .map((part) =>
      part
        .trim()
        .replace(/\s*=\s*/, '=')
        .replace(/\s+/g, ' ')
        .toLowerCase(),
    )
    .sort()
    .join(',')
}

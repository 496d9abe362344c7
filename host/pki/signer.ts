import type { KeyObject } from 'node:crypto'

/** Who signs: a P-256 private key, and the issuer and serial number by which the certificate is found. */
export type Signer = {
  key: KeyObject
  /** In the notation of RFC 4514, `CN=Z1,OU=07`. */
  issuerName: string
  /** Decimal. */
  serial: string
}

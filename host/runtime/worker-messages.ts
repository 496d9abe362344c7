// What the process that decides tells one that serves HTTP: plain data, keys as DER.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { FaultCodes } from '../catalogue/response-code.ts'
import type { Signer } from '../pki/signer.ts'
import type { TrustedSigner, TrustStore } from '../pki/trust.ts'

/** A trust store, public keys as SPKI. */
export type ToldTrust = [string, (Omit<TrustedSigner, 'publicKey'> & { publicKey: Uint8Array })[]][]

/** A signer, its private key as PKCS #8. It goes over the socket between the two processes and nowhere else. */
export type ToldSigner = Pick<Signer, 'issuerName' | 'serial'> & { key: Uint8Array }

/** First of all. */
export interface WorkerStart {
  host: string
  port: number
  codes: FaultCodes
  /** Directory of the schemas. */
  schema: string | undefined
  trust: ToldTrust
  dsp: ToldSigner
}

export function serializedTrust(trust: TrustStore): ToldTrust {
  const der = (one: TrustedSigner) => one.publicKey.export({ type: 'spki', format: 'der' })
  return [...trust].map(([serial, signers]) => [serial, signers.map((one) => ({ ...one, publicKey: der(one) }))])
}

export function trustOf(told: ToldTrust): TrustStore {
  const key = (der: Uint8Array) => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
  return new Map(
    told.map(([serial, signers]) => [serial, signers.map((one) => ({ ...one, publicKey: key(one.publicKey) }))]),
  )
}

export function serializedSigner({ key, issuerName, serial }: Signer): ToldSigner {
  return { key: key.export({ type: 'pkcs8', format: 'der' }), issuerName, serial }
}

export function signerOf({ key, issuerName, serial }: ToldSigner): Signer {
  return { key: createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }), issuerName, serial }
}

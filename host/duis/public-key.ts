// The public-key operations of DUIS signatures: ECDSA P-256 with SHA-256. XMLDSIG wants the two numbers of a signature as
// they are (RFC 4050, 64 bytes), not in DER.
//
// A verification takes 70 microseconds and a signature 28. Clients and tests do them in this thread, and so does a bridge of
// several processes; one that is alone, and has others to serve meanwhile, in the thread pool and so on every core.

import { type KeyObject, sign, verify } from 'node:crypto'

export interface PublicKeys {
  /** 64 bytes. */
  sign(key: KeyObject, message: Uint8Array): Promise<Uint8Array>
  verify(key: KeyObject, message: Uint8Array, signature: Uint8Array): Promise<boolean>
}

const dsaEncoding = 'ieee-p1363' as const

export function signHere(key: KeyObject, message: Uint8Array): Uint8Array {
  return sign('sha256', message, { key, dsaEncoding })
}

export function verifyHere(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', message, { key, dsaEncoding }, signature)
}

export const inThisThread: PublicKeys = {
  sign: async (key, message) => signHere(key, message),
  verify: async (key, message, signature) => verifyHere(key, message, signature),
}

/** In the thread pool of libuv, which has four threads unless UV_THREADPOOL_SIZE says otherwise. */
export const inThreadPool: PublicKeys = {
  sign: (key, message) =>
    new Promise((resolve, reject) => {
      sign('sha256', message, { key, dsaEncoding }, (error, value) => (error ? reject(error) : resolve(value)))
    }),
  verify: (key, message, signature) =>
    new Promise((resolve, reject) => {
      verify('sha256', message, { key, dsaEncoding }, signature, (error, good) =>
        error ? reject(error) : resolve(good),
      )
    }),
}

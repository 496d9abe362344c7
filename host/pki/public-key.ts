// The public-key operations of DUIS signatures: ECDSA P-256 with SHA-256. XMLDSIG has the two numbers of a
// signature one after the other (RFC 4050, 64 bytes), not in DER.
//
// A signature takes 28 microseconds, no more than its transfer to another thread; a verification takes 70. Clients, tests
// and a bridge of several processes verify in the calling thread. A bridge of one process verifies in the thread pool, and
// so on every core.

import { type KeyObject, sign, verify } from 'node:crypto'

/** Whether 64 bytes are the signature of a message. */
export type Verify = (key: KeyObject, message: Uint8Array, signature: Uint8Array) => Promise<boolean>

const dsaEncoding = 'ieee-p1363' as const

/** 64 bytes. */
export function signatureValue(key: KeyObject, message: Uint8Array): Uint8Array {
  return sign('sha256', message, { key, dsaEncoding })
}

export function verifyHere(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', message, { key, dsaEncoding }, signature)
}

export const inThisThread: Verify = async (key, message, signature) => verifyHere(key, message, signature)

/** Verifies in the thread pool of libuv, which has four threads unless UV_THREADPOOL_SIZE is set. */
export const inThreadPool: Verify = (key, message, signature) =>
  new Promise((resolve, reject) => {
    verify('sha256', message, { key, dsaEncoding }, signature, (error, good) => (error ? reject(error) : resolve(good)))
  })

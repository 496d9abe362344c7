// The key that a meter and the DCO share. It is agreed on the host (protocol/SPEC.md section 5): X25519 takes minutes on a
// board, and the line never carries a key.

import { diffieHellman, generateKeyPairSync, hkdfSync, timingSafeEqual } from 'node:crypto'
import { keyBytes } from '../../protocol/seal.ts'

/** What the key is for: the same pairs would give another key for another purpose. */
const purpose = 'smets1 meter key'

/**
 * A new key of 32 bytes by X25519 and HKDF-SHA-256: a key pair for the meter and one for the DCO, each public key with the
 * other private key. The pairs are used once and not stored.
 * @param randomBytes must be fit for keys; it gives the salt
 */
export function agreeKey(randomBytes: (count: number) => Uint8Array): Uint8Array {
  const meter = generateKeyPairSync('x25519')
  const dco = generateKeyPairSync('x25519')
  const ofMeter = diffieHellman({ privateKey: meter.privateKey, publicKey: dco.publicKey })
  const ofDco = diffieHellman({ privateKey: dco.privateKey, publicKey: meter.publicKey })
  if (!timingSafeEqual(ofMeter, ofDco)) throw new Error('the two sides do not agree')
  const key = new Uint8Array(hkdfSync('sha256', ofMeter, randomBytes(keyBytes), purpose, keyBytes))
  for (const secret of [ofMeter, ofDco]) secret.fill(0)
  return key
}

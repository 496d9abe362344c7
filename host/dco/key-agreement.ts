// The key that a meter and the DCO share. It is agreed on the host (protocol/SPEC.md section 5): X25519 takes minutes on a
// board, and the line never carries a key.

import nacl from 'tweetnacl'

/**
 * A new key of 32 bytes by X25519: a key pair for the meter and one for the DCO, each public key with the other secret key
 * (`nacl.box.before`). The pairs are used once and not stored.
 * @param randomBytes must be fit for keys
 */
export function agreeKey(randomBytes: (count: number) => Uint8Array): Uint8Array {
  const pair = () => nacl.box.keyPair.fromSecretKey(randomBytes(nacl.box.secretKeyLength))
  const meter = pair()
  const dco = pair()
  const key = nacl.box.before(dco.publicKey, meter.secretKey)
  if (!nacl.verify(key, nacl.box.before(meter.publicKey, dco.secretKey))) throw new Error('the two sides do not agree')
  for (const secret of [meter.secretKey, dco.secretKey]) secret.fill(0)
  return key
}

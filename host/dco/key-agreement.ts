// The key that a meter and the DCO share, agreed away from the meter (protocol/SPEC.md section 5): X25519 takes minutes on a
// board, and the line never carries a key.

import nacl from 'tweetnacl'

/**
 * A new key of 32 bytes: the meter's side and the DCO's each make a key pair, and either public key with the other's
 * secret one gives it (`nacl.box.before`). The pairs are used for this once, and kept nowhere.
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

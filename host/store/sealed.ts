// Bytes sealed with AES-256-GCM and bound to a name: a nonce, the ciphertext, and the tag.

import { createCipheriv, createDecipheriv } from 'node:crypto'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/** @param random cryptographically strong */
export function sealEntry(
  key: Uint8Array,
  plain: Uint8Array,
  name: string,
  random: (count: number) => Uint8Array,
): Uint8Array {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(new TextEncoder().encode(name))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The plain bytes, or undefined when they were not sealed with this key and name. */
export function openEntry(key: Uint8Array, sealed: Uint8Array, name: string): Uint8Array | undefined {
  if (sealed.length < nonceBytes + tagBytes || key.length !== keyBytes) return undefined
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(new TextEncoder().encode(name))
  decipher.setAuthTag(sealed.subarray(end))
  try {
    const plain = decipher.update(sealed.subarray(nonceBytes, end))
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}

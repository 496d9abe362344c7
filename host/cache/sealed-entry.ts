// Entries of the cache on disk: sealed with AES-256-GCM under the key of the UTC hour of retrieval, and bound to their
// names.

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { readBytes } from '../store/row-reader.ts'

const nonceBytes = 12
const tagBytes = 16

/** Reads a row of the table `readings`. What is not bytes becomes an entry that does not open: a miss, not an error. */
export function readSealedEntry(value: unknown): Uint8Array {
  return readBytes(value) ?? new Uint8Array()
}

/** The store's key of an entry. Keys sort by hour, so that the entries of one sealing key are together. */
export function entryKey(hour: number, name: string): string {
  return `${String(hour).padStart(7, '0')}/${name}`
}

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
  if (sealed.length < nonceBytes + tagBytes) return undefined
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
